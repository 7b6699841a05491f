"""What autoencoders are for, measured: each study is one function, one command (`zoo study NAME`) and one table.

    reconstruction   each autoencoder against principal component analysis with as many components, on unseen speakers
    denoising        recognisers in noise, with and without the denoising autoencoder before them
    few-shot         words from 1, 5 or 10 examples, against MFCC and dynamic time warping
    search           where in a recording a word is, by example
    pretraining      a classifier that starts from an autoencoder's encoder, against a fresh one, with few labels
    pretraining-ctc  a recogniser that does
    augmentation     reconstructed and interpolated words as more training data

Every study returns rows, plain dictionaries. A figure comes with its 95 % interval, and a use that does not help stays in
its table.
"""

import itertools
import json
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

import keras
import numpy as np

from zoo import baselines, datasets
from zoo.audio import resample
from zoo.augment import add_noise, excerpt
from zoo.crossval import T_95
from zoo.datasets.connected_digits import RATE as DIGITS_RATE
from zoo.datasets.fsdd import SPEAKERS
from zoo.datasets.noise import RATE as NOISE_RATE
from zoo.datasets.noise import load_noise
from zoo.errors import AudioError, DataError
from zoo.fewshot import vectors
from zoo.files import read_json, whole
from zoo.metrics import accuracy, wer
from zoo.model import load, pad
from zoo.search import Searcher
from zoo.training import Corpus

SNR_DB = (20, 10, 5, 0)  # mean power of speech over that of noise


# --------------------------------------------------------------------------------------------------- reconstruction

# model -> (sets it learnt from, of which PCA learns too; set of unseen speakers; frames of one code)
LEARNT = {
    "autoencoder": (("an4:train", "speechocean762:train"), ("an4:test", "speechocean762:validation"), 1),
    "autoencoder_mini": (("an4:train", "speechocean762:train"), ("an4:test", "speechocean762:validation"), 5),
    "conv_autoencoder": (("an4:train", "speechocean762:train"), ("an4:test", "speechocean762:validation"), 8),
    "vae": (("spoken_digits:train", "synthetic_digits:train"), ("spoken_digits:test", "fsdd:test"), None),
}
PCA_CLIPS = 600  # of each set, that PCA learns from: half a million frames, and it has few numbers to find


def reconstruction(fast: bool = False, say=print, seed: int = 0) -> list[dict]:
    """Root mean square error in dB of each autoencoder and of PCA with as many components, on speakers heard by neither.
    (speechocean762's validation speakers chose the epoch of the networks' weights and, for `autoencoder`, whose last epoch is
    shipped, the optimizer; the other sets chose nothing.)

    Rows: model, data, clips, components (of how many values), db and pca_db, and `gain_db`: 10 log10 of PCA's mean squared
    error over the model's, with the 95 % interval over clips (bootstrap).
    """
    from sklearn.decomposition import PCA

    rows = []
    models = [(name, name, {}) for name in LEARNT] + [
        ("autoencoder_mini", "autoencoder_mini without ReLU", {"relu": False})
    ]
    for name, shown, changes in models:
        learnt, unseen, size = LEARNT[name]
        if changes:
            model = linear_mini(fast, say)
        else:
            model = load(name)
        rng = np.random.default_rng(seed)
        frames = [
            blocks(one.log_mel, size) for spec in learnt for one in _some(model, spec, 40 if fast else PCA_CLIPS, rng)
        ]
        values = np.concatenate(frames)
        components = model.config.code
        pca = PCA(components, random_state=seed).fit(values)
        for spec in unseen:
            own, linear = [], []
            for one in _some(model, spec, 20 if fast else 10**9, rng):
                block = blocks(one.log_mel, size)
                back = pca.inverse_transform(pca.transform(block)).reshape(-1, one.log_mel.shape[1])[: len(one.log_mel)]
                own.append(one.error_db**2)
                linear.append(float(np.mean(np.square(back - one.log_mel))))
            own, linear = np.array(own), np.array(linear)
            gain, low, high = _bootstrap(lambda i, a=own, b=linear: 10 * np.log10(b[i].mean() / a[i].mean()), len(own))
            rows.append({
                "model": shown, "data": spec, "clips": len(own), "components": components, "values": values.shape[1],
                "db": float(np.sqrt(own.mean())), "pca_db": float(np.sqrt(linear.mean())),
                "gain_db": gain, "low": low, "high": high,
            })  # fmt: skip
            say(f"{shown} on {spec}: {rows[-1]['db']:.2f} dB, PCA {rows[-1]['pca_db']:.2f} dB")
    return rows


