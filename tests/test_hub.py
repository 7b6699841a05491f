"""Models on the Hugging Face Hub: pushed and loaded, against a stand-in for its HTTP API on this machine."""

import base64
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest import mock
from urllib.parse import unquote

import pytest
from conftest import refused, small

import zoo
from zoo.errors import WeightsError, ZooError

pytest.importorskip("huggingface_hub")
from huggingface_hub import constants  # noqa: E402

from zoo import hub  # noqa: E402

TOKEN = "hf_secretsecretsecret"
MINE = "somebody/two-words"
pytestmark = pytest.mark.usefixtures("eager")


class StandIn(BaseHTTPRequestHandler):
    """As much of the Hub as a push and a download need."""

    files: dict[str, dict[str, bytes]] = {}  # repository -> path -> content, of its one revision

    def log_message(self, *args):
        pass

    def answer(self, code: int, body: bytes = b"{}", **headers):
        self.send_response(code)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.answer(401)
        if self.path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked.get('organization', 'somebody')}/{asked['name']}"
            self.files.setdefault(name, {})
            return self.answer(200, json.dumps({"url": f"http://{self.headers['Host']}/{name}"}).encode())
        if self.path == "/api/validate-yaml":
            return self.answer(200, b'{"errors": [], "warnings": []}')
        name = "/".join(self.path.split("/")[3:5])
        if "/preupload/" in self.path:
            asked = json.loads(body)["files"]
            modes = [{"path": file["path"], "uploadMode": "regular", "shouldIgnore": False} for file in asked]
            return self.answer(200, json.dumps({"files": modes}).encode())
        for line in map(json.loads, body.splitlines()):
            if line["key"] == "file":
                self.files[name][line["value"]["path"]] = base64.b64decode(line["value"]["content"])
        commit = {"commitUrl": f"http://{self.headers['Host']}/{name}/commit/{'a' * 40}", "commitOid": "a" * 40}
        self.answer(200, json.dumps(commit).encode())

    def do_GET(self):
        parts = unquote(self.path.split("?")[0]).strip("/").split("/")
        if parts[0] == "api":
            info = {
                "id": MINE,
                "sha": "a" * 40,
                "siblings": [],
                "private": False,
                "tags": [],
                "downloads": 0,
                "likes": 0,
            }
            return self.answer(200, json.dumps(info).encode())
        name, revision, file = "/".join(parts[:2]), parts[3], "/".join(parts[4:])
        if name not in self.files:
            return self.answer(404, X_Error_Code="RepoNotFound")
        if revision not in ("main", "v1", "a" * 40):
            return self.answer(404, X_Error_Code="RevisionNotFound")
        if file not in self.files[name]:
            return self.answer(404, X_Error_Code="EntryNotFound", X_Repo_Commit="a" * 40)
        content = self.files[name][file]
        self.answer(200, content, ETag=f'"{hashlib.sha256(content).hexdigest()}"', X_Repo_Commit="a" * 40)

    do_HEAD = do_GET


@pytest.fixture
def server(monkeypatch, tmp_path):
    """The stand-in, empty, with a cache of its own; its address."""
    StandIn.files = {}
    running = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{running.server_port}"
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    with (
        mock.patch.object(constants, "ENDPOINT", address),
        mock.patch.object(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template),
        mock.patch.object(constants, "HF_HUB_CACHE", str(tmp_path / "cache")),
        mock.patch("huggingface_hub.hf_api.HfApi.__init__", _at(address)),
    ):
        yield running
    running.shutdown()
    running.server_close()


def _at(address):
    from huggingface_hub import HfApi

    made = HfApi.__init__
    return lambda self, *args, **kwargs: made(self, *args, **{"endpoint": address} | kwargs)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "mine.keras"
    model = small("conv2d_mini", filters=4, labels=("yes", "no"))
    model.save(path)
    return path


def test_a_pushed_model_is_loaded_by_its_name(server, saved):
    assert hub.push(saved, MINE).endswith(MINE)
    assert set(StandIn.files[MINE]) == {"zoo.json", "README.md", "model.keras"}
    card = StandIn.files[MINE]["README.md"].decode()
    assert card.startswith("---\nlibrary_name") and "audio-classification" in card and "yes, no" in card
    model = zoo.load(f"hf://{MINE}")
    assert model.labels == ("yes", "no") and model.count_params() == zoo.load(saved).count_params()
    assert zoo.load(f"hf://{MINE}@v1").labels == model.labels
    with refused("name"):
        zoo.load(f"hf://{MINE}@none")
    with refused("weights"):
        zoo.load(f"hf://{MINE}", weights=None)


def test_without_a_network_the_cache_answers(server, saved):
    hub.push(saved, MINE)
    path = hub.download(f"hf://{MINE}")
    server.shutdown()
    server.server_close()
    assert hub.download(f"hf://{MINE}") == path
    with pytest.raises(ZooError, match="^No connection to http"):
        hub.download("hf://somebody/other")
    with pytest.raises(ZooError, match="^No connection to http"):
        hub.push(saved, MINE)


def test_what_is_not_as_it_says_is_refused(server, saved):
    hub.push(saved, MINE)
    files = StandIn.files[MINE]
    about = json.loads(files["zoo.json"])

    def says(**changes):
        files["zoo.json"] = json.dumps(about | changes).encode()
        with refused("name", WeightsError):
            hub.download(f"hf://{MINE}")

    says(sha256="0" * 64)
    says(file="model.pkl")
    says(file="../model.keras")
    files["zoo.json"] = json.dumps(about).encode()
    with mock.patch.object(hub, "LARGEST", 1000), refused("name", WeightsError):
        hub.download(f"hf://{MINE}")
    del files["zoo.json"]
    with refused("name"):
        hub.download(f"hf://{MINE}")
    files["zoo.json"] = b"<html>"
    with refused("name"):
        hub.download(f"hf://{MINE}")
    for name in ("hf://somebody/nothing", "hf://somebody", "hf://a/b/c", "hf://../b"):
        with refused("name"):
            zoo.load(name)


def test_what_cannot_be_pushed(server, saved, tmp_path):
    pickled = tmp_path / "mine.pkl"
    pickled.write_bytes(b"x")
    for path in (pickled, tmp_path / "none.keras"):
        with refused("path"):
            hub.push(path, MINE)
    with mock.patch.object(hub, "LARGEST", 1000), refused("path", WeightsError):
        hub.push(saved, MINE)
    with refused("name"):
        hub.push(saved, "two-words")


@pytest.mark.parametrize("token", ["", "hf_anothersecret"])
def test_a_token_is_needed_and_never_shown(token, server, saved, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", token)
    monkeypatch.setattr("huggingface_hub.get_token", lambda: token or None)
    with refused("HF_TOKEN") as caught:
        hub.push(saved, MINE)
    assert not token or token not in str(caught.value)


def test_the_card_of_a_preset_says_how_good_it_is():
    text = hub.readme(zoo.load("conv2d_mini"), MINE)
    assert 'license: "cc-by-sa-4.0"' in text and "accuracy" in text and f"hf://{MINE}" in text
