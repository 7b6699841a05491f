"""Beside an exported file, a script and a page that run it with the runtime alone: `zoo export --example`."""

import html
import json
from pathlib import Path
from urllib.parse import quote

from zoo.errors import ZooError
from zoo.files import atomic_write

OPEN = {
    "litert": """import zipfile

from ai_edge_litert.interpreter import Interpreter

with zipfile.ZipFile(PATH) as archive:  # what the file says of itself lies at its end
    about = json.loads(archive.read("zoo.json"))
run = Interpreter(str(PATH)).get_signature_runner()
""",
    "onnx": """import onnxruntime

session = onnxruntime.InferenceSession(str(PATH), providers=["CPUExecutionProvider"])
about = json.loads(session.get_modelmeta().custom_metadata_map["zoo.json"])
names = [output.name for output in session.get_outputs()]


def run(**inputs):
    return dict(zip(names, session.run(names, inputs)))

""",
}
WHOLE = """outputs = run(waveform=samples[None], lengths=np.array([len(samples)], "int32"))
logits = outputs["logits"][0]
"""
STREAM = """# 120 ms at a time: what the model keeps from one step to the next is its state.
steps, found, start = about["stream"], [], 0
state, frames = np.zeros((1, steps["state"]), "float32"), 1
while len(found) * steps["rows"] < frames + steps["delay"]:
    chunk = np.zeros((1, steps["chunk"]), "float32")
    part = samples[start : start + steps["chunk"]]
    chunk[0, : len(part)] = part
    inputs = {"start": np.array([start], "int32"), "lengths": np.array([len(samples)], "int32")}
    outputs = run(waveform=chunk, state=state, **inputs)
    state, frames, start = outputs["next_state"], int(outputs["frames"][0]), start + steps["chunk"]
    found.append(outputs["logits"][0])
logits = np.concatenate(found)[steps["delay"] : steps["delay"] + frames]
"""
ANSWERS = {
    "transcription": """# Greedy decoding: the best symbol of each frame, repeats merged, blanks (0) removed.
best = logits.argmax(axis=1)
kept = best[(best != 0) & (np.diff(best, prepend=-1) != 0)]
print(" ".join("".join(about["vocabulary"][i - 1] for i in kept).split()))
""",
    "classification": """probabilities = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
best = int(probabilities.argmax())
print(f"{about['labels'][best]} {100 * probabilities[best]:.0f} %")
""",
}
SCRIPT = '''"""Runs {file} on a WAV file. It needs: pip install numpy {package}

    python {script} clip.wav
"""

import json
import sys
import wave
from pathlib import Path

import numpy as np

PATH = Path(__file__).with_name({file!r})
{open}
with wave.open(sys.argv[1]) as recording:
    rate, channels = recording.getframerate(), recording.getnchannels()
    if recording.getsampwidth() != 2 or rate != about["sample_rate"]:
        sys.exit(f"The recording must be 16-bit WAV at {{about['sample_rate']}} Hz; {{sys.argv[1]}} has {{rate}} Hz.")
    samples = np.frombuffer(recording.readframes(recording.getnframes()), "<i2")
samples = (samples.reshape(-1, channels).mean(axis=1) / 32768).astype("float32")

{run}
{answer}'''


PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{file}</title>
<!-- Runs {file} in the browser. Beside it belong the model and the npm package onnxruntime-web (the folder package/ of its archive):

    npm pack onnxruntime-web && tar xf onnxruntime-web-*.tgz && python -m http.server
-->
<h1>{file}</h1>
<p><label>A recording: <input type="file" accept="audio/*,video/*"></label></p>
<p role="status">Loading ...</p>
<script type="module">
const about = {about};
const status = document.querySelector("[role=status]"), input = document.querySelector("input");
const ANSWERS = {{
  // Greedy decoding: the best symbol of each frame, repeats merged, blanks (0) removed.
  transcription: (rows) => rows.map((row) => row.indexOf(Math.max(...row)))
    .filter((best, i, all) => best && best !== all[i - 1]).map((best) => about.vocabulary[best - 1]).join("").split(" ").filter(Boolean).join(" "),
  classification: ([row]) => {{
    const most = Math.max(...row), sum = row.reduce((total, x) => total + Math.exp(x - most), 0);
    return `${{about.labels[row.indexOf(most)]}} ${{Math.round(100 / sum)}} %`;
  }},
}};

async function load() {{
  if (location.protocol === "file:") throw Error("Open this page from a server, such as python -m http.server.");
  const ort = await import("./package/dist/ort.wasm.bundle.min.mjs")
    .catch(() => {{ throw Error("The folder package/ of the npm package onnxruntime-web belongs beside this page."); }});
  ort.env.wasm.numThreads = 1; // several need special headers of the server
  return [ort, await ort.InferenceSession.create({file_js})];
}}

async function answer(bytes, ort, session) {{
  const sound = await new OfflineAudioContext(1, 1, about.sample_rate).decodeAudioData(bytes); // resampled
  const samples = sound.getChannelData(0);
  const feeds = {{
    waveform: new ort.Tensor("float32", samples, [1, samples.length]),
    lengths: new ort.Tensor("int32", Int32Array.of(samples.length), [1]),
  }};
  const {{ data, dims }} = (await session.run(feeds)).logits, width = dims[dims.length - 1];
  const rows = Array.from({{ length: data.length / width }}, (_, i) => [...data.subarray(i * width, (i + 1) * width)]);
  return ANSWERS[about.task](rows);
}}

try {{
  const [ort, session] = await load();
  input.onchange = async () => {{
    status.textContent = "Running ...";
    status.textContent = await answer(await input.files[0].arrayBuffer(), ort, session)
      .catch(() => "This file holds no sound that the browser can decode.");
  }};
  status.textContent = "Choose a recording.";
}} catch (error) {{
  status.textContent = error.message;
}}
</script>
"""


def check_example(format: str, task: str) -> None:
    """Raise ZooError for a format or task that has no example.

    >>> check_example("onnx", "classification")
    """
    if format not in OPEN or task not in ANSWERS:
        raise ZooError(
            f"`example` is for LiteRT and ONNX files of classifiers and recognizers. Received: {format}, {task}."
        )


def write_example(path: Path, format: str, about: dict) -> Path:
    """Write NAME.example.py beside an exported file NAME.tflite or NAME.onnx, and return its path.

    A whole ONNX file has NAME.example.html too, a page that runs it in a browser.

    Args:
        path: The exported file.
        format: "litert" or "onnx".
        about: What it says of itself, as `zoo.export.describe` gives it.

    >>> write_example(Path("mini.onnx"), "onnx", {"task": "classification"}).name  # doctest: +SKIP
    'mini.example.py'
    """
    script = path.with_name(path.stem + ".example.py")
    text = SCRIPT.format(
        file=path.name, script=script.name, package={"litert": "ai-edge-litert", "onnx": "onnxruntime"}[format],
        open=OPEN[format], run=STREAM if "stream" in about else WHOLE, answer=ANSWERS[about["task"]],
    )  # fmt: skip
    with atomic_write(script) as partial:
        partial.write_text(text, encoding="utf-8")
    if format == "onnx" and "stream" not in about:
        known = {key: about[key] for key in ("task", "sample_rate", "vocabulary", "labels") if key in about}
        page = PAGE.format(
            file=html.escape(path.name),
            file_js=json.dumps(f"./{quote(path.name)}"),
            about=json.dumps(known).replace("</", "<\\/"),  # no label ends the script
        )
        with atomic_write(script.with_suffix(".html")) as partial:
            partial.write_text(page, encoding="utf-8")
    return script
