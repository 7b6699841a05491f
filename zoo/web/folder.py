"""From models to a static folder: each as ONNX with its card, the page's files, and the runtime.

models/NAME.onnx.gz   waveform in; logits, log-mel and, where it is known, doubt out
models.json           what the page says of each: rate, labels, card, figures
runtime/              ONNX Runtime for browsers
sw.js                 keeps all of it on the device; its version is a hash of the rest
"""

import gzip
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from zoo.audio import bundled
from zoo.entry import called, load
from zoo.errors import MissingFileError, ZooError
from zoo.presets import find_card
from zoo.web.engine import copy_runtime, find_runtime

STATIC = Path(__file__).parent / "static"
SHELL = (
    "./",
    "index.html",
    "app.js",
    "microphone.js",
    "style.css",
    "app.webmanifest",
    "icon.svg",
    "icon-192.png",
    "models.json",
)
TASKS = ("classification", "transcription")
EXAMPLES = {"classification": "seven", "transcription": "woman-us"}  # bundled clips, for models that know digits
TITLE = "speech-zoo"


def write(
    out: str | os.PathLike,
    models: Sequence,
    wasm: str | os.PathLike | None = None,
    title: str = TITLE,
    log: Callable[[str], None] | None = None,
) -> Path:
    """Write a static folder with a page that runs models in the browser. It appears whole or not at all.

    Args:
        out: Folder to write, new or empty; its absolute path is returned.
        models: Names of presets, .keras files, or SpeechModels: classifiers and recognizers. The first is shown first.
        wasm: Folder of the npm package onnxruntime-web; None fetches it with npm, once.
        title: Title of the page.
        log: Called with a line before each step.

    Raises:
        ZooError: For models that have no place on the page, or cannot be exported, and a folder that is not empty.
        MissingFileError: For a runtime folder without the files.

    >>> import zoo
    >>> zoo.web.write("page", ["ds_cnn", "mine.keras"], title="Our words")  # doctest: +SKIP
    """
    out, log = Path(out).expanduser().absolute(), log or (lambda line: None)
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise ZooError(f"`out` must be a new or empty folder. Received: {out}.")
    if not models:
        raise ZooError("`models` must name at least one classifier or recognizer. Received none.")
    for model in models:
        _check(model)
    source = find_runtime(Path(wasm).expanduser() if wasm else None)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".web-", dir=out.parent) as place:
        made = Path(place) / "made"
        shutil.copytree(STATIC, made, ignore=shutil.ignore_patterns("__pycache__"))
        copy_runtime(source, made / "runtime")
        (made / "models").mkdir()
        listed: list[dict] = []
        for model in models:
            listed.append(_add(model, made, [about["name"] for about in listed], log))
        _write_json(made / "models.json", {"title": title, "models": listed})
        _write_json(made / "app.webmanifest", _manifest(title))
        _fill_service_worker(made)
        if out.exists():
            out.rmdir()
        os.replace(made, out)
    return out


def _check(model) -> None:
    """Raise an error for what can be known to have no place on the page before seconds of loading it."""
    if not isinstance(model, str | os.PathLike):
        task, name = getattr(model, "task", "text"), getattr(model, "display_name", type(model).__name__)
    elif Path(model).suffix == ".keras":
        if not Path(model).expanduser().is_file():
            raise MissingFileError(f"`model` must be a preset or a .keras file. There is no file {model}.")
        return
    else:
        name = str(model)
        if "+" in name or Path(name).suffix in (".tflite", ".onnx", ".h5"):
            raise ZooError(f"`model` must be one preset or a .keras file. Received: {name}.")
        card = find_card(name)
        task = card.task if card else TASKS[0]  # a new architecture has no card yet
    if task not in TASKS:
        raise ZooError(f"`model` must be a classifier or recognizer, such as ds_cnn. Received: {name}, for {task}.")


def _add(model, made: Path, taken: Sequence[str], log: Callable[[str], None]) -> dict:
    """Export a model into the folder, and return what models.json says of it."""
    from zoo.export import describe, export

    name = str(model)
    if isinstance(model, str | os.PathLike):
        log(f"{name}: loading ...")
        path, model = Path(model), load(model)
        if path.suffix == ".keras":
            name = called(path)
    else:
        name = model.display_name
    if getattr(model, "task", "") not in TASKS:  # a .keras file may hold anything
        raise ZooError(f"`model` must be a classifier or recognizer, such as ds_cnn. Received: {name}.")
    if name in taken:
        raise ZooError(f"`model` must be another one each time. Received: {name} twice.")
    streams = hasattr(model, "stream")
    log(f"{name}: exporting ...")
    file = f"models/{len(taken)}-{re.sub(r'[^A-Za-z0-9_.-]', '_', name)}.onnx.gz"
    with tempfile.TemporaryDirectory(dir=made) as place:
        data = export(model, "onnx", Path(place) / "model.onnx", stream=streams, extras=True).read_bytes()
    (made / file).write_bytes(gzip.compress(data, 9, mtime=0))
    about = describe(model, stream=streams, extras=True)
    about |= {"name": name, "file": file, "bytes": (made / file).stat().st_size, "parameters": model.count_params()}
    if card := model.preset and find_card(model.preset):
        about["results"] = [
            asdict(result) for result in card.results if not result.decoder
        ]  # the page decodes greedily
        about["example"] = _example(model, made)
    return about


def _example(model, made: Path) -> str | None:
    """Copy the clip that goes with a preset; None where none does."""
    clip = bundled(EXAMPLES[model.task])
    if model.task == "classification" and clip.stem not in model.labels:
        return None
    (made / "examples").mkdir(exist_ok=True)
    shutil.copyfile(clip, made / "examples" / clip.name)
    return f"examples/{clip.name}"


def _manifest(title: str) -> dict:
    icons = [
        {"src": f"icon-{size}.png", "sizes": f"{size}x{size}", "type": "image/png", "purpose": "any maskable"}
        for size in (192, 512)
    ]
    return {
        "name": title, "short_name": title[:12], "description": "Speech models that run on this device.", "start_url": "./", "scope": "./",
        "display": "standalone", "background_color": "#f4f6f8", "theme_color": "#0072b2", "icons": icons,
    }  # fmt: skip


def _fill_service_worker(made: Path) -> None:
    """Tell sw.js its files and a version that changes with any of them, so that browsers fetch them again."""
    digest = hashlib.sha256()
    for path in sorted(made.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(made).as_posix().encode() + path.read_bytes())
    text = (made / "sw.js").read_text(encoding="utf-8")
    text = text.replace('"VERSION"', json.dumps(digest.hexdigest()[:16])).replace('["SHELL"]', json.dumps(SHELL))
    (made / "sw.js").write_text(text, encoding="utf-8")


def _write_json(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
