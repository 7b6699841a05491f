"""Neural voices: Kokoro-82M reads English text aloud in 28 voices, on the CPU, without a network.

It needs onnxruntime (the extra `[export]`), espeak-ng for the phonemes, and a folder with the network
(`kokoro*.onnx`) and its voices (`voices/*.bin`, or `voices-v1.0.bin`): ZOO_KOKORO, or `kokoro` in the cache. The
releases of thewh1teagle/kokoro-onnx have both. One core speaks 1.2 seconds of sound a second.

Source: hexgrad, "Kokoro-82M", 2025, https://huggingface.co/hexgrad/Kokoro-82M, Apache-2.0; after Y. A. Li et al.,
"StyleTTS 2", 2023, https://arxiv.org/abs/2306.07691.
"""

import os
import subprocess
import threading
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from zoo.datasets.archives import cache_folder
from zoo.errors import DataError

RATE = 24000  # Hz, of what it speaks
LONGEST = 509  # phonemes of a call
AMERICAN = tuple(
    "af_alloy af_aoede af_bella af_heart af_jessica af_kore af_nicole af_nova af_river af_sarah af_sky am_adam am_echo "
    "am_eric am_fenrir am_liam am_michael am_onyx am_puck am_santa".split()
)
BRITISH = tuple("bf_alice bf_emma bf_isabella bf_lily bm_daniel bm_fable bm_george bm_lewis".split())
HELD_OUT = {
    "validation": ("af_sky", "am_onyx", "bm_fable"),
    "test": ("af_kore", "am_eric", "bf_lily", "bm_lewis"),
}

# The alphabet that the network learnt: one number a symbol; what is not here is left out.
_SYMBOLS = dict(zip(";:,.!?—… ", (1, 2, 3, 4, 5, 6, 9, 10, 16), strict=True)) | dict(
    zip(
        "AIOQWYᵊabdefhijklmnoprstuvwzæɑɐɒɔðʤəɚɛɜɡɪŋɹɾʃʧʊʌʒˈˌːθᵻ",
        (24, 25, 31, 33, 39, 41, 42, 43, 44, 46, 47, 48, 50, 51, 52, 53, 54, 55, 56, 57, 58, 60, 61, 62, 63, 64, 65)
        + (68, 72, 69, 70, 71, 76, 81, 82, 83, 85, 86, 87, 92, 102, 112, 123, 125, 131, 133, 135, 138, 147, 156, 157)
        + (158, 119, 177),
        strict=True,
    )
)
# espeak-ng's phonemes -> the alphabet's: diphthongs and affricates have a letter each
_BOTH = (
    ("aɪ", "I"),
    ("aʊ", "W"),
    ("dʒ", "ʤ"),
    ("eɪ", "A"),
    ("tʃ", "ʧ"),
    ("ɔɪ", "Y"),
    ("əl", "ᵊl"),
    ("ʔ", "t"),
    ("r", "ɹ"),
)
_US = ("oʊ", "O"), ("ɜːɹ", "ɜɹ"), ("ɜː", "ɜɹ"), ("ɪə", "iə"), ("ɚ", "əɹ"), ("ː", "")
_GB = ("eə", "ɛː"), ("iə", "ɪə"), ("əʊ", "Q"), ("oʊ", "Q")


def phonemes(text: str, british: bool = False) -> str:
    """Returns a text in the network's alphabet, by espeak-ng.

    >>> phonemes("yes")  # doctest: +SKIP
    'jˈɛs'
    """
    call = ["espeak-ng", "-q", "--ipa=3", "-v", "en-gb" if british else "en-us", "--", text]
    try:
        said = subprocess.run(call, capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise DataError(f"espeak-ng could not turn {text!r} into phonemes: {error}.") from None
    found = " ".join(said.split()).replace("\u200d", "")  # it joins the parts of a diphthong by an invisible character
    for sound, symbol in (*_BOTH, *(_GB if british else _US)):
        found = found.replace(sound, symbol)
    end = text.rstrip()[-1:]  # espeak-ng swallows what the melody depends on
    return found + (end if end in _SYMBOLS and end in ".!?" else ".")


def folder() -> Path:
    """Returns where the network and its voices lie."""
    return Path(os.environ.get("ZOO_KOKORO") or cache_folder() / "kokoro")


@cache
def voices() -> dict[str, np.ndarray]:
    """Returns voice -> (510, 256) float32, a style for each number of phonemes; {} where there are none."""
    packed = folder() / "voices-v1.0.bin"
    if packed.is_file():
        with np.load(packed) as styles:
            found = {name: styles[name] for name in styles.files}
    else:
        found = {path.stem: np.fromfile(path, np.float32) for path in (folder() / "voices").glob("*.bin")}
    return {name: found[name].reshape(-1, 256) for name in (*AMERICAN, *BRITISH) if name in found}


def check() -> str:
    """Returns the path of the network. Raises DataError: it, its voices or its runtime is missing."""
    if not find_spec("onnxruntime"):
        raise DataError("The engine kokoro needs onnxruntime: pip install 'speech-zoo[export]'.")
    networks = sorted(folder().glob("kokoro*.onnx"))
    if not networks or not voices():
        raise DataError(
            f"The engine kokoro needs kokoro-v1.0.int8.onnx and voices-v1.0.bin in {folder()}: download both from the "
            "releases of github.com/thewh1teagle/kokoro-onnx."
        )
    return str(networks[0])


@cache
def _session():
    import onnxruntime

    path = check()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # sentences run side by side
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


_LOADING = threading.Lock()


def say(text: str, voice: str, speed: float = 1.0) -> np.ndarray:
    """Returns a text spoken, (samples,) float32 in [-1, 1] at `RATE` Hz.

    Args:
        text: English text; punctuation is heard.
        voice: One of `AMERICAN` and `BRITISH`.
        speed: 1 is the voice's own; larger is faster.

    Raises:
        DataError: A program or a file is missing, or the text is longer than `LONGEST` phonemes.
    """
    with _LOADING:
        session = _session()
    symbols = [_SYMBOLS[symbol] for symbol in phonemes(text, voice in BRITISH) if symbol in _SYMBOLS]
    if len(symbols) > LONGEST:
        raise DataError(f"`text` must have at most {LONGEST} phonemes. Received: {len(symbols)}.")
    inputs = {
        session.get_inputs()[0].name: np.array([[0, *symbols, 0]], np.int64),
        "style": voices()[voice][len(symbols)][None],
        "speed": np.array([speed], np.float32),
    }
    return session.run(None, inputs)[0].reshape(-1).astype(np.float32)
