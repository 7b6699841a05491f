"""The wheel has everything in it: built, installed outside the checkout, it loads its weights and transcribes."""

import configparser
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def test_every_folder_with_code_is_a_package_of_the_wheel():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    listed = set(config["options"]["packages"].split())
    there = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "zoo").rglob("__init__.py")}
    assert listed == there | {"zoo.manifests", "zoo.samples"}


def named(text: str) -> set[str]:
    """The requirements in a text, one a line, without comments."""
    return {line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")}


@pytest.mark.parametrize("name", ["cpu", "jax", "litert"])
def test_smaller_environments_ask_for_the_same_versions(name):
    """What `pip install --no-deps .` leaves out is in requirements/: all but TensorFlow, or the part that LiteRT needs."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    usual, extras = named(config["options"]["install_requires"]), config["options.extras_require"]
    mine = named((ROOT / "requirements" / f"{name}.txt").read_text())
    if name == "litert":
        assert mine - usual == {line for line in named(extras["export"]) if line.startswith("ai-edge-litert>")}
    else:
        own = {"cpu": "tensorflow-cpu>=2.18", "jax": extras["jax"].strip()}[name]
        assert mine == {own if line.startswith("tensorflow") else line for line in usual}


@pytest.mark.slow
def test_litert_needs_nothing_else(tmp_path):
    """With only the packages of requirements/litert.txt, and those that they need, models transcribe and classify."""
    from packaging.requirements import Requirement

    needed = {}
    todo = [Requirement(line) for line in named((ROOT / "requirements" / "litert.txt").read_text())]
    while todo:
        one = todo.pop()
        if one.name not in needed and (one.marker is None or one.marker.evaluate({"extra": ""})):
            needed[one.name] = metadata.distribution(one.name)
            todo += map(Requirement, needed[one.name].requires or ())
    for distribution in needed.values():
        for top in {file.parts[0] for file in distribution.files} - {".."}:
            if not (tmp_path / top).exists():
                (tmp_path / top).symlink_to(distribution.locate_file(top))
    code = (
        f"import sys; sys.path[:] = [p for p in sys.path if 'site-packages' not in p] + [{str(tmp_path)!r}, {str(ROOT)!r}]; "
        "from zoo.cli import main; main(sys.argv[1:])"
    )

    def zoo(*words):
        done = subprocess.run([sys.executable, "-I", "-S", "-c", code, *words], capture_output=True, text=True)
        return done.stdout + done.stderr

    samples = ROOT / "data" / "samples"
    said = zoo("transcribe", str(samples / "woman-us.wav"), "--runtime", "litert")
    assert said == "three four zero one two seven one\n"
    assert "seven" in zoo("classify", str(samples / "seven.wav"), "--model", "ds_cnn", "--runtime", "litert")
    refused = zoo("classify", str(samples / "seven.wav"), "--model", "ds_cnn")
    assert refused.startswith("Error: `runtime` must be 'litert'") and refused.count("\n") == 1


def copy_of_the_checkout(target: Path) -> Path:
    """Tracked and new files, without what builds and environments leave behind."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listing.returncode:  # an archive of the sources, without git
        leave = shutil.ignore_patterns(".*", "build", "dist", "runs", "*.egg-info", "__pycache__")
        return Path(shutil.copytree(ROOT, target, ignore=leave))
    for name in filter(None, listing.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)
    return target


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    sources = copy_of_the_checkout(tmp_path_factory.mktemp("source") / "speech-zoo")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", out, sources]
    subprocess.run(list(map(str, build)), check=True)
    return next(out.glob("*.whl"))


@pytest.mark.slow
def test_wheel_holds_all_that_is_needed_and_no_more(wheel):
    with zipfile.ZipFile(wheel) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist()}
    folders = ("cards", "weights")
    paths = [*(ROOT / "zoo").rglob("*.py"), *(path for folder in folders for path in (ROOT / "zoo" / folder).iterdir())]
    needed = {path.relative_to(ROOT).as_posix() for path in paths if path.suffix != ".partial"}
    needed |= {
        "zoo/py.typed",
        "zoo/notebook.js",
        "zoo/demo/page.css",
        "zoo/serve/static/page.js",
        "zoo/samples/samples.csv",
        "zoo/samples/bundled_digits.zip",
    }
    for folder, pattern in (("manifests", "*.csv"), ("samples", "*.wav")):
        needed |= {f"zoo/{folder}/{path.name}" for path in (ROOT / "data" / folder).glob(pattern)}
    assert needed - set(sizes) == set()
    assert all(name.startswith(("zoo/", "speech_zoo-")) for name in sizes)  # no experiments, scripts or tests
    for name in ("LICENSE", "NOTICE", "METADATA", "entry_points.txt"):
        assert any(path.endswith(f"/{name}") for path in sizes), name
    assert max(sizes.values()) < 5e6 and wheel.stat().st_size < 40e6


@pytest.mark.slow
def test_installed_wheel_transcribes(wheel, tmp_path):
    """An empty environment with the wheel and, so that no network is needed, the dependencies of this one."""
    home = tmp_path / "env"
    venv.create(home, with_pip=False, symlinks=os.name != "nt")
    scripts = home / ("Scripts" if os.name == "nt" else "bin")
    install = [sys.executable, "-m", "pip", "--python", scripts / "python", "install", "--no-deps", "--no-index", wheel]
    # PYTHONPATH may lead to the checkout, which pip would take for an installed zoo
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "ZOO_DATA")}
    environment["ZOO_CACHE"] = str(tmp_path / "cache")
    subprocess.run([*map(str, install), "--quiet"], check=True, env=environment)
    where = [scripts / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(where, capture_output=True, text=True, check=True).stdout.strip())
    # Plain paths in a .pth are searched after the environment's own, and their .pth files (an editable zoo) are not read.
    paths = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "dependencies.pth").write_text("\n".join(paths) + "\n")

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    def run(*words):
        done = subprocess.run(list(map(str, words)), cwd=elsewhere, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    code = (
        "import zoo, pathlib; home = pathlib.Path(zoo.__file__).parent; print(home);"
        "from zoo.datasets.manifests import manifest; print(len(manifest('an4')));"
        "clip = home / 'samples' / 'woman-us.wav'; print(zoo.load('lstm_ctc').transcribe(clip).text)"
    )
    place, rows, text = run(scripts / "python", "-c", code)[-3:]
    assert Path(place).is_relative_to(site)
    assert rows == "1078"
    assert run(scripts / "zoo", "transcribe", site / "zoo" / "samples" / "woman-us.wav") == [text]
    assert text.split()
    assert not (tmp_path / "cache").exists()  # nothing was downloaded
