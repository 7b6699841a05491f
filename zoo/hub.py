"""Models of one's own on the Hugging Face Hub, for a class: `zoo push mine.keras user/name`, `zoo.load("hf://user/name")`.

A repository holds the .keras file, zoo.json with its sha256, and README.md, the model's card. What is loaded is checked against the
sha256 and holds no code: a .keras file is read with safe_mode=True, and nothing else is read. Files come from the cache where there is
no network. HF_TOKEN, HF_ENDPOINT and HF_HOME are as for huggingface_hub.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zoo.errors import MissingFileError, WeightsError, ZooError, first_line
from zoo.presets import find_card, sha256

PREFIX = "hf://"
ABOUT, CARD, MODEL = "zoo.json", "README.md", "model.keras"
LARGEST = 200_000_000  # bytes of a model; the largest of the zoo has 30 million
NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")  # user/name
TASKS = {"transcription": "automatic-speech-recognition", "classification": "audio-classification"}  # on the Hub
LICENCES = {
    "Apache-2.0": "apache-2.0",
    "CC BY-SA 4.0": "cc-by-sa-4.0",
}  # how the licence on a card begins -> on the Hub


def push(path: str | Path, name: str, private: bool = False) -> str:
    """Put a saved model into a repository of the Hub, made where there is none, and return its address.

    Args:
        path: A .keras file, as `model.save` writes it.
        name: "user/name" of the repository.
        private: If True, a new repository is for its owner alone.

    Raises:
        ZooError: Without a token or a connection, or for a name or file that cannot be.

    >>> push("mine.keras", "somebody/four-words")  # doctest: +SKIP
    'https://huggingface.co/somebody/four-words'
    """
    hub, path = _hub(), Path(path)
    _check_name(name)
    if path.suffix != ".keras":
        raise WeightsError(f"`path` must be a .keras file; a pickle could hold code. Received: {path}.")
    if not path.is_file():
        raise MissingFileError(f"`path` must be a .keras file that exists. There is no file {path}.")
    _check_size("path", path.stat().st_size, path)
    if not hub.get_token():
        raise ZooError("`HF_TOKEN` must be a token of the Hub that may write (or run `hf auth login`). Received none.")
    from zoo.loading import load

    model = load(path)
    about = {"file": MODEL, "sha256": sha256(path), "bytes": path.stat().st_size}
    files = {ABOUT: json.dumps(about, indent=2).encode(), CARD: readme(model, name).encode(), MODEL: path}
    added = [hub.CommitOperationAdd(path_in_repo=file, path_or_fileobj=content) for file, content in files.items()]
    with _plainly(name):
        address = hub.HfApi().create_repo(name, private=private, exist_ok=True)
        hub.HfApi().create_commit(name, added, commit_message=f"{model.display_name} by zoo push")
    return str(address)


def download(name: str) -> Path:
    """Return the path of the model in "hf://user/name", or "hf://user/name@revision", in the cache, downloaded where it is not.

    Raises:
        ZooError: For a repository that does not exist or holds no model of the zoo, and without a connection.
        WeightsError: For a file that is too large, or other than its sha256 says.
    """
    hub = _hub()
    repository, _, revision = name.removeprefix(PREFIX).partition("@")
    _check_name(repository)
    with _plainly(name):
        about = json.loads(_fetch(hub, repository, ABOUT, revision).read_text("utf-8"))
        if not re.fullmatch(r"[\w-]+\.keras", file := str(about.get("file"))):
            raise WeightsError(f"`name` must hold a .keras file; a pickle could hold code. Received: {name}, {file}.")
        path = _fetch(hub, repository, file, revision)
    if sha256(path) != about.get("sha256"):
        raise WeightsError(
            f"`name` must hold the file that its sha256 is of. Received: {name}, whose {file} is another."
        )
    return path


def _fetch(hub: Any, repository: str, file: str, revision: str) -> Path:
    """A file of a repository, of the revision or the newest one: asked for once, and from the cache where nobody answers."""
    where, offline = {"repo_id": repository, "filename": file, "revision": revision or None}, False
    try:
        found = hub.get_hf_file_metadata(hub.hf_hub_url(**where), token=hub.get_token())
        _check_size("name", found.size or 0, f"{repository}, {file}")
    except Exception as error:
        if not (offline := _is_offline(error)):
            raise
    return Path(hub.hf_hub_download(**where, local_files_only=offline))


def _is_offline(error: Exception) -> bool:
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return bool(kinds & {"ConnectError", "ConnectionError", "TimeoutException", "Timeout", "OfflineModeIsEnabled"})


def readme(model: Any, name: str) -> str:
    """Return the card of a model as the Hub wants it: YAML for its search, then text."""
    card = model.preset and find_card(model.preset)
    about = find_card(model.architecture.name)
    task, tags = TASKS.get(model.task), ["zoo", "speech", model.architecture.name]
    licence = next((short for long, short in LICENCES.items() if card and card.licence.startswith(long)), "other")
    fields = {"library_name": "keras", "license": licence, "tags": tags} | ({"pipeline_tag": task} if task else {})
    labels = getattr(model.config, "labels", ()) or getattr(model.config, "vocabulary", "")
    shown = labels if isinstance(labels, str) else ", ".join(labels)
    verb = next(
        (verb for verb in ("transcribe", "classify", "reconstruct", "detect") if hasattr(model, verb)), "predict"
    )
    lines = ["---", *(f"{key}: {json.dumps(value)}" for key, value in fields.items()), "---", f"# {name.split('/')[1]}"]
    lines += ["", f"A {model.display_name} for {model.task}." + (f" {about.summary}" if card and about else "")]
    lines += ["", f"- {model.count_params():,} parameters, {model.config.sample_rate} Hz"]
    lines += [f"- labels: {shown:.500}"] if labels else []
    if card:
        figures = [
            f"{r.metric} {r.value:.2f} ({r.low:.2f} to {r.high:.2f}), {r.data}:{r.split}" for r in card.results[:3]
        ]
        lines += [f"- licence: {card.licence}", f"- limits: {card.limits}", *(f"- {figure}" for figure in figures)]
    else:
        lines += ["- its weights keep the licence of the data and the weights that they were trained from"]
    lines += ["", "```python", "import zoo", "", f'zoo.load("{PREFIX}{name}").{verb}("clip.wav")', "```", ""]
    return "\n".join(lines)


def _hub() -> Any:
    try:
        import huggingface_hub
    except ImportError:
        rule = "Models of the Hub need huggingface_hub"
        raise ZooError(f"{rule}, which is not installed: pip install 'speech-zoo[hub]'.") from None
    return huggingface_hub


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise ZooError(f"`name` must be user/name, for `zoo.load` hf://user/name. Received: {name}.")


def _check_size(argument: str, size: int, what: Any) -> None:
    if size > LARGEST:
        limit = f"a model of at most {LARGEST / 1e6:.0f} MB"
        raise WeightsError(f"`{argument}` must be {limit}. Received: {what}, {size / 1e6:,.0f} MB.")


@contextmanager
def _plainly(name: str) -> Iterator[None]:
    """What can go wrong between here and the Hub, in one sentence. A token is in none of them."""
    from huggingface_hub import constants, errors

    try:
        yield
    except ZooError:
        raise
    except errors.RepositoryNotFoundError:
        raise ZooError(
            f"`name` must be a repository of {constants.ENDPOINT} that you may see. Received: {name}."
        ) from None
    except errors.RevisionNotFoundError:
        raise ZooError(f"`name` must have a revision that exists. Received: {name}.") from None
    except errors.LocalEntryNotFoundError:
        raise ZooError(f"No connection to {constants.ENDPOINT}, and {name} is not in the cache.") from None
    except errors.EntryNotFoundError:
        raise ZooError(
            f"`name` must be a repository that `zoo push` wrote. Received: {name}, without {ABOUT}."
        ) from None
    except errors.HfHubHTTPError as error:
        code = getattr(error.response, "status_code", None)
        if code in (401, 403):
            raise ZooError(
                f"`HF_TOKEN` must be a token that may do this to {name}. {constants.ENDPOINT} refused it."
            ) from None
        raise ZooError(f"{constants.ENDPOINT} answered {code} for {name}: {first_line(error)}") from None
    except Exception as error:
        if _is_offline(error):
            raise ZooError(f"No connection to {constants.ENDPOINT}, for {name}.") from None
        raise ZooError(
            f"`name` must be a repository that `zoo push` wrote. Received: {name}: {first_line(error)}"
        ) from None
