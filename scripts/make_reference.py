"""Pin what every bundled model answers: writes tests/reference/<name>.npz.

Run on the code whose answers are to be kept: `python scripts/make_reference.py [NAME ...]`. tests/test_reference.py holds
later code to them. Each file has the raw outputs for the bundled clips and, in `texts`, what became of them.
"""

import sys
from pathlib import Path

import numpy as np

import zoo
import zoo.audio

FOLDER = Path(__file__).parent.parent / "tests" / "reference"
CLIPS = (
    "man-flite man-gb man-scottish-flite seven telephone woman-scotland woman-us".split()
)  # in data/samples when pinned
LANGUAGE_MODELS = {"lstm_ctc": "ngram_lm", "conv_lstm_ctc": "sentences_ngram_lm+sentences_lstm_lm"}
SENTENCES = ("three four zero", "please open the window", "enter four five six", "erase t h r e e")


def batch(names: list[str], sample_rate: int, most_seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """The clips as one padded batch: ((batch, samples) float32, (batch,) int32 lengths)."""
    clips = [zoo.audio.load_audio(zoo.audio.bundled(name), sample_rate) for name in names]
    clips = [clip[: int(most_seconds * sample_rate)] for clip in clips]
    waveform = np.zeros((len(clips), max(map(len, clips)) + 800), "float32")
    for row, clip in zip(waveform, clips, strict=True):
        row[: len(clip)] = clip
    return waveform, np.array([len(clip) for clip in clips], "int32")


def outputs(model, names: list[str]) -> dict[str, np.ndarray]:
    """All raw outputs for a padded batch of the clips, by name, as the network gives them."""
    waveform, lengths = batch(names, model.config.sample_rate, getattr(model.config, "max_seconds", 60.0))
    found = model.predict_on_batch({"waveform": waveform, "lengths": lengths})
    return {name: np.asarray(value) for name, value in found.items()}


def clips_of(task: str) -> list[str]:
    """Autoencoders give back as much as they take, so two short clips are enough of them."""
    return ["seven", "telephone"] if task in ("reconstruction", "denoising") else CLIPS


def texts(name: str, model) -> list[str]:
    """Transcripts or labels of the clips; of a recogniser with a language model, those of a beam search too."""
    paths = [zoo.audio.bundled(clip) for clip in CLIPS]
    task = zoo.card(name).task
    if task == "transcription":
        found = [transcript.text for transcript in model.transcribe(paths)]
        if name in LANGUAGE_MODELS:
            found += [t.text for t in model.transcribe(paths, language_model=LANGUAGE_MODELS[name], beam_width=8)]
        return found
    if task == "classification":
        return [model.classify(zoo.audio.bundled("seven")).label]
    return []


def pin(name: str) -> None:
    model = zoo.load(name)
    if zoo.card(name).task == "language":
        arrays = {"scores": np.array([model.log_probability(sentence) for sentence in SENTENCES])}
    else:
        arrays = outputs(model, clips_of(zoo.card(name).task)) | {"texts": np.array(texts(name, model))}
    np.savez_compressed(FOLDER / f"{name}.npz", **arrays)
    print(f"{name}: " + ", ".join(f"{key} {value.shape}" for key, value in arrays.items()))


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or zoo.list_models():
        pin(name)
