"""`word_embedding`: spoken words as points, takes of one word near each other, also of words that it never heard.

    log-mel of the word (batch, frames, 40)
      -> picture (batch, 48, 40, 1)                         every word stretched to 48 frames
      -> 3x3 convolution, pool (batch, 24, 20, 32)
      -> 3x3 convolution, pool (batch, 12, 10, 64)
      -> 3x3 convolution, pool over frequency (batch, 12, 5, 64)
      -> dense (batch, 96), of length 1                     the embedding
      -> 16 times its cosine with each known word's direction (batch, words)     logits

Source: H. Kamper, W. Wang, K. Livescu, "Deep convolutional acoustic word embeddings using word-pair side information",
ICASSP 2016 (doi.org/10.1109/ICASSP.2016.7472619), its word classification network; the cosine classifier is that of
F. Wang et al., "NormFace", ACM Multimedia 2017 (arxiv.org/abs/1704.06369), as in speaker_id. (`zoo.few_shot` then puts the mean of
some examples in a learnt direction's place: J. Snell et al., "Prototypical networks for few-shot learning", NeurIPS 2017.)

What tutorials get wrong: they call a network few-shot that has been trained on the very words it is then shown five
examples of. Here no number, and nothing that sounds like one, was among the words, and none of FSDD's speakers among the
voices: digits are new words to it. It is no autoencoder: it stands here to be compared with them,
since it is told which takes are the same word and they are not.

Departures: characters of the word are not used; 747 words, most of them said by synthetic voices only.

    model = zoo.load("word_embedding")
    words = zoo.few_shot(model, {"yes": ["y1.wav", "y2.wav"], "no": ["n1.wav", "n2.wav"]})
    words.classify("clip.wav").label

Try: `zoo study few-shot`, and words of another language.
"""

from dataclasses import dataclass

import keras
from keras import layers

from zoo.features import Picture
from zoo.frontend import WordConfig, word_frames
from zoo.models.speaker_id import CosineLogits
from zoo.registry import register

