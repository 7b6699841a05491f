"""Make the manifests in data/manifests from local copies of the data sets.

    python scripts/make_manifests.py FOLDER [OUT]
    python scripts/make_manifests.py spoken_digits|spoken_words [OUT]
    python scripts/make_manifests.py commands|librispeech_speakers FOLDER [OUT]

FOLDER holds the unpacked data sets side by side; OUT is data/manifests unless given. The manifests are committed; this
script says where each line comes from, and makes the same bytes again. The second form makes the lists of cuts, which
needs the shipped lstm_ctc and AN4 and speechocean762 where ZOO_DATA or the cache has them; new weights move the cuts.
"""

import csv
import hashlib
import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zoo import datasets
from zoo.datasets import (
    an4,
    audio_cmn,
    commands,
    connected_digits,
    fsdd,
    kathleen,
    librispeech_speakers,
    noise,
    speechocean762,
    split_of,
    spoken_digits,
)
from zoo.datasets.archives import top_folder
from zoo.datasets.manifests import _stem
from zoo.datasets.speech_synthesis.synthetic import word_list
from zoo.datasets.text import texts
from zoo.decoding import Word
from zoo.text import normalise

MANIFESTS = Path(__file__).parent.parent / "data" / "manifests"
# four women and four men with 13 utterances each, long spelled words and numbers; none has a namesake (mdcs, mdcs2)
AN4_VALIDATION = ("fclc", "fkai", "fplp", "fsrb", "mblb", "mdmc", "mjhp", "mtje")
# six women or girls and six men or boys, 6 to 29 years, five of them with digit strings
SPEECHOCEAN_VALIDATION = "0005 0026 1447 2179 2036 2450 5401 6401 8002 9034 9624 9649".split()

# --- cuts of words

RATE = 16000  # Hz, at which the cuts were found
STEP = 0.01  # seconds, a frame of the level and the grid of the cuts
REACH = (0.30, 0.35)  # seconds that a cut may begin before a word's own frames, and end after them
QUIET = 40.0  # dB below the loudest frame of a cut: quieter ends are left out
MARGIN = 0.03  # seconds of them that stay
MIN_CONFIDENCE = {"spoken_digits": 0.3, "spoken_words": 0.1}  # of a word's letters in the alignment
SHORTEST, LONGEST = 0.15, 1.2  # seconds


def write(out: Path, name: str, rows: list[dict]) -> None:
    """One CSV with the keys of its rows as header."""
    out.mkdir(exist_ok=True)
    with open(out / f"{name}.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{name}: {len(rows)} rows")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def an4_rows(root: Path) -> list[dict]:
    """Every utterance in etc/an4_{train,test}.fileids with its transcript."""
    rows = []
    for part in ("train", "test"):
        paths = (root / "etc" / f"an4_{part}.fileids").read_text().split()
        lines = (root / "etc" / f"an4_{part}.transcription").read_text().splitlines()
        for path, line in zip(paths, lines, strict=True):
            text, _, name = line.rpartition("(")
            name = name.rstrip(") ")
            assert path.endswith("/" + name), (path, line)
            speaker = path.split("/")[1]
            split = "validation" if part == "train" and speaker in AN4_VALIDATION else part
            text = normalise(text.replace("<s>", "").replace("</s>", ""))
            file = f"wav/{path}.wav"
            rows.append(
                {
                    "id": name,
                    "split": split,
                    "speaker": speaker,
                    "text": text,
                    "path": file,
                    "sha256": sha256(root / file),
                }
            )
    return rows


def fsdd_rows(root: Path) -> list[dict]:
    """Every recording, by digit, speaker and take."""
    return [
        {"id": f"{digit}_{speaker}_{take}", "speaker": speaker, "take": take, "text": fsdd.DIGITS[digit],
         "path": f"recordings/{digit}_{speaker}_{take}.wav",
         "sha256": sha256(Path(fsdd.recording_path(root, digit, speaker, take)))}
        for digit in range(10) for speaker in fsdd.SPEAKERS for take in range(fsdd.TAKES)
    ]  # fmt: skip


def connected_digits_rows() -> list[dict]:
    """The published strings: test 504, leave-one-speaker-out 6 x 105, validation 240."""
    draw = connected_digits.draw_strings
    lists = {
        "test": draw("test", fsdd.SPEAKERS, fsdd.OFFICIAL["test"], 504, seed=20),
        "validation": draw("validation", fsdd.SPEAKERS, connected_digits.VALIDATION_TAKES, 240, seed=21),
    }
    for i, speaker in enumerate(fsdd.SPEAKERS):
        lists[f"loso-{speaker}"] = draw("loso", (speaker,), range(fsdd.TAKES), 105, seed=30 + i)
    return [{"protocol": protocol, **row} for protocol, rows in lists.items() for row in rows]


