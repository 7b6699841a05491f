"""Make the clips in data/samples: connected digits in synthetic voices, samples.csv with their texts, seven.wav (one
word for the classifiers) and chocolate.wav (a sentence).

    python scripts/make_samples.py

Needs espeak-ng and flite; the committed clips were spoken by eSpeak NG 1.51 and Flite 2.2. Neither the voices
nor the sentences are in the training split of `synthetic`.
"""

import csv
import io
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import butter, sosfilt

from zoo.audio import load_audio, resample
from zoo.datasets.speech_synthesis.grammar import part_of
from zoo.datasets.speech_synthesis.synthetic import texts
from zoo.datasets.speech_synthesis.voices import RATE, Line, installed, speak

SAMPLES = Path(__file__).parent.parent / "data" / "samples"
LINE_RATE = 8000  # Hz, of a telephone
# name, text, program, voice, rate, pitch, extra gap, words with a pause after them
CLIPS = (
    ("woman-us", "three four zero one two seven one", "espeak-ng", "en-us+f2", 150, 45, 3, "2"),
    ("man-gb", "nine eight four four four zero", "espeak-ng", "en-gb+m3", 160, 40, 2, ""),
    ("woman-scotland", "five oh eight seven", "espeak-ng", "en-gb-scotland+Alicia", 140, 55, 4, ""),
    ("man-flite", "eight two nine seven six zero six", "flite", "rms", 1.05, 100, 0, "2"),
    ("man-scottish-flite", "two nine one five five two", "flite", "awb", 1.1, 125, 0, ""),
    ("telephone", "six one three nine six", "espeak-ng", "en-us+adam", 145, 45, 3, ""),
)

WORD = ("seven", "espeak-ng", "en-us+f2", 150, 45, 0, "")  # the one word that seven.wav says
# From the test split of `sentences`, in the voice that says it there: chocolate.wav.
SENTENCE = Line(
    "chocolate", "this chocolate is perfect but that chicken is terrible", "espeak-ng", "en-gb-scotland+m3", 205.63, 78, 0,
    "", lead=0.17, trail=0.25,
)  # fmt: skip


def telephone(samples: np.ndarray) -> np.ndarray:
    """(samples,) at RATE -> (samples / 2,) at LINE_RATE, 300 to 3400 Hz: what a telephone line lets through."""
    band = butter(4, (300, 3400), "bandpass", fs=RATE, output="sos")
    return resample(sosfilt(band, samples), RATE, LINE_RATE)


def main() -> None:
    if len(installed()) < 2:
        sys.exit("The clips need both espeak-ng and flite: sudo apt-get install espeak-ng flite.")
    SAMPLES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, text, *how in CLIPS:
            assert part_of(text) != "train", f"{text!r} is among the sentences of training"
            spoken, destination = Path(folder) / f"{name}.wav", SAMPLES / f"{name}.wav"
            speak(Line(name, text, *how, lead=0.25, trail=0.25), spoken)
            if name == "telephone":
                samples = telephone(load_audio(spoken, RATE))
                whole = io.BytesIO()
                soundfile.write(whole, samples, LINE_RATE, subtype="PCM_16", format="WAV")
                destination.write_bytes(whole.getvalue())
            else:
                destination.write_bytes(spoken.read_bytes())
            print(f"{destination.name}: {text}")
    speak(Line(WORD[0], *WORD, lead=0.25, trail=0.25), SAMPLES / "seven.wav")
    assert SENTENCE.text in texts("test"), "the sentence is among those of training"
    speak(SENTENCE, SAMPLES / "chocolate.wav")
    with open(SAMPLES / "samples.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("path", "text"))
        writer.writerows((f"{name}.wav", text) for name, text, *_ in CLIPS)


if __name__ == "__main__":
    main()