# The words of `synthetic_words`.
WORDS = tuple(
    (
        "a afraid after afternoon again ago airport alone always am an and angry anna apple apples april are arm art "
        "at august aunt autumn awful b baby back bad bag bags baker bakery ball balls banana bananas bank basket "
        "basketball baskets bathroom be beach bear bears beautiful because bed bedroom been behind believe ben "
        "bicycle bicycles big bigger bird birds birthday biscuit biscuits black blanket blankets blue boat book books "
        "bored boring born bottle bottles bought box boxes boy brazil bread bridge bring broke brother brought brown "
        "bus busy but butter buy buying by c cake came camera cameras can canada candle candles cannot car cards "
        "carefully carol carried carrot carrots carry carrying cat cats chair chairs cheap cheaper cheese chess "
        "chicken children china chinese chocolate church cinema city classroom clean cleaned cleaner cleaning clock "
        "clocks close closed cloudy coat coats coffee cold colour come cook cooked cooking could cousin cow cows "
        "cried crying cup cups d dance danced dancing dangerous daniel dark daughter david day days december dentist "
        "did difficult dinner dirty do doctor does dog dogs door drank draw drawer drawing dress drive driver dropped "
        "drove dry duck ducks e egg eggs egypt elephant elephants emma empty england english enter erase evening ever "
        "every excellent excited expensive f far farmer fast faster father february field find finger fish fishing "
        "floor foggy foot football forest forgot found fox foxes france frank french friday friend friends fruit full "
        "g garage garden gave geography german germany girl glass go goes going golf good grace grandfather "
        "grandmother grape grapes great greece green grey guitar guitars h had hall hand happier happily happy hard "
        "has hat hats have he head heavier heavy helen help henry her hid hill his history hockey home honey hope "
        "hopes horse horses hospital hot hotel hour hours how huge hungry hurt husband i if in india is island it "
        "italian italy j jack jacket jane january japan japanese john juice july jumped june k kate keep key keys "
        "kinder king kitchen knee knife knives know l lake lamp lamps large last late laugh laughed laughing lawyer "
        "leave leaves left leg lemon lemonade lemons let letter letters library light lighter like liked likes linda "
        "lion lions little living long looking lost loudly lovely lucy m made man many map maps march mark market "
        "mary maths may me meat met mexico mice mike milk minutes mirror mirrors monday monkey monkeys month more "
        "morning mother mountain mouse much museum music must my n near need needed needs neighbour neighbours "
        "nervous never new newer next nice night nina no noisy not november now nurse o'clock october of office often "
        "old older oliver on onion onions open opened opens orange oranges ordered our over p paint painted painter "
        "painting park paul peach peaches pears pen pencil pencils pens perfect peter phone phones piano pianos "
        "picture pictures pig pigs pillow pilot pink pizza plane plate plates play played playground playing plays "
        "please policeman pool post postman potato potatoes pretty purple q queen quickly quietly r rabbit rabbits "
        "radio radios rainy ran read reading ready red remember repair repaired repairing repeat restaurant rice "
        "richer right river road room rose rubout run running russia russian s sad salad salt sam sandwich sandwiches "
        "sang saturday saw scarf school science sea see seen sell selling september she sheep shelf ship shirt shirts "
        "shoe shoes short shorter should shoulder sick sing singer singing sister skating skirt sleep sleeping slept "
        "slow slower slowly small smaller snake snakes snowy so soft sold some sometimes son soon soup spain spanish "
        "speaks spoon spoons spring start station stay stop strong stronger student studied study studying such sugar "
        "suit summer sunday sunny supermarket surprised susan swam sweater swim swimming t table tables take takes "
        "taking talk talked talking tall taller taxi tea teacher tennis terrible than thank that the theatre their "
        "then there these they think thirsty this thursday ticket tickets tiger tigers tim time tina tiny tired today "
        "tom tomato tomatoes tomorrow tonight took tooth toy toys train tram travel travelled travelling tries truck "
        "try tuesday turn u ugly umbrella umbrellas uncle under us use usually v very village volleyball w waited "
        "waiter walk walked wall want wanted wants warm was wash washed washing water we weak weather wednesday week "
        "well wendy went were wet what when where white who why wife will window windy winter with woman wonderful "
        "work worked working works would write writer writing wrote x y year yellow yes yesterday you younger your "
        "yours z zoo"
    ).split()
)


@dataclass(frozen=True)
class Config(WordConfig):
    labels: tuple = WORDS
    width: int = 48  # frames of the picture
    filters: int = 32  # of the first convolution; the others have twice as many
    units: int = 96  # numbers in an embedding
    scale: float = 16.0  # of the cosines
    dropout: float = 0.2  # share of the embedding layer's inputs


@register("word_embedding", Config(), task="classification")
def build(config: Config) -> keras.Model:
    """(waveform, lengths in samples) -> logits of words; embedding (batch, units) of length 1."""
    inputs, x, frames = word_frames(config)  # (batch, frames, n_mels)
    x = Picture(config.width, name="picture")(x, frames)  # (batch, width, n_mels, 1)
    for i, (filters, pool) in enumerate(((config.filters, 2), (2 * config.filters, 2), (2 * config.filters, (1, 2)))):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"conv_{i}")(x)
        x = layers.ReLU(name=f"relu_{i}")(layers.BatchNormalization(momentum=0.97, name=f"norm_{i}")(x))
        x = layers.MaxPooling2D(pool, name=f"pool_{i}")(x)
    x = layers.Flatten(name="flatten")(x)  # (batch, width / 4 * n_mels / 8 * 2 * filters)
    x = layers.Dropout(config.dropout, seed=0, name="dropout")(x)
    x = layers.Dense(config.units, name="embedding")(x)
    x = layers.UnitNormalization(dtype="float32", name="unit")(x)  # (batch, units)
    logits = CosineLogits(len(config.labels), config.scale, dtype="float32", name="logits")(x)
    return keras.Model(inputs, {"logits": logits, "embedding": x}, name="word_embedding")