def noise_rows(root: Path) -> list[dict]:
    """Identifier, class and fold of each clip; the bytes differ between the original and re-encoded copies."""
    # `001 - Dog bark` and `dog_bark` are both dog_bark
    classes = {f: re.sub(r"^\d+ - ", "", f.name).lower().replace(" ", "_") for f in root.iterdir() if f.is_dir()}
    clips = sorted((classes[path.parent], path.stem) for path in root.glob("*/*-*-?.*"))
    return [{"id": stem, "class": name, "fold": stem.split("-")[0]} for name, stem in clips]


def commands_test_rows(root: Path) -> list[dict[str, str]]:
    """Every word of the 12-class test; its silences have names that tell nothing."""
    paths = (path for path in root.glob("*/*_nohash_*"))
    return [{"id": key} for key in sorted(_stem(path, nested=True) for path in paths)]


def commands_learn_rows(root: Path, test: list[dict[str, str]]) -> list[dict[str, str]]:
    """The takes of v0.01 in a folder, each with its split; none by a speaker of the test."""
    heard = {row["id"].split("_nohash_")[0][-8:] for row in test if "_nohash_" in row["id"]}
    ids = sorted(_stem(path, nested=True) for path in root.glob("[a-z]*/*_nohash_*"))
    rows = []
    for key in ids:
        speaker = key.split("/")[1].split("_nohash_")[0]
        part = int(hashlib.sha256(speaker.encode()).hexdigest(), 16) % 10
        rows.append({"id": key, "split": "" if speaker in heard else "validation" if part == 0 else "train"})
    return [row for row in rows if row["split"]]


def audio_cmn_rows(root: Path) -> list[dict[str, str]]:
    """The takes of our words, then all syllables whose name is pinyin with one of the four tones."""
    words = [{"id": f"cmn-{text}", "text": text, "speaker": "yue-tan"} for text in audio_cmn.SYLLABLES]
    characters = {pinyin: text for text, pinyin in audio_cmn.SYLLABLES.items()}
    names = {path.name.split(".")[0] for pattern in audio_cmn.SOURCE.patterns for path in root.glob(pattern)}
    spoken = sorted(name[4:] for name in names if re.fullmatch(r"cmn-[a-zü]+[1-4]", name))
    return words + [
        {"id": f"cmn-{name}", "text": characters.get(name, name), "speaker": audio_cmn.SPEAKER} for name in spoken
    ]


def librispeech_speakers_rows(root: Path) -> list[dict[str, str]]:
    """The recordings of 243 people to learn from, and of ten others."""
    rows = []
    for split, folder in (("train", "librispeech_train-clean-100"), ("test", "librispeech_test-other")):
        keys = sorted(_stem(path, nested=True) for path in (root / folder).rglob("*-*-*.*"))
        rows += [{"id": key, "split": split, "speaker": key.split("/")[1].split("-")[0]} for key in keys]
    return rows


def kathleen_rows(root: Path) -> list[dict[str, str]]:
    """The sentences; the split is drawn for each prompt, so that its repetitions stay together."""
    rows = []
    for path in sorted((root / "data").glob("arctic_*.txt")):
        text = " ".join(texts(path.read_text(encoding="utf-8")))
        rows.append({"id": path.stem, "split": split_of(path.stem.split("_")[1]), "text": text})
    return rows


def speechocean_rows(root: Path) -> list[dict[str, str]]:
    """Returns the rows of the manifest, from the corpus' own lists."""
    lists = root if (root / "text").is_file() else root / "train"

    def table(name: str) -> dict[str, str]:
        lines = (lists / name).read_text(encoding="utf-8").splitlines()
        return {line.split(None, 1)[0]: line.split(None, 1)[1] for line in lines}

    speakers, ages, genders = table("utt2spk"), table("spk2age"), table("spk2gender")
    return [
        {
            "id": key,
            "split": "validation" if speakers[key] in SPEECHOCEAN_VALIDATION else "train",
            "speaker": speakers[key],
            "age": ages[speakers[key]],
            "gender": genders[speakers[key]],
            "text": normalise(text),
        }
        for key, text in sorted(table("text").items())
    ]


