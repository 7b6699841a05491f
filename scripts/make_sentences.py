"""Write data/manifests/sentences.csv: everyday English sentences from a small grammar, made for this project.

    python scripts/make_sentences.py [OUT]

Some eighty patterns over some seven hundred words; each pattern is filled at random from a seed, sentences that came
before are dropped, and a sentence's hash says in which split it is. Every line is ours: none is from a book or a corpus.
"""

import csv
import re
import sys
import zlib
from pathlib import Path

import numpy as np

OUT = Path(__file__).parent.parent / "data" / "manifests" / "sentences.csv"
COUNT, SEED = 4000, 0

# A word class is a list; a pattern names classes in braces. "a|b" after a colon is said for one person, or for several.
WORDS = {
    "name": "anna ben carol daniel emma frank grace henry jane john kate lucy mark mary mike nina oliver paul peter rose "
    "sam susan tim tina tom wendy david helen jack linda",
    "relative": "mother father sister brother aunt uncle cousin grandmother grandfather daughter son wife husband",
    "person": "teacher doctor nurse farmer driver baker cook dentist postman policeman neighbour waiter singer painter "
    "lawyer student boy girl baby man woman friend king queen pilot",
    "animal": "dog cat horse cow bird rabbit mouse duck sheep pig fox bear lion monkey elephant tiger fish snake",
    "food": "bread cheese rice soup fish meat chicken salad cake chocolate fruit honey butter pizza sugar salt",
    "fruit": "apple orange banana pear lemon peach tomato potato carrot onion egg sandwich biscuit grape",
    "drink": "water milk tea coffee juice lemonade",
    "thing": "book bag box key lamp clock phone camera pen pencil letter picture map ticket umbrella hat coat shirt shoe chair "
    "table bottle cup plate spoon knife basket ball toy radio guitar piano bicycle mirror blanket pillow candle",
    "vehicle": "bus train car boat bicycle taxi plane ship truck tram",
    "place": "park school market station library museum hospital kitchen garden office beach cinema theatre church bank hotel "
    "restaurant bakery airport village city zoo playground supermarket swimming_pool post_office bus_stop",
    "room": "kitchen bedroom bathroom garden garage living_room classroom office hall",
    "nature": "river lake mountain forest sea field hill island road bridge",
    "clothes": "coat jacket shirt dress skirt sweater hat scarf suit",
    "part": "hand foot head arm leg back knee finger shoulder tooth",
    "colour": "red blue green yellow white black brown grey pink orange purple",
    "good": "beautiful lovely nice wonderful great excellent perfect pretty",
    "bad": "terrible awful bad boring dangerous difficult noisy ugly",
    "size": "big small large little huge tiny tall short long",
    "feel": "happy sad tired hungry thirsty angry afraid sick ready busy late alone surprised bored nervous excited",
    "quality": "old new cheap expensive clean dirty heavy light hot cold wet dry full empty strong weak soft hard fast slow dark",
    "compare": "older newer cheaper bigger smaller faster slower taller shorter heavier lighter cleaner stronger younger",
    "compare_people": "older younger taller shorter stronger faster slower happier richer kinder",
    "vessel": "cup glass bottle bag box",
    "weather": "sunny rainy windy cloudy cold warm hot foggy snowy dark",
    "day": "monday tuesday wednesday thursday friday saturday sunday",
    "month": "january february march april may june july august september october november december",
    "season": "spring summer autumn winter",
    "part_of_day": "morning afternoon evening",
    "past": "yesterday last_night last_week last_year an_hour_ago two_days_ago this_morning",
    "future": "tomorrow tonight next_week next_month soon this_evening after_dinner on_sunday",
    "often": "always often usually sometimes never",
    "number": "two three four five six seven eight nine ten eleven twelve twenty thirty",
    "hour": "one two three four five six seven eight nine ten eleven twelve",
    "language": "english french spanish chinese german italian russian japanese",
    "country": "france spain china germany italy russia japan england india canada egypt brazil mexico greece",
    "subject": "english maths history music science art geography",
    "sport": "football tennis basketball chess cards golf hockey volleyball",
    "hobby": "swimming cooking reading dancing singing painting fishing travelling drawing skating running",
    "job": "doctor teacher nurse pilot farmer singer lawyer painter cook driver writer dentist",
    "on": "on_the_table under_the_bed behind_the_door in_the_box on_the_chair next_to_the_window in_my_bag on_the_wall near_the_lamp "
    "on_the_shelf in_the_drawer on_the_floor",
    "how": "slowly quickly quietly loudly carefully happily well",
    "poss": "my your his her our their",
    "polite": "please now quickly carefully again",
    "do_past": "bought found lost sold forgot painted cleaned broke opened closed carried dropped washed repaired hid wanted "
    "liked needed took brought",
    "do": "buy find sell paint clean open close carry wash repair take bring use see keep",
    "doing": "buying selling painting cleaning opening carrying washing repairing taking looking_for",
    "go_past": "went walked drove ran travelled came",
    "go": "go walk drive run come travel",
    "eat_past": "ate cooked bought ordered made liked",
    "act": "play sing dance sleep read write draw swim laugh talk study work cook",
    "acting": "playing singing dancing sleeping reading writing drawing swimming laughing talking studying working cooking crying",
    "acted": "played sang danced slept read wrote swam laughed talked studied worked cooked waited cried",
    "think": "think know hope believe remember",
    "verb_to": "want need like hope try",
    "verb_to_s": "wants needs likes hopes tries",
}
PEOPLE = {  # who -> "is" of it, "was" of it, ending of a verb
    "i": ("am", "was", ""), "you": ("are", "were", ""), "we": ("are", "were", ""), "they": ("are", "were", ""),
    "he": ("is", "was", "s"), "she": ("is", "was", "s"), "my {relative}": ("is", "was", "s"), "{name}": ("is", "was", "s"),
    "the {person}": ("is", "was", "s"), "the children": ("are", "were", ""), "our neighbours": ("are", "were", ""),
    "her {relative}": ("is", "was", "s"), "your {relative}": ("is", "was", "s"), "my friends": ("are", "were", ""),
}  # fmt: skip
PATTERNS = (
    "{who} {do_past} the {thing} {past}",
    "{who} {do_past} a {colour} {thing}",
    "{who} {do_past} {poss} {thing} in the {place}",
    "{who} {is} {doing} the {thing}",
    "{who} {is} {acting} in the {room}",
    "{who} {was} {acting} when the {vehicle} came",
    "{who} {was} very {feel} {past}",
    "{who} {is} too {feel} to {act}",
    "{who} {is} {feel} because the {thing} is {quality}",
    "{who} will {do} the {thing} {future}",
    "{who} will {go} to the {place} {future}",
    "{who} {go_past} to the {place} {past}",
    "{who} {go_past} to the {place} by {vehicle}",
    "{who} {go_past} to {country} last {month}",
    "{who} {eat_past} some {food} for dinner",
    "{who} {eat_past} {number} {fruit}s",
    "{who} drank a cup of {drink} in the {part_of_day}",
    "{who} {is} going to {act} {future}",
    "{who} {is} going to the {place} with {name}",
    "{who} {acted} for {number} hours",
    "{who} {acted} in the {place} {past}",
    "{who} {acted} {how}",
    "{who} can {act} very {how}",
    "{who} cannot find {poss} {thing}",
    "{who} could not {act} {past}",
    "{who} must {do} the {thing} {polite}",
    "{who} should not {act} in the {place}",
    "{who} did not see the {animal}",
    "{who} saw a {size} {animal} near the {nature}",
    "{who} saw {number} {animal}s in the {nature}",
    "{who} gave {name} a {quality} {thing}",
    "{who} {was} in {country} in {month}",
    "{who} {was} born in {country}",
    "{who} met the {person} at the {place}",
    "{who} {verb} {hobby} in {season}",
    "{who} {often} {verb_go} to the {place} on {day}",
    "{name} wants to be a {job}",
    "{who} {verb_to} to {do} a {quality} {thing}",
    "{who} {verb_have} a {size} {animal} and a {colour} {animal}",
    "{who} {verb_have} {number} {thing}s {on}",
    "{who} hurt {poss} {part} {past}",
    "{name} and {name} are {acting} in the {place}",
    "{name} likes {subject} more than {subject}",
    "{name} speaks {language} and {language}",
    "{name} plays {sport} every {day}",
    "my {relative} is a {job}",
    "my {relative} works in a {place}",
    "my {thing} is {compare} than yours",
    "my {relative} is {compare_people} than me",
    "the {animal} is {compare} than the {animal}",
    "the {thing} is {on}",
    "the {colour} {thing} is too {quality}",
    "the {clothes} is {quality} but the {clothes} is {quality}",
    "the {place} opens at {hour} o'clock",
    "the {vehicle} leaves at {hour} in the {part_of_day}",
    "the {vehicle} was {number} minutes late",
    "the {person} has a {colour} {clothes}",
    "the {animal} jumped over the {thing}",
    "the {food} on the table is for {name}",
    "the weather is {weather} in {season}",
    "there is a {thing} {on}",
    "there are {number} {animal}s in the {nature}",
    "there is no {drink} in the {vessel}",
    "there was a {good} {place} near the {nature}",
    "it is {weather} today",
    "it was {weather} {past}",
    "it takes {number} minutes to {go} to the {place}",
    "it is a {good} day to {go} to the {nature}",
    "where is the {place}",
    "where did you {do} that {thing}",
    "where are my {quality} {thing}s",
    "when does the {vehicle} leave for the {place}",
    "what time does the {place} close",
    "what do you {do} on {day}",
    "what colour is your {thing}",
    "how much is the {colour} {thing}",
    "how many {animal}s can you see",
    "how far is it to the {place}",
    "who is {acting} in the {room}",
    "who {do_past} my {thing}",
    "why is the {animal} so {feel}",
    "why did {name} {go} to the {place}",
    "do you like {food} with {food}",
    "do you {often_do} to the {place}",
    "did {name} {do} the {thing} {past}",
    "can you {do} the {thing} please",
    "can i have some {food} and a {fruit}",
    "could you help me with this {thing}",
    "would you like a cup of {drink}",
    "would you like to {act} with us",
    "have you ever been to {country}",
    "please {do} the {thing} {polite}",
    "please do not {act} in the {room}",
    "let us {go} to the {place} {future}",
    "i would like {number} {fruit}s and some {drink}",
    "i {think} that {name} is {feel}",
    "i {think} the {thing} is {on}",
    "i have never seen such a {good} {thing}",
    "i am looking for a {quality} {clothes}",
    "if it is {weather} we will stay at home",
    "if you are {feel} you should {act}",
    "she is the {good} {person} of the {place}",
    "this {food} is {good} but that {food} is {bad}",
    "that was a {bad} {place}",
    "these {thing}s are {quality}",
    "we need some {food} and {number} {fruit}s",
    "we had {food} and {drink} in the {part_of_day}",
    "happy birthday {name}",
    "good {part_of_day} {name} how are you",
    "see you on {day} {part_of_day}",
    "thank you for the {good} {thing}",
    "turn left at the {place} and then right",
)
PLURALS = {"mouses": "mice", "sheeps": "sheep", "fishs": "fish", "foxs": "foxes", "potatos": "potatoes", "tomatos": "tomatoes",
           "peachs": "peaches", "boxs": "boxes", "knifes": "knives", "radios": "radios", "sandwichs": "sandwiches",
           "babys": "babies"}  # fmt: skip


