"""A shipped classifier is taught words of one's own: `python -m experiments.own_words ARCHIVE [--json FILE]`."""

import io
import zipfile
from collections.abc import Callable

import keras
import numpy as np
from scipy import stats

import zoo
from experiments._common import main
from zoo import baselines
from zoo.audio import load_audio
from zoo.tasks import pad

SHOTS = (3, 10)  # clips of each word, all of different speakers
ASKED = 100  # clips of each word that are asked about, of speakers who are not among the examples
DRAWS = 5  # random choices of examples


def own_words(archive: str, words: str = "down,go,left,right", epochs: int = 200, log: Callable = print) -> list[dict]:
    """Accuracy on four words of Speech Commands that `ds_cnn` never learnt, from 3 and 10 clips of each.

    The clips that are asked about are by other speakers than the examples. `ds_cnn` with a new head (`zoo.load("ds_cnn",
    labels=...)`) is fitted with all its layers, or with the head alone (`freeze=True`), and beside it stand the same network from
    nothing, prototypes of `word_embedding` (`zoo.few_shot`), and a support vector machine. The epochs were
    chosen on four other words (`--words no,off,on,yes`); AdamW at 1e-3, batches of 16. The interval is over five draws of the examples (Student's t).

    Args:
        archive: A zip file of Speech Commands, with WORD/SPEAKER_nohash_N files.
        words: The words, with commas between.
        epochs: Times through the examples.
    """
    labels = tuple(words.split(","))
    clips = read(archive, labels)
    learners = {
        "ds_cnn, new head": lambda: zoo.load("ds_cnn", labels=labels),
        "ds_cnn, new head, other layers frozen": lambda: zoo.load("ds_cnn", labels=labels, freeze=True),
        "ds_cnn from nothing": lambda: zoo.load("ds_cnn", weights=None, labels=labels),
        "word_embedding, few_shot": None,
        "SVM": None,
    }
    rows = []
    for shots in SHOTS:
        shares = {name: [] for name in learners}
        for draw in range(DRAWS):
            shown, asked = choose(clips, shots, np.random.default_rng((shots, draw)))
            for name, make in learners.items():
                keras.utils.set_random_seed(draw)
                predict = fitted(make(), shown, epochs) if make else learnt(name, shown, labels)
                answers = predict([clip for _, clip in asked])
                shares[name].append(100 * np.mean([a == word for a, (word, _) in zip(answers, asked, strict=True)]))
        for name, values in shares.items():
            mean = float(np.mean(values))
            half = float(stats.sem(values) * stats.t.ppf(0.975, DRAWS - 1))
            row = {"model": name, "shots": shots, "value": round(mean, 1)}
            row |= {"low": round(max(0.0, mean - half), 1), "high": round(min(100.0, mean + half), 1)}
            rows.append(row | {"draws": DRAWS, "clips": len(asked)})
            log(f"{shots} clips a word, {name}: {mean:.1f} % ({row['low']:.1f} to {row['high']:.1f})")
    return rows


def read(archive: str, words: tuple[str, ...]) -> dict[str, dict[str, np.ndarray]]:
    """Word -> speaker -> the first of the speaker's clips, at 8 kHz."""
    clips: dict[str, dict] = {word: {} for word in words}
    with zipfile.ZipFile(archive) as file:
        for name in sorted(file.namelist()):
            word, rest = (["", "", *name.split("/")])[-2:]
            speaker = rest.split("_nohash_")[0]
            if word in clips and rest and speaker not in clips[word]:
                clips[word][speaker] = load_audio(io.BytesIO(file.read(name)), 8000)
    return clips


def choose(clips: dict, shots: int, rng: np.random.Generator) -> tuple[list, list]:
    """([(word, clip)] to learn from, [(word, clip)] to ask about); no speaker of the first is among the second."""
    order = rng.permutation(sorted({who for of_word in clips.values() for who in of_word}))
    shown = {word: [who for who in order if who in clips[word]][:shots] for word in clips}
    teachers = {who for chosen in shown.values() for who in chosen}
    asked = {word: [who for who in order if who in clips[word] and who not in teachers][:ASKED] for word in clips}
    return tuple([(word, clips[word][who]) for word in clips for who in group[word]] for group in (shown, asked))


def fitted(model, shown: list, epochs: int) -> Callable:
    """Fit a network to the examples; returns clips -> words."""
    waveform, lengths = pad([clip for _, clip in shown], 8000)
    y = np.array([model.encode_target(word)[0] for word, _ in shown])
    model.compile(keras.optimizers.AdamW(1e-3, weight_decay=1e-4, global_clipnorm=5.0))
    model.fit({"waveform": waveform, "lengths": lengths}, y, batch_size=16, epochs=epochs, verbose=0)
    return lambda clips: [found.label for found in model.classify(clips, 8000)]


def learnt(name: str, shown: list, labels: tuple[str, ...]) -> Callable:
    """Few-shot prototypes or a support vector machine; returns clips -> words."""
    if name == "SVM":
        machine = baselines.SVM().fit([clip for _, clip in shown], [word for word, _ in shown])
        return lambda clips: list(machine.predict(clips))
    examples = {word: [clip for other, clip in shown if other == word] for word in labels}
    words = zoo.few_shot(zoo.load("word_embedding"), examples, sample_rate=8000)
    return lambda clips: [found.label for found in words.classify(clips, 8000)]


if __name__ == "__main__":
    main(own_words)
