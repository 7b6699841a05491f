"""ONNX Runtime for browsers, WebAssembly on one thread: the operations of every model's graph, and no special headers of the server.

(LiteRT's runtime for browsers is as small, but its graphs want inputs of one fixed length.)
"""

import gzip
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from zoo.errors import MissingFileError, ZooError, first_line

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
FILES = {"ort.wasm.bundle.min.mjs": "ort.mjs", "ort-wasm-simd-threaded.wasm": "ort.wasm.gz"}  # in dist/ -> on the page
ONCE = ("--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=4000")  # no minutes offline
SECONDS = 300  # for npm, whose package has 33 MB
LICENCE = """ONNX Runtime, https://onnxruntime.ai

MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the
"Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish,
distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to
the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR
ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH
THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def find_runtime(folder: Path | None = None) -> Path:
    """The folder with the runtime's files.

    Args:
        folder: One with the files of the npm package onnxruntime-web, or of its dist/. None fetches the package with npm, once.

    Raises:
        MissingFileError: For a folder without the files.
        ZooError: Without npm, or where it fetches nothing.
    """
    if folder:
        places = [folder, folder / "dist", folder / "node_modules" / PACKAGE / "dist"]
        found = next((place for place in places if all((place / name).is_file() for name in FILES)), None)
        if found is None:
            raise MissingFileError(
                f"`wasm` must be a folder of the npm package {PACKAGE}, with {' and '.join(FILES)}. Received: {folder}."
            )
        return found
    from zoo.datasets.archives import cache_folder

    kept = cache_folder() / f"{PACKAGE}-{VERSION}"
    if not kept.is_dir():
        _fetch(kept)
    return kept


def _fetch(target: Path) -> None:
    """Ask npm for the package, and keep the two files of it; whole or not at all."""
    npm = shutil.which("npm")
    if npm is None:
        raise ZooError(
            f"`wasm` must be a folder of the npm package {PACKAGE} where npm is not installed. Received: none."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".npm-", dir=target.parent) as place:
        command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--silent", "--pack-destination", place, *ONCE]
        try:
            done = subprocess.run(command, cwd=place, capture_output=True, text=True, errors="replace", timeout=SECONDS)
            reason = first_line(ZooError(done.stderr or done.stdout or "it wrote no file"))
        except subprocess.TimeoutExpired:
            reason = f"nothing in {SECONDS} s"
        archive = next(Path(place).glob("*.tgz"), None)
        if archive is None:
            raise ZooError(
                f"`wasm` must be a folder of the npm package {PACKAGE} where npm cannot fetch it. Received: none ({reason})."
            )
        made = Path(place) / "made"
        made.mkdir()
        with tarfile.open(archive) as members:
            for name in FILES:
                (made / name).write_bytes(members.extractfile(f"package/dist/{name}").read())
        if not target.is_dir():  # another process may have been faster
            made.rename(target)


def copy_runtime(source: Path, target: Path) -> None:
    """Put the runtime into the page's folder `target`, the WebAssembly compressed to a quarter."""
    target.mkdir()
    for name, to in FILES.items():
        data = (source / name).read_bytes()
        (target / to).write_bytes(gzip.compress(data, 9, mtime=0) if to.endswith(".gz") else data)
    (target / "LICENSE.txt").write_text(LICENCE, encoding="utf-8")