def cut_times(samples: np.ndarray, words: Sequence[Word], number: int) -> tuple[float, float]:
    """Finds where to cut a word out of an aligned utterance.

    The spikes of CTC begin after a word has begun and end well before it ends (50 and 160 ms in the median on
    connected_digits). So a cut is extended from the word's own frames to the quietest point before its neighbour's,
    at most REACH, and then trimmed where it is quieter than QUIET. Cutting midway between the spikes instead made
    14 % of the cuts on connected_digits wrong by more than 80 ms, against 7 %.

    Args:
        samples: (samples,) at RATE, the whole utterance.
        words: The words that `decoding.align` found.
        number: Index of the word to cut.

    Returns:
        Start and end in seconds, on a grid of 10 ms, inside the utterance.
    """
    hop = round(STEP * RATE)
    frames = len(samples) // hop
    power = (
        np.mean(np.square(samples[: frames * hop], dtype="float64").reshape(frames, hop), axis=1) + 1e-12
    )  # (frames,)
    smooth = np.convolve(np.pad(power, 1, mode="edge"), np.ones(3) / 3, "valid")  # (frames,)

    def quietest(after: float, before: float) -> int:
        first = min(int(after / STEP), frames - 1)
        gap = smooth[first : max(int(np.ceil(before / STEP)), first + 1)]
        # a pause is quiet throughout: its middle, not the frame that happens to be lowest
        return first + int(np.median(np.flatnonzero(gap <= 2 * gap.min())))

    word = words[number]
    start = max(round((word.start - REACH[0]) / STEP), 0)
    end = min(round((word.end + REACH[1]) / STEP), frames)
    if number > 0:
        start = max(start, quietest(words[number - 1].end, word.start))
    if number < len(words) - 1:
        end = min(end, quietest(word.end, words[number + 1].start) + 1)
    end = max(end, start + 1)
    piece = power[start:end]
    loud = start + np.flatnonzero(piece >= piece.max() * 10 ** (-QUIET / 10))
    margin = round(MARGIN / STEP)
    start, end = max(start, int(loud[0]) - margin), min(end, int(loud[-1]) + 1 + margin)
    return round(start * STEP, 2), round(end * STEP, 2)


def spoken_words_rows(wanted: set[str], min_confidence: float) -> list[dict]:
    """Every word of AN4 and speechocean762 among `wanted` that aligns well, with its cut; prints what is left out."""
    import zoo

    model, rate = zoo.load("lstm_ctc"), RATE
    rows, left_out = [], Counter()
    for corpus in spoken_digits.CORPORA:
        for split in ("train", "validation", "test"):
            if split not in datasets.describe(corpus).splits:
                continue
            for utterance in datasets.load(corpus, split):
                if not set(utterance.text.split()) & wanted:
                    continue
                samples = utterance.audio(rate)
                words = model.align(samples, utterance.text, rate, utterance.id).words
                for number, word in enumerate(words):
                    if word.text not in wanted:
                        continue
                    start, end = cut_times(samples, words, number)
                    if word.confidence < min_confidence:
                        left_out[corpus, split, "unsure"] += 1
                    elif not SHORTEST <= round(end - start, 2) <= LONGEST:
                        left_out[corpus, split, "too short or too long"] += 1
                    else:
                        rows.append(
                            {
                                "corpus": corpus,
                                "split": split,
                                "id": utterance.id,
                                "word": number,
                                "speaker": utterance.speaker,
                                "text": word.text,
                                "start": f"{start:.2f}",
                                "end": f"{end:.2f}",
                            }
                        )
    for (corpus, split, reason), count in left_out.items():
        print(f"left out of {corpus} {split}: {count} {reason}")
    return rows


def spoken_digits_rows() -> list[dict]:
    """The digits."""
    return spoken_words_rows(set(fsdd.DIGITS), MIN_CONFIDENCE["spoken_digits"])


CUT = {
    "spoken_digits": spoken_digits_rows,
    "spoken_words": lambda: spoken_words_rows(set(word_list()), MIN_CONFIDENCE["spoken_words"]),
}


def main(folder: str, out: Path = MANIFESTS) -> None:
    place = Path(folder)
    write(out, "an4", an4_rows(top_folder(place, an4.SOURCE)))
    write(out, "fsdd", fsdd_rows(top_folder(place, fsdd.SOURCE)))
    write(out, "connected_digits", connected_digits_rows())
    write(out, "audio_cmn", audio_cmn_rows(top_folder(place, audio_cmn.SOURCE)))
    write(out, "noise", noise_rows(top_folder(place, noise.SOURCE)))
    write(out, "kathleen", kathleen_rows(top_folder(place, kathleen.SOURCE)))
    write(out, "speechocean762", speechocean_rows(top_folder(place, speechocean762.SOURCE)))


def write_commands(folder: str, out: Path = MANIFESTS) -> None:
    """The lists of `commands`, from the test's folder and one with the takes of v0.01 to learn from."""
    test = commands_test_rows(top_folder(Path(folder), commands.TEST))
    write(out, "commands_test", test)
    write(out, "commands_learn", commands_learn_rows(top_folder(Path(folder), commands.LEARN), test))


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3, 4):
        sys.exit(__doc__)
    if sys.argv[1] == "librispeech_speakers":
        root = top_folder(Path(sys.argv[2]), librispeech_speakers.SOURCE)
        sys.exit(write(*map(Path, sys.argv[3:] or [MANIFESTS]), sys.argv[1], librispeech_speakers_rows(root)))
    if sys.argv[1] == "commands":
        sys.exit(write_commands(sys.argv[2], *map(Path, sys.argv[3:])))
    if sys.argv[1] in CUT:
        write(*map(Path, sys.argv[2:] or [MANIFESTS]), sys.argv[1], CUT[sys.argv[1]]())
    else:
        main(sys.argv[1], *map(Path, sys.argv[2:]))
