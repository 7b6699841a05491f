"""What the notebooks share: a microphone, a sound player, errors that are shown on purpose, tables, shorter runs in tests.

`zoo.record` and `zoo.play` are these functions.
"""

import base64
import html
import io
import logging
import os
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from numbers import Integral, Real

import numpy as np

from zoo.audio import bundled, load_audio, resample
from zoo.errors import AudioError, ZooError

# TensorFlow tells in warnings that it compiled again for clips of another length; it is right to. A filter stays where the
# level would be set anew when TensorFlow is imported later.
logging.getLogger("tensorflow").addFilter(lambda record: "retracing" not in record.getMessage())

LONGEST = 60.0  # seconds that `record` takes
WAIT = 60  # seconds that Colab's page waits for an answer before the bundled clip is taken
CLIP = "seven.wav"  # what is heard where nobody can be

# Records in the browser, or takes a file there; resolves to base64 of 16-bit samples, or null. Whatever happens, it ends.
JAVASCRIPT = """
(async (seconds, rate, wait) => {
  const box = document.createElement("div");
  box.setAttribute("role", "status");
  (document.querySelector("#output-area") || document.body).appendChild(box);
  const within = (promise, ms) => Promise.race([promise, new Promise((_, no) => setTimeout(() => no("late"), ms))]);
  const sleep = ms => new Promise(done => setTimeout(done, ms));
  async function listen() {
    const stream = await within(navigator.mediaDevices.getUserMedia({audio: true}), wait * 1000);
    const recorder = new MediaRecorder(stream), parts = [];
    recorder.ondataavailable = event => parts.push(event.data);
    const ended = new Promise(done => recorder.onstop = done);
    recorder.start();
    for (let left = seconds; left > 0; left--) {
      box.textContent = `Recording: ${left.toFixed(0)} s left`;
      await sleep(1000 * Math.min(1, left));
    }
    recorder.stop();
    await within(ended, 5000);
    stream.getTracks().forEach(track => track.stop());
    return new Blob(parts).arrayBuffer();
  }
  function upload() {
    box.innerHTML = "<label>No microphone here. A recording of yours: <input type=file accept='audio/*'></label> " +
      "<button>Use the bundled clip</button>";
    return new Promise((done, no) => {
      box.querySelector("input").onchange = event => done(event.target.files[0].arrayBuffer());
      box.querySelector("button").onclick = () => no("none wanted");
    });
  }
  try {
    const bytes = await listen().catch(() => within(upload(), wait * 1000));
    const heard = await new AudioContext().decodeAudioData(bytes);
    const length = Math.max(1, Math.round(Math.min(heard.duration, 60) * rate));
    const mixer = new OfflineAudioContext(1, length, rate), source = mixer.createBufferSource();
    source.buffer = heard;
    source.connect(mixer.destination);
    source.start();
    const samples = (await mixer.startRendering()).getChannelData(0);
    const words = Int16Array.from(samples, x => Math.max(-1, Math.min(1, x)) * 32767);
    const codes = new Uint8Array(words.buffer);
    let text = "";
    for (let i = 0; i < codes.length; i += 4096) text += String.fromCharCode(...codes.subarray(i, i + 4096));
    box.textContent = "";
    return btoa(text);
  } catch (reason) {
    box.textContent = "";
    return null;
  }
})
"""


def record(seconds: float = 3.0, sample_rate: int = 16000) -> np.ndarray:
    """Listen to the microphone: the browser's on Colab, the computer's in a Jupyter that runs on it.

    Where there is none, Colab offers to upload a file; elsewhere, and after a minute without an answer, it is a bundled
    clip, and that is said. So a notebook runs from top to bottom on a machine without ears.

    Args: seconds: at most 60. sample_rate: hertz of what is returned.
    Returns: (samples,) float32 in [-1, 1].
    Raises: ZooError for a time or a rate that cannot be.

    >>> samples = record(2)  # on a machine without a microphone
    No microphone was found: this is the bundled clip seven.wav. A file of yours does as well: model.transcribe("my.wav").
    >>> samples.shape, samples.dtype
    ((23134,), dtype('float32'))
    """
    if not (isinstance(seconds, Real) and 0 < seconds <= LONGEST):
        raise ZooError(f"A recording lasts more than 0 and at most {LONGEST:g} seconds; received {seconds!r}.")
    if not (isinstance(sample_rate, Integral) and 1000 <= sample_rate <= 192000):
        raise ZooError(f"A sample rate is a whole number of hertz from 1,000 to 192,000; received {sample_rate!r}.")
    heard = _from_browser(seconds, sample_rate) if "google.colab" in sys.modules else _from_device(seconds, sample_rate)
    if heard is not None:
        return heard
    print(
        f"No microphone was found: this is the bundled clip {CLIP}. "
        'A file of yours does as well: model.transcribe("my.wav").'
    )
    return load_audio(bundled(CLIP), sample_rate)


def _from_browser(seconds: float, sample_rate: int) -> np.ndarray | None:
    from google.colab import output

    try:
        answer = output.eval_js(f"({JAVASCRIPT.strip()})({seconds}, {sample_rate}, {WAIT})")
    except Exception as error:  # the page was closed, or its scripts are not allowed
        print(f"The browser gave no sound: {error}")
        return None
    if not answer:
        return None
    return np.frombuffer(base64.b64decode(answer), "<i2").astype("float32") / 32768