def fill(pattern: str, rng: np.random.Generator) -> str:
    """One sentence of a pattern."""

    def draw(name: str) -> str:
        words = WORDS[name].split()
        return words[rng.integers(len(words))].replace("_", " ")

    if "{who}" in pattern:
        who = list(PEOPLE)[rng.integers(len(PEOPLE))]
        be, was, ending = PEOPLE[who]
        to = "verb_to_s" if ending else "verb_to"
        pattern = (
            pattern.replace("{who}", who).replace("{is}", be).replace("{was}", was).replace("{verb_to}", f"{{{to}}}")
        )
        pattern = pattern.replace("{verb_have}", "has" if ending else "have").replace(
            "{verb_go}", "goes" if ending else "go"
        )
        pattern = pattern.replace("{verb}", "likes" if ending else "like")
    pattern = pattern.replace("{often_do}", "often go")
    text = re.sub(r"\{(\w+)\}", lambda match: draw(match[1]), pattern)
    text = " ".join(PLURALS.get(word, word) for word in text.split())
    return re.sub(r"\ba (?=[aeiou])(?!uni|one)", "an ", text)


def part_of(text: str) -> str:
    """The one split that a sentence is in: 80 % train, 10 % each for the others."""
    return {0: "validation", 1: "test"}.get(zlib.crc32(text.encode()) % 10, "train")


def sentences(count: int, seed: int) -> list[str]:
    """`count` different sentences, of the patterns in turn."""
    rng, found = np.random.default_rng(seed), {}
    i = 0
    while len(found) < count:
        words = (text := fill(PATTERNS[i % len(PATTERNS)], rng)).split()
        i += 1
        # "the dog is older than the dog" and "likes art more than art" are no sentences that anybody says.
        if len([w for w in words if len(w) > 3 and words.count(w) > 1]) == 0:
            found.setdefault(text)
    return list(found)


def main(out: Path = OUT) -> None:
    with open(out, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("id", "split", "text"))
        writer.writerows((f"s{i:04d}", part_of(text), text) for i, text in enumerate(sentences(COUNT, SEED)))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