def linear_mini(fast: bool, say):
    """autoencoder_mini without its ReLU, trained here, since only one of the two ships."""
    keras.utils.set_random_seed(0)
    model = load("autoencoder_mini", weights=None, relu=False)
    rng = np.random.default_rng(0)
    spliced = np.concatenate([
        blocks(one.log_mel, model.config.splice)
        for spec in LEARNT["autoencoder_mini"][0]
        for one in _some(model, spec, 40 if fast else PCA_CLIPS, rng)
    ])  # fmt: skip
    quarter = model.config.range_db / 4
    x = given = keras.Input((spliced.shape[1],))
    for name in ("encoder_0", "encoder_1", "decoder_0", "decoder_1"):
        x = model.network.get_layer(name)(x)
    inner, scaled = keras.Model(given, x), spliced / quarter + 2
    # The squared error of a linear network depends on the mean and the covariance of its data and on nothing else, so two
    # points on each principal axis that have the same of both stand for all frames: every step is exact, and takes no time.
    variance, axes = np.linalg.eigh(np.cov(scaled.T))
    offsets = (axes * np.sqrt(len(variance) * np.maximum(variance, 0))).T
    points = np.concatenate([scaled.mean(axis=0) + offsets, scaled.mean(axis=0) - offsets]).astype("float32")
    steps = 2000 if fast else 40000
    schedule = keras.optimizers.schedules.CosineDecay(5e-3, steps)
    inner.compile(keras.optimizers.Adam(schedule), "mse")
    inner.fit(np.tile(points, (500, 1)), np.tile(points, (500, 1)), len(points), steps // 500, shuffle=False, verbose=0)
    say(f"autoencoder_mini without ReLU: {steps} steps")
    return model


def blocks(frames: np.ndarray, size: int | None) -> np.ndarray:
    """(frames, bands) in rows of `size` frames, the last filled up with its last frame; one row of all for None.

    >>> blocks(np.arange(6).reshape(3, 2), 2).tolist()
    [[0, 1, 2, 3], [4, 5, 4, 5]]
    """
    if size is None:
        return frames.reshape(1, -1)
    count = -(-len(frames) // size) * size
    return np.pad(frames, ((0, count - len(frames)), (0, 0)), mode="edge").reshape(count // size, -1)


def _some(model, spec: str, most: int, rng: np.random.Generator):
    """Reconstructions of up to `most` utterances of a set, drawn at random."""
    name, split = spec.split(":")
    options = {"longest": 1, "count": 2000} if name == "synthetic_digits" else {}
    every = datasets.load(name, split, **options)
    chosen = [every[i] for i in sorted(rng.permutation(len(every))[:most])]
    rate = model.config.sample_rate
    return model.reconstruct([utterance.audio(rate) for utterance in chosen], rate)


def _bootstrap(figure: Callable, count: int, rounds: int = 1000, seed: int = 0) -> tuple[float, float, float]:
    """(figure of all, 2.5 % and 97.5 % of the figures of resampled indices)."""
    rng = np.random.default_rng(seed)
    found = [figure(rng.integers(count, size=count)) for _ in range(rounds)]
    return float(figure(np.arange(count))), *map(float, np.quantile(found, (0.025, 0.975)))


# -------------------------------------------------------------------------------------------------------- denoising

RECOGNISERS = ("conv2d", "ds_cnn", "simple_rnn")  # shipped classifiers, which learnt with noise


def denoising(fast: bool = False, say=print, seed: int = 0) -> list[dict]:
    """Accuracy and word error rate in recorded noise, with `denoising_autoencoder` before the recogniser and without.

    The noise is ESC-10's test fold, heard by no model here. Three recognisers of FSDD's test learnt from clean recordings
    (`conv2d` trained here without augmentation, SVM and DTW), three are shipped and learnt with noise; lstm_ctc writes AN4's
    test and strings of digits. `strength` 0 is without, 1 all of what the model would turn down. Also how near the sound
    itself comes to the clean one: log-spectral distance over log-mel frames and SI-SDR, both in dB.
    """
    front = load("denoising_autoencoder")
    rate, strength = front.config.sample_rate, front.config.strength
    noises = load_noise("test")
    rows = []

    def conditions(clips: Sequence[np.ndarray]):
        """(SNR, noisy clips, denoised clips)"""
        yield "clean", clips, front.denoise(list(clips), rate)
        for snr in SNR_DB:
            rng = np.random.default_rng(seed)
            noisy = [add_noise(c, excerpt(noises[rng.integers(len(noises))], len(c), rng), snr) for c in clips]
            noisy = [clip / max(1.0, float(np.abs(clip).max())) for clip in noisy]
            yield str(snr), noisy, front.denoise(noisy, rate)

    words = datasets.load("fsdd", "test")[:: 25 if fast else 1]
    said = [u.text for u in words]
    # FSDD has 8 kHz; noise and denoiser have 16: so both ways go through 16 kHz and back.
    sounds = list(conditions([u.audio(rate) for u in words]))
    hearing = _clean_recognisers(fast, say)
    for name in RECOGNISERS:
        model = load(name)
        hearing[name] = lambda clips, model=model: [found.label for found in model.classify(clips, rate)]
    for name, hear in hearing.items():
        for snr, noisy, denoised in sounds:
            for used, clips in ((0.0, noisy), (strength, denoised)):
                score = accuracy(said, hear(clips))
                rows.append(_row(name, "fsdd:test", snr, used, "accuracy", score, len(said)))
        say(f"{name}: " + ", ".join(f"{r['snr']} {r['value']:.1f}" for r in rows if r["recogniser"] == name))
    writer = load("lstm_ctc")
    for data, every in (("an4:test", 1), ("connected_digits:test", 5)):  # of the strings all speakers take turns
        utterances = datasets.load(*data.split(":"))[:: 31 * every if fast else every]
        clips, texts = [u.audio(rate) for u in utterances], [u.text for u in utterances]
        for snr, noisy, denoised in conditions(clips):
            for used, heard in ((0.0, noisy), (strength, denoised)):
                score = wer(texts, [t.text for t in writer.transcribe(heard, rate)])
                rows.append(_row("lstm_ctc", data, snr, used, "WER", score, len(texts)))
            for measure, distance in (("log-spectral distance", _spectral_distance(front)), ("SI-SDR", si_sdr)):
                if snr == "clean" and measure == "SI-SDR":
                    continue  # without noise it has no bound
                for used, heard in ((0.0, noisy), (strength, denoised)):
                    each = np.array([distance(a, b) for a, b in zip(clips, heard, strict=True)])
                    value, low, high = _bootstrap(lambda i, each=each: each[i].mean(), len(each))
                    rows.append({
                        "recogniser": "", "data": data, "snr": snr, "strength": used, "metric": measure,
                        "value": value, "low": low, "high": high, "clips": len(each),
                    })  # fmt: skip
        say(
            f"lstm_ctc on {data}: "
            + ", ".join(f"{r['snr']} {r['value']:.1f}" for r in rows if r["data"] == data and r["metric"] == "WER")
        )
    return rows


def _row(recogniser, data, snr, strength, metric, score, clips) -> dict:
    rates = {key: 100 * getattr(score, key) for key in ("value", "low", "high")}
    return {"recogniser": recogniser, "data": data, "snr": snr, "strength": strength, "metric": metric, **rates, "clips": clips}  # fmt: skip


def _clean_recognisers(fast: bool, say) -> dict[str, Callable]:
    """Recognisers that have heard no noise: name -> function (clips at 16 kHz) -> labels."""
    train = datasets.load("fsdd", "train")[:: 20 if fast else 1]
    rate = baselines.RATE
    clips, labels = [u.audio(rate) for u in train], [u.text for u in train]

    def at_8_khz(predict):
        return lambda heard: predict([resample(clip, NOISE_RATE, rate) for clip in heard])

    found = {}
    model = load("conv2d", weights=None)
    pictures, ids = _pictures(model, clips), np.array([model.labels.encode(label)[0] for label in labels])
    _fit(_upper(model), pictures, ids, steps=60 if fast else 1200, seed=0)
    say("conv2d: trained without noise")
    found["conv2d, trained without noise"] = at_8_khz(lambda heard: [c.label for c in model.classify(heard, rate)])
    for name in ("svm", "dtw"):
        found[name] = at_8_khz(baselines.baseline(name).fit(clips, labels).predict)
    return found


def _spectral_distance(model) -> Callable:
    """Root mean square difference of two sounds' log-mel frames in dB, within the range that the denoiser looks at."""
    layer, below = model.network.get_layer("log_mel"), model.network.get_layer("below_peak")

    def distance(clean, other) -> float:
        waveform, lengths = pad([clean, other], model.config.sample_rate)
        frames, ends = layer(waveform, lengths)
        peak = below(frames, ends)[1]
        a, b = keras.ops.convert_to_numpy(below.below(frames, ends, keras.ops.stack([peak[0], peak[0]])))
        n = int(ends[0])
        return float(np.sqrt(np.mean(np.square(a[:n] - b[:n]))))

    return distance


def si_sdr(clean: np.ndarray, other: np.ndarray) -> float:
    """Scale-invariant signal-to-distortion ratio in dB (Le Roux et al., ICASSP 2019): what of `other` is `clean`, over the rest.

    >>> clean, noise = np.array([1.0, -1.0, 1.0, -1.0]), np.array([1.0, 1.0, -1.0, -1.0])
    >>> round(si_sdr(clean, 3 * clean + 0.3 * noise))  # as loud as one likes; a tenth of it is noise
    20
    """
    part = np.dot(other, clean) / max(float(np.dot(clean, clean)), 1e-12) * clean
    return float(10 * np.log10((np.dot(part, part) + 1e-12) / (np.sum(np.square(other - part)) + 1e-12)))


# --------------------------------------------------------------------------------------------------------- few-shot

SHOTS = (1, 5, 10)
EMBEDDERS = ("word_embedding", "conv_autoencoder", "autoencoder", "denoising_autoencoder")


def few_shot(fast: bool = False, say=print, seed: int = 0) -> list[dict]:
    """Accuracy on FSDD's ten digits from 1, 5 or 10 examples of each, by nearest prototype, against MFCC and DTW.

    No model here was trained on FSDD's voices; `word_embedding` on no number either, and the autoencoders were told no words.
    In an episode each digit has its examples, and 20 other clips of it are asked about. The examples are of "five other
    voices" and the question of the sixth, of "one other voice", or of the same voice. The interval is over the six speakers
    of the questions.
    """
    # An id is digit_speaker_take; the fast form has every third take.
    utterances = [u for u in datasets.load("fsdd", "train") if not fast or int(u.id.split("_")[2]) % 3 == 0]
    rate = baselines.RATE
    sounds = [u.audio(rate) for u in utterances]
    said, speakers = np.array([u.text for u in utterances]), np.array([u.speaker for u in utterances])
    embedded: dict[str, np.ndarray] = {name: vectors(load(name), sounds, rate) for name in EMBEDDERS}
    frames = [baselines.features(sound) for sound in sounds]
    spread = np.concatenate(frames).std(axis=0) + 1e-6
    directions = [f / spread for f in frames]
    directions = [f / (np.linalg.norm(f, axis=1, keepdims=True) + 1e-6) for f in directions]
    say(f"embedded {len(sounds)} clips by {len(embedded)} models")

    @cache
    def distance(i, j):
        return baselines.dtw_distance(directions[i], directions[j])

    episodes, compared = (1, 1) if fast else (5, 2)
    asked_each = 4 if fast else 20
    rows = []
    for voices, shots in itertools.product(("five other voices", "one other voice", "the same voice"), SHOTS):
        shares = {name: np.zeros(len(SPEAKERS)) for name in (*embedded, "mfcc+dtw")}
        for place, speaker in enumerate(SPEAKERS):
            for episode in range(episodes):
                rng = np.random.default_rng((seed, place, episode, shots))
                shown, asked, one = [], [], rng.choice([other for other in SPEAKERS if other != speaker])
                for word in sorted(set(said)):
                    own = rng.permutation(np.flatnonzero((said == word) & (speakers == speaker)))
                    asked += list(own[:asked_each])
                    if voices == "the same voice":
                        kept = own[asked_each:]
                    else:
                        others = speakers == one if voices == "one other voice" else speakers != speaker
                        kept = np.flatnonzero((said == word) & others)
                    shown += list(rng.permutation(kept)[:shots])
                for name, found in embedded.items():
                    prototypes = found[shown].reshape(-1, shots, found.shape[1]).mean(axis=1)
                    heard = np.square(found[asked][:, None] - prototypes[None]).sum(axis=2).argmin(axis=1)
                    shares[name][place] += np.mean(said[shown][::shots][heard] == said[asked]) / episodes
                if episode < compared:  # it takes as long as all the others together
                    near = [min(shown, key=partial(distance, i)) for i in asked]
                    shares["mfcc+dtw"][place] += np.mean(said[near] == said[asked]) / compared
        for name, share in shares.items():
            half = T_95 * float(share.std(ddof=1)) / len(share) ** 0.5
            mean = float(share.mean())
            rows.append({
                "model": name, "voices": voices, "shots": shots, "value": 100 * mean, "low": 100 * max(0.0, mean - half),
                "high": 100 * min(1.0, mean + half), "clips": 10 * asked_each * len(SPEAKERS),
            })  # fmt: skip
        say(f"{voices}, {shots} shots: " + ", ".join(f"{r['model']} {r['value']:.1f}" for r in rows[-len(shares) :]))
    return rows


# ----------------------------------------------------------------------------------------------------------- search

SEARCHERS = ("mfcc", "autoencoder", "conv_autoencoder", "denoising_autoencoder", "word_embedding", "lstm_ctc")
RECALL = 0.5  # at which the precision is read


def search(fast: bool = False, say=print, seed: int = 0) -> list[dict]:
    """Precision at a recall of one half, and average precision, of finding a word by example in recordings by other speakers.

    Each word is searched for in each recording, and its best match counts with its score: as right where its middle lies in
    the word. Recordings are ranked for each word by itself, and the figures are means over the words, with their 95 % intervals
    (bootstrap over words). Digits: takes of FSDD in strings of `connected_digits`, where the truth is known. AN4: letters
    and digits cut out of test utterances, in test utterances, where the truth is the alignment with lstm_ctc. `lstm_ctc` has
    learnt digits and letters (and FSDD's voices), `word_embedding` letters; the autoencoders were told neither.
    """
    rows = []
    for data, found in {"connected_digits": _digit_search(fast, seed), "an4": _an4_search(fast, seed)}.items():
        for name in SEARCHERS:
            rows.append({"model": name, "data": data} | _searched(name, *found))
            say(f"{data}, {name}: precision {rows[-1]['precision']:.1f} % at recall {100 * RECALL:.0f} %")
    return rows


def _searched(name: str, queries, recordings) -> dict:
    """The figures of one model on one set of words and recordings."""
    searcher = Searcher(name if name == "mfcc" else load(name))
    listened = [(searcher.listen(resample(clip, 16000, searcher.rate)), spans, who) for clip, spans, who in recordings]
    found = []  # of each word: precision, average precision, share of recordings that hold it
    for clip, text, who in queries:
        word, scores, right, wanted = searcher.prepare(resample(clip, 16000, searcher.rate)), [], [], 0
        for heard, spans, speaker in listened:
            if who == speaker:
                continue
            wanted += any(said == text for said, _, _ in spans)
            try:
                (match,) = searcher.find(word, heard, best=1)
            except AudioError:  # the word is longer than the recording: it is not in it
                continue
            middle = (match.start + match.end) / 2
            scores.append(match.score)
            right.append(any(said == text and start <= middle <= end for said, start, end in spans))
        if wanted:
            precision, average = precision_at(np.array(scores), np.array(right), wanted, RECALL)
            found.append((100 * precision, 100 * average, 100 * wanted / len(scores)))
    table = np.array(found)
    precision, low, high = _bootstrap(lambda i: table[i, 0].mean(), len(table))
    return {
        "words": len(table), "recordings": len(recordings), "precision": precision, "low": low, "high": high,
        "average_precision": float(table[:, 1].mean()), "hold_word": float(table[:, 2].mean()),
    }  # fmt: skip


def precision_at(scores: np.ndarray, right: np.ndarray, wanted: int, recall: float) -> tuple[float, float]:
    """(precision where `recall` of the `wanted` are found, 0 where so many never are; average precision)."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(right[order])
    precision = hits / np.arange(1, len(hits) + 1)
    reached = np.flatnonzero(hits >= recall * wanted)
    average = float(np.sum(precision * right[order]) / max(wanted, 1))
    return (float(precision[reached[0]]) if len(reached) else 0.0), average


def _digit_search(fast: bool, seed: int):
    """([(clip, text, speaker)], [(clip, [(text, start, end)], speaker)]), at 16 kHz, times in seconds."""
    rng = np.random.default_rng(seed)
    takes = datasets.load("fsdd", "validation")
    queries = [
        takes[rng.choice([i for i, u in enumerate(takes) if (u.speaker, u.text) == (speaker, word)])]
        for speaker in SPEAKERS[: 1 if fast else None]
        for word in sorted({u.text for u in takes})[: 3 if fast else None]
    ]
    recordings = []
    # The speakers take turns, six of them: a step that has no factor in common with six takes all.
    for utterance in datasets.load("connected_digits", "test")[:: 61 if fast else 5]:
        spans, at = [], utterance.recording.gaps_ms[0] / 1000
        lengths = [len(take) / DIGITS_RATE for take in utterance.recording.pieces()]
        for word, length, gap in zip(utterance.text.split(), lengths, utterance.recording.gaps_ms[1:], strict=True):
            spans.append((word, at, at + length))
            at += length + gap / 1000
        recordings.append((utterance.audio(16000), spans, utterance.speaker))
    return [(u.audio(16000), u.text, u.speaker) for u in queries], recordings


def _an4_search(fast: bool, seed: int):
    """The same of AN4's test speakers: one cut of each word, and the utterances that they are not cut from."""
    rng = np.random.default_rng(seed)
    cuts = [
        u for name in ("spoken_words", "spoken_digits") for u in datasets.load(name, "test") if u.id.startswith("an4/")
    ]
    chosen, queries = datasets.load("an4", "test")[:: 30 if fast else 2], []
    said = {word for utterance in chosen for word in utterance.text.split()}
    for word in sorted(said & {u.text for u in cuts})[: 5 if fast else None]:
        takes = [u for u in cuts if u.text == word]
        queries.append(takes[rng.integers(len(takes))])
    writer, recordings = load("lstm_ctc"), []
    for utterance in chosen:
        samples = utterance.audio(16000)
        # CTC's letters come late and are short: a word's place reaches from the one before it to its own end.
        words = writer.align(samples, utterance.text, 16000).words
        starts = [0.0, *(word.end for word in words[:-1])]
        spans = [
            (word.text, max(start, word.start - 0.3), word.end + 0.1) for word, start in zip(words, starts, strict=True)
        ]
        recordings.append((samples, spans, utterance.speaker))
    return [(u.audio(16000), u.text, u.speaker.removeprefix("an4-")) for u in queries], recordings


# ------------------------------------------------------------------------------------- pretraining and augmentation


class Notes:
    """Scores of runs that are done, in a file: a study that was stopped goes on where it was.

    Args: path: of a JSON file, made when the first run is done; None keeps nothing.
    """

    def __init__(self, path: str | Path | None = None):
        self.path = Path(path) if path else None
        self.known = read_json(self.path, "Notes of a study") if self.path and self.path.exists() else {}
        if foreign := [key for key, value in self.known.items() if not isinstance(value, int | float)]:
            raise DataError(
                f"Notes of a study are scores that a study wrote; {path} has {foreign[0]!r}, which is none."
            )

    def score(self, *what, run: Callable[[], float]) -> float:
        """The score of the run called `what`, known or found by `run()`."""
        key = " ".join(map(str, what))
        if key not in self.known:
            self.known[key] = run()
            if self.path:
                with whole(self.path) as place:
                    place.write_text(json.dumps(self.known, indent=0))
        return self.known[key]


SHARES = (0.01, 0.05, 0.2, 1.0)  # of the labels
STEPS = {0.01: 150, 0.05: 200, 0.2: 300, 1.0: 500}  # of training conv2d, by share
WRITER_STEPS = 500  # of training it, whatever the share
BATCH = 32  # clips
RATE_OF_LEARNING = 1e-3
STRINGS = 2000  # labelled strings of digits that are all of lstm_ctc's labels
BORROWED = {  # layer of the network that starts -> layer of the autoencoder
    "conv2d": ("conv_autoencoder", {"conv_0": "encoder_0", "conv_1": "encoder_1"}),
    "lstm_ctc": ("denoising_autoencoder", {"stack": "stack", "lstm_0": "lstm_0"}),
}


class Learner:
    """A network that is trained again and again from other weights: compiled once, so that each time costs its steps."""

    def __init__(self, network: keras.Model):
        self.network = network
        self.optimizer = keras.optimizers.AdamW(RATE_OF_LEARNING, weight_decay=1e-4, global_clipnorm=5.0)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        network.compile(self.optimizer, loss, jit_compile=False)
        self.optimizer.build(network.trainable_variables)
        self._start = [np.array(v) for v in self.optimizer.variables]

    def learn(self, weights, pictures: np.ndarray, ids: np.ndarray, steps: int, seed: int) -> None:
        """From `weights`, `steps` batches of random pictures."""
        self.network.set_weights(weights)
        for variable, value in zip(self.optimizer.variables, self._start, strict=True):
            variable.assign(value)
        order = np.resize(np.random.default_rng(seed).permutation(len(ids)), steps * BATCH)
        self.network.fit(pictures[order], ids[order], batch_size=BATCH, shuffle=False, verbose=0)

    def accuracy(self, pictures: np.ndarray, ids: np.ndarray) -> float:
        heard = self.network.predict(pictures, batch_size=256, verbose=0).argmax(axis=1)
        return float(np.mean(heard == ids))


def _fit(network: keras.Model, pictures, ids, steps: int, seed: int) -> None:
    learner = Learner(network)
    learner.learn(network.get_weights(), pictures, ids, steps, seed)


def _upper(model) -> keras.Model:
    """What lies behind a classifier's pictures."""
    return keras.Model(model.network.get_layer("picture").output, model.network.output["logits"])


def _pictures(model, clips: Sequence[np.ndarray]) -> np.ndarray:
    """(clips, width, bands, 1): what a classifier makes of clips at its rate."""
    lower = keras.Model(model.network.input, model.network.get_layer("picture").output)
    found = []
    for start in range(0, len(clips), 64):
        waveform, lengths = pad(list(clips[start : start + 64]), model.config.sample_rate)
        found.append(np.asarray(lower.predict_on_batch({"waveform": waveform, "lengths": lengths})))
    return np.concatenate(found)


def borrow(model, name: str) -> list[str]:
    """Start layers of a `name` from those of its autoencoder; returns which."""
    giver, pairs = BORROWED[name]
    source = load(giver).network
    for layer, given in pairs.items():
        weights = source.get_layer(given).get_weights()
        model.network.get_layer(layer).set_weights(weights)
    return list(pairs)


class Digits:
    """FSDD in memory, as pictures for conv2d: who says what in each; the fast form has every fifth clip."""

    def __init__(self, fast: bool = False):
        self.model = load("conv2d", weights=None)
        every = [u for s in SPEAKERS for u in datasets.load("fsdd", f"loso-{s}-test")]
        self.utterances = every[:: 5 if fast else 1]
        self.clips = [u.audio(self.model.config.sample_rate) for u in self.utterances]
        self.pictures = _pictures(self.model, self.clips)
        self.ids = np.array([self.model.labels.encode(u.text)[0] for u in self.utterances])
        self.speakers = np.array([u.speaker for u in self.utterances])

    def labelled(self, speaker: str, share: float, seed: int) -> np.ndarray:
        """Indices of a share of the clips of the other five speakers, each digit as often."""
        rng = np.random.default_rng((seed, SPEAKERS.index(speaker)))
        others = self.speakers != speaker
        each = max(1, round(share * others.sum() / 10))
        return np.concatenate([rng.permutation(np.flatnonzero(others & (self.ids == i)))[:each] for i in range(10)])


def pretraining(fast: bool = False, say=print, notes: str | Path | None = None, seeds: int = 5) -> list[dict]:
    """conv2d from conv_autoencoder's convolutions, and fresh, with few labels and with all: accuracy on a speaker left out.

    The autoencoder has not heard FSDD's speakers. Both ways have the same steps, labels and seeds, and no augmentation.
    `gain` is in points, better is above 0; its interval is over the speakers' means (Student's t, five degrees of freedom).
    """
    digits, rows, known = Digits(fast), [], Notes(notes)
    learner = Learner(_upper(digits.model))

    def classify(start: str, share: float, chosen, out, seed: int) -> float:
        keras.utils.set_random_seed(seed)
        model = load("conv2d", weights=None)
        if start == "pretrained":
            borrow(model, "conv2d")
        weights, steps = _upper(model).get_weights(), 20 if fast else STEPS[share]
        learner.learn(weights, digits.pictures[chosen], digits.ids[chosen], steps, seed)
        return 100 * learner.accuracy(digits.pictures[out], digits.ids[out])

    for share in (0.05,) if fast else SHARES:
        found = {start: np.zeros((len(SPEAKERS), 1 if fast else seeds)) for start in ("fresh", "pretrained")}
        people = SPEAKERS[:2] if fast else SPEAKERS
        for (i, speaker), seed in itertools.product(enumerate(people), range(1 if fast else seeds)):
            chosen, out = digits.labelled(speaker, share, seed), digits.speakers == speaker
            for start, scores in found.items():
                scores[i, seed] = known.score(
                    "conv2d", share, speaker, seed, start,
                    run=lambda start=start: classify(start, share, chosen, out, seed),  # noqa: B023
                )  # fmt: skip
        rows.append(_gain("conv2d", "accuracy", share, len(chosen), found, 1))
        say(_told(rows[-1]))
    return rows


def pretraining_ctc(fast: bool = False, say=print, notes: str | Path | None = None, seeds: int = 5) -> list[dict]:
    """lstm_ctc with one LSTM layer, from denoising_autoencoder's convolution and LSTM, and fresh: word errors in strings of
    digits by a speaker left out.

    As `pretraining`, but for the plain augmentations: a run takes a minute or two of a core, and there are 240.
    data/results/runs_pretraining-ctc.json has the notes of those behind the README's table.
    """
    rows, known, seeds = [], Notes(notes), 1 if fast else seeds
    for share in (0.05,) if fast else SHARES:
        found = {start: np.zeros((len(SPEAKERS), seeds)) for start in ("fresh", "pretrained")}
        people = SPEAKERS[:1] if fast else SPEAKERS
        for (i, speaker), seed in itertools.product(enumerate(people), range(seeds)):
            for start, scores in found.items():
                count = max(8, round(share * STRINGS))
                steps = 5 if fast else WRITER_STEPS
                scores[i, seed] = known.score(
                    "lstm_ctc", count, speaker, seed, start,
                    run=lambda start=start: _write_digits(speaker, count, start, steps, seed),  # noqa: B023
                )  # fmt: skip
                say(f"lstm_ctc, {count} strings, {start}, without {speaker}: {scores[i, seed]:.1f} % WER")
        rows.append(_gain("lstm_ctc, one layer", "WER", share, count, found, -1))
        say(_told(rows[-1]))
    return rows


def _write_digits(speaker: str, count: int, start: str, steps: int, seed: int) -> float:
    """WER of a small lstm_ctc on strings of the speaker whom it has not heard."""
    from zoo.model import compile_model
    from zoo.training import EpochBatches, TrainConfig, _optimizer, frames_of, validate

    keras.utils.set_random_seed(seed)
    model = load("lstm_ctc", weights=None, layers=1)
    if start == "pretrained":
        borrow(model, "lstm_ctc")
    rate = model.config.sample_rate
    utterances = datasets.load("connected_digits", f"loso-{speaker}-train", count=STRINGS, seed=seed)[:count]
    corpus = Corpus(utterances, model.labels, rate)
    settings = TrainConfig(epochs=1, batch_size=16, learning_rate=2e-3, silence_share=0.0, seed=seed)
    corpora = [(corpus, steps * settings.batch_size / len(corpus))]  # one epoch is all the steps
    batches = EpochBatches(corpora, 0, settings, rate, frames_of(model.config))
    compile_model(model, _optimizer(settings, len(batches)))
    model.fit(batches, verbose=0, shuffle=False)
    batches.end()  # a hundred and more of these run in one process
    return validate(model, Corpus(datasets.load("connected_digits", f"loso-{speaker}-test"), model.labels, rate))


def _gain(model: str, metric: str, share: float, labels: int, found: dict[str, np.ndarray], better: int) -> dict:
    """Means over speakers and seeds, and the difference of the two ways to start with its interval over speakers."""
    means = {start: scores.mean(axis=1) for start, scores in found.items()}  # (speakers,)
    gain = better * (means["pretrained"] - means["fresh"])
    half = T_95 * float(gain.std(ddof=1)) / len(gain) ** 0.5
    return {
        "model": model, "metric": metric, "share": share, "labels": labels, "runs": int(found["fresh"].size),
        **{start: float(values.mean()) for start, values in means.items()},
        **{f"{start}_seeds": float(scores.mean(axis=0).std(ddof=1)) if scores.shape[1] > 1 else None for start, scores in found.items()},
        "gain": float(gain.mean()), "low": float(gain.mean()) - half, "high": float(gain.mean()) + half,
    }  # fmt: skip


def _told(row: dict) -> str:
    return (
        f"{row['model']}, {100 * row['share']:g} % of the labels: fresh {row['fresh']:.1f}, pretrained {row['pretrained']:.1f}, "
        f"gain {row['gain']:+.1f} [{row['low']:+.1f}, {row['high']:+.1f}]"
    )


VARIATIONS = 8  # of each labelled clip
RECIPES = {  # what is learnt from besides the labelled clips
    "nothing else": (),
    "plain variations": ("plain",),
    "reconstructions": ("reconstructed",),
    "interpolations": ("interpolated",),
    "plain variations and interpolations": ("plain", "interpolated"),
}


def augmentation(fast: bool = False, say=print, notes: str | Path | None = None, seeds: int = 2) -> list[dict]:
    """conv2d on a speaker left out, from few labelled clips and VARIATIONS of each: plain ones (speed, noise, echo, line),
    reconstructions by `vae`, or points on the way between two clips of the same digit in its code. `vae` has not heard FSDD.

    All learn for as many steps. The gain is that over nothing else, in points, its interval over the speakers' means.
    """
    from zoo.augment import augment
    from zoo.training import WORDS

    digits, rows, known = Digits(fast), [], Notes(notes)
    learner, vae, rate = Learner(_upper(digits.model)), load("vae"), digits.model.config.sample_rate
    noises = [resample(noise, NOISE_RATE, rate) for noise in load_noise("train")]
    codes = np.stack(vae.encode(digits.clips, rate))
    decode = vae.network.get_layer("decoder")

    def decoded(points: np.ndarray) -> np.ndarray:
        decibel = decode.predict(points.astype("float32"), batch_size=256, verbose=0)  # (n, width, bands)
        return ((decibel - decibel.mean(axis=(1, 2), keepdims=True)) / 20.0)[..., None]  # as `Level` has them

    def more(kind: str, chosen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(VARIATIONS * clips, width, bands, 1), all variations of the first clip first."""
        if kind == "plain":
            clips = [augment(digits.clips[i], rate, rng, noises, WORDS) for i in chosen for _ in range(VARIATIONS)]
            return _pictures(digits.model, clips)
        if kind == "reconstructed":
            return np.repeat(decoded(codes[chosen]), VARIATIONS, axis=0)
        partners = [rng.choice(chosen[digits.ids[chosen] == digits.ids[i]], VARIATIONS) for i in chosen]
        share = rng.uniform(0.2, 0.8, (len(chosen), VARIATIONS, 1))
        return decoded(
            ((1 - share) * codes[chosen][:, None] + share * codes[np.array(partners)]).reshape(-1, codes.shape[1])
        )

    for share in (0.05,) if fast else (0.05, 0.2):
        found = {name: np.zeros((len(SPEAKERS), 1 if fast else seeds)) for name in RECIPES}
        people = SPEAKERS[:1] if fast else SPEAKERS
        for (i, speaker), seed in itertools.product(enumerate(people), range(1 if fast else seeds)):
            chosen, out = digits.labelled(speaker, share, seed), digits.speakers == speaker
            made: dict[str, np.ndarray] = {}

            def run(kinds, chosen=chosen, out=out, made=made, seed=seed, i=i, share=share) -> float:
                for kind in kinds:
                    if kind not in made:
                        made[kind] = more(kind, chosen, np.random.default_rng((seed, i)))
                keras.utils.set_random_seed(seed)
                weights = _upper(load("conv2d", weights=None)).get_weights()
                pictures = np.concatenate([digits.pictures[chosen], *(made[kind] for kind in kinds)])
                ids = np.concatenate([digits.ids[chosen], *(np.repeat(digits.ids[chosen], VARIATIONS) for _ in kinds)])
                learner.learn(weights, pictures, ids, 20 if fast else STEPS[share], seed)
                return 100 * learner.accuracy(digits.pictures[out], digits.ids[out])

            for name, kinds in RECIPES.items():
                found[name][i, seed] = known.score(
                    "conv2d", share, speaker, seed, name, run=lambda kinds=kinds, run=run: run(kinds)
                )
        for name, scores in found.items():
            gain = scores.mean(axis=1) - found["nothing else"].mean(axis=1)
            half = T_95 * float(gain.std(ddof=1)) / len(gain) ** 0.5
            rows.append({
                "learnt besides": name, "share": share, "labels": len(chosen), "value": float(scores.mean()),
                "gain": float(gain.mean()), "low": float(gain.mean()) - half, "high": float(gain.mean()) + half,
                "runs": int(scores.size),
            })  # fmt: skip
            say(f"{100 * share:g} % of the labels and {name}: {rows[-1]['value']:.1f} % ({rows[-1]['gain']:+.1f})")
    return rows


STUDIES = {
    "reconstruction": reconstruction,
    "denoising": denoising,
    "few-shot": few_shot,
    "search": search,
    "pretraining": pretraining,
    "pretraining-ctc": pretraining_ctc,
    "augmentation": augmentation,
}
