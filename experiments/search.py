"""Finding a word in recordings by an example of it: `python -m experiments.search [--fast] [--json FILE]`."""

from collections.abc import Callable

import numpy as np
from sklearn.metrics import average_precision_score, precision_recall_curve

import zoo
from experiments._common import bootstrap, main
from zoo import datasets
from zoo.audio import resample
from zoo.datasets.connected_digits import RATE as DIGITS_RATE
from zoo.datasets.fsdd import SPEAKERS
from zoo.errors import AudioError
from zoo.tasks.search import Searcher

MODELS = ("mfcc", "autoencoder", "conv_autoencoder", "denoising_autoencoder", "word_embedding", "lstm_ctc")
RECALL = 0.5  # at which the precision is read


def search(fast: bool = False, log: Callable = print, seed: int = 0) -> list[dict]:
    """Precision at a recall of one half, and average precision, of finding a word by example in recordings by other speakers.

    Each word is searched for in each recording, and its best match is right where its middle lies in the word. Figures are means
    over the words with 95 % intervals. Digits: takes of FSDD in strings of `connected_digits`, where the truth is known. AN4:
    letters and digits cut out of test utterances, in test utterances, where the truth is the alignment by lstm_ctc. `lstm_ctc`
    has learnt digits and letters (and FSDD's voices), `word_embedding` letters; the autoencoders were told neither.
    """
    rows = []
    for data, (queries, recordings) in {"connected_digits": digits(fast, seed), "an4": an4(fast, seed)}.items():
        for name in MODELS[::2] if fast else MODELS:
            rows.append({"model": name, "data": data} | precisions(name, queries, recordings))
            log(f"{data}, {name}: precision {rows[-1]['precision']:.1f} % at recall {100 * RECALL:.0f} %")
    return rows


def precisions(name: str, queries: list, recordings: list) -> dict:
    """The figures of one model.

    Args:
        name: A preset, or "mfcc".
        queries: (clip, text, speaker) of each word, at 16 kHz.
        recordings: (clip, spans, speaker) of each recording; a span is (text, start, end) in seconds.
    """
    searcher, found = Searcher(name if name == "mfcc" else zoo.load(name)), []
    heard = [(searcher.listen(resample(clip, 16000, searcher.rate)), spans, who) for clip, spans, who in recordings]
    for clip, text, speaker in queries:
        word = searcher.prepare(resample(clip, 16000, searcher.rate))
        others = [(recording, spans) for recording, spans, who in heard if who != speaker]
        wanted = sum(any(span[0] == text for span in spans) for _, spans in others)
        if not wanted:
            continue
        matches = [best_match(searcher, word, text, recording, spans) for recording, spans in others]
        scores, right = np.array([match for match in matches if match]).T
        found.append((*precision_at(scores, right.astype(bool), wanted, RECALL), wanted / len(scores)))
    precision, average, hold = 100 * np.array(found).T
    interval = bootstrap(np.mean, precision)
    return {
        "words": len(found), "recordings": len(recordings), "precision": interval["value"], "low": interval["low"],
        "high": interval["high"], "average_precision": float(average.mean()), "hold_word": float(hold.mean()),
    }  # fmt: skip


def best_match(searcher: Searcher, word: dict, text: str, recording: dict, spans: list) -> tuple[float, bool] | None:
    """(score, whether it is right) of the best match; None where the word is longer than the recording."""
    try:
        (match,) = searcher.find(word, recording, best=1)
    except AudioError:
        return None
    middle = (match.start + match.end) / 2
    return match.score, any(said == text and start <= middle <= end for said, start, end in spans)


def precision_at(scores: np.ndarray, right: np.ndarray, wanted: int, recall: float) -> tuple[float, float]:
    """(precision where `recall` of the `wanted` are found, 0 where so many never are; average precision)."""
    if not right.any():
        return 0.0, 0.0
    share = right.sum() / wanted  # of the wanted that are ever found; scikit-learn knows of no others
    precision, recalls, _ = precision_recall_curve(right, scores)  # from all down to none
    reached = precision[recalls * share >= recall - 1e-9]
    return (float(reached[-1]) if len(reached) else 0.0), float(average_precision_score(right, scores) * share)


def digits(fast: bool, seed: int) -> tuple[list, list]:
    """Queries and recordings of FSDD's digits."""
    rng, takes = np.random.default_rng(seed), datasets.load("fsdd", "validation")
    queries = [
        takes[rng.choice([i for i, u in enumerate(takes) if (u.speaker, u.text) == (speaker, word)])]
        for speaker in SPEAKERS[: 1 if fast else None]
        for word in sorted({u.text for u in takes})[: 3 if fast else None]
    ]
    recordings = []
    # The six speakers take turns: a step without a common factor with six reaches all of them.
    for utterance in datasets.load("connected_digits", "test")[:: 61 if fast else 5]:
        spans, start = [], utterance.recording.gaps_ms[0] / 1000
        lengths = [len(take) / DIGITS_RATE for take in utterance.recording.pieces()]
        for word, length, gap in zip(utterance.text.split(), lengths, utterance.recording.gaps_ms[1:], strict=True):
            spans.append((word, start, start + length))
            start += length + gap / 1000
        recordings.append((utterance.audio(16000), spans, utterance.speaker))
    return [(u.audio(16000), u.text, u.speaker) for u in queries], recordings


def an4(fast: bool, seed: int) -> tuple[list, list]:
    """Queries and recordings of AN4's test speakers: one cut of each word, and utterances that they are not cut from."""
    rng, cuts = np.random.default_rng(seed), []
    for name in ("spoken_words", "spoken_digits"):
        cuts += [u for u in datasets.load(name, "test") if u.id.startswith("an4/")]
    chosen, queries = datasets.load("an4", "test")[:: 30 if fast else 2], []
    known = {word for utterance in chosen for word in utterance.text.split()}
    for word in sorted(known & {u.text for u in cuts})[: 5 if fast else None]:
        takes = [u for u in cuts if u.text == word]
        queries.append(takes[rng.integers(len(takes))])
    recognizer, recordings = zoo.load("lstm_ctc"), []
    for utterance in chosen:
        samples = utterance.audio(16000)
        # CTC's letters come late and are short: a word reaches from the end of the one before it to its own end.
        words = recognizer.align(samples, utterance.text, 16000).words
        starts = [0.0, *(word.end for word in words[:-1])]
        spans = [(w.text, max(start, w.start - 0.3), w.end + 0.1) for w, start in zip(words, starts, strict=True)]
        recordings.append((samples, spans, utterance.speaker))
    return [(u.audio(16000), u.text, u.speaker.removeprefix("an4-")) for u in queries], recordings


if __name__ == "__main__":
    main(search)