def _from_device(seconds: float, sample_rate: int) -> np.ndarray | None:
    if os.environ.get("ZOO_NO_MICROPHONE"):  # as when notebooks are run by a program
        return None
    try:
        import sounddevice

        rate = int(sounddevice.query_devices(kind="input")["default_samplerate"])
        print(f"Recording for {seconds:g} s ...", flush=True)
        samples = sounddevice.rec(round(seconds * rate), samplerate=rate, channels=1, dtype="float32", blocking=True)
    except Exception:  # the package is not installed, PortAudio is not, or there is no device: each has its own error
        return None
    return resample(np.clip(samples[:, 0], -1, 1), rate, sample_rate)


class Player:
    """A sound in a notebook: a player with a title. MP3, so that a notebook with ten of them stays small."""

    def __init__(self, samples: np.ndarray, sample_rate: int, title: str):
        self.samples, self.sample_rate, self.title = samples, sample_rate, str(title or "")

    def __repr__(self):
        return f"{self.title or 'sound'}: {len(self.samples) / self.sample_rate:.2f} s at {self.sample_rate} Hz"

    def _repr_html_(self):
        title = html.escape(self.title)
        sound = base64.b64encode(_mp3(self.samples, self.sample_rate)).decode()
        return (
            f'<figure style="margin:0 0 8px"><figcaption>{title}</figcaption><audio controls preload="metadata" '
            f'aria-label="{title}" src="data:audio/mpeg;base64,{sound}"></audio></figure>'
        )


def play(audio, sample_rate: int | None = None, title: str = "") -> Player:
    """A player for a clip, as the last line of a cell or for `display`.

    Args: audio: a path or an array (samples,). sample_rate: hertz of the array. title: written above it.
    Raises: AudioError for what is not audio.

    >>> import numpy as np
    >>> play(np.sin(np.arange(8000) / 3), 8000, "a tone")
    a tone: 1.00 s at 8000 Hz
    """
    if sample_rate is None and isinstance(audio, np.ndarray):
        raise AudioError("An array needs its sample_rate in hertz; received none.")
    rate = sample_rate or 16000
    samples = load_audio(audio, rate, sample_rate=sample_rate)
    return Player(samples / max(1.0, float(np.abs(samples).max(initial=0))), rate, title)


def _mp3(samples: np.ndarray, sample_rate: int) -> bytes:
    import soundfile

    rate = min((8000, 16000, 22050, 44100), key=lambda known: abs(known - sample_rate))  # MP3 knows few rates
    data = io.BytesIO()
    soundfile.write(data, resample(samples, sample_rate, rate), rate, format="MP3", subtype="MPEG_LAYER_III")
    return data.getvalue()


@contextmanager
def caught(*kinds: type[BaseException], lines: int = 3):
    """Run what goes wrong on purpose, show the error in a few lines, and insist that it came.

    Args: kinds: of errors that may come; any Exception if none is named. lines: of the message that are shown.
    Raises: AssertionError where nothing went wrong.

    >>> with caught(ZeroDivisionError):
    ...     1 / 0
    ZeroDivisionError: division by zero
    """
    kinds = kinds or (Exception,)
    try:
        yield
    except kinds as error:
        plain = re.sub(r"\x1b\[[0-9;]*m", "", str(error))  # Keras prints some of its words bold
        said = [line for line in plain.splitlines() if line.strip()]
        more = " ..." if len(said) > lines else ""
        print(f"{type(error).__name__}: " + "\n".join(line[:300] for line in said[:lines]) + more)
    else:
        raise AssertionError("This was to fail, and did not.")


class Table:
    """Rows under headings: text in a terminal, HTML in a notebook."""

    def __init__(self, rows: Sequence[Mapping]):
        self.heads = list(dict.fromkeys(key for row in rows for key in row))
        self.rows = [[_cell(row.get(head, "")) for head in self.heads] for row in rows]

    def __repr__(self):
        every = [self.heads, *self.rows]
        widths = [max(len(row[i]) for row in every) for i in range(len(self.heads))]
        return "\n".join(
            "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in every
        )

    def _repr_html_(self):
        def line(cells, tag):
            return "<tr>" + "".join(f'<{tag} style="text-align:left">{html.escape(c)}</{tag}>' for c in cells) + "</tr>"

        return f"<table>{line(self.heads, 'th')}{''.join(line(row, 'td') for row in self.rows)}</table>"


def table(rows: Sequence[Mapping]) -> Table:
    """Rows, each a dict, as a table; numbers with four digits that count.

    >>> table([{"model": "conv2d", "accuracy": 0.98765}, {"model": "lstm", "accuracy": 0.9}])
    model   accuracy
    conv2d  0.9877
    lstm    0.9
    """
    return Table(rows)


def _cell(value) -> str:
    return f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)


def full_or_fast(full, fast):
    """`full`, or `fast` where the environment variable ZOO_FAST is 1: tests train for moments only.

    >>> epochs = full_or_fast(5, fast=1)
    """
    return fast if os.environ.get("ZOO_FAST") == "1" else full
