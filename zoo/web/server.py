"""A folder of `zoo web` at an address of this machine, for a first look; any static web server does as well."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from zoo.errors import MissingFileError, ZooError

PORT = 8000


class _Handler(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".css": "text/css",
        ".webmanifest": "application/manifest+json", ".json": "application/json", ".svg": "image/svg+xml", ".wav": "audio/wav",
    }  # fmt: skip

    def end_headers(self):
        self.send_header("Cache-Control", "no-cache")  # a folder that was written again is seen at once
        super().end_headers()

    def log_message(self, *_):
        pass


def make_server(folder: Path, port: int = PORT) -> ThreadingHTTPServer:
    """A server of the folder at 127.0.0.1; port 0 is any free one. Raises ZooError."""
    if not (folder / "models.json").is_file():
        raise MissingFileError(f"`out` must be a folder that `zoo web` wrote. Received: {folder}.")
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, directory=str(folder)))
    except (OSError, OverflowError) as error:
        raise ZooError(f"`port` must be a free one; 0 is any. Received: {port} ({error}).") from None


def serve(folder: Path, port: int = PORT, say: Callable[[str], None] = print) -> None:
    """Serve a folder that `write` wrote until Ctrl-C. Browsers take localhost for as safe as https: the microphone works.

    Args:
        folder: The folder.
        port: Port; 0 is any free one.
        say: Called with the address.
    """
    with make_server(Path(folder), port) as server:
        say(f"The page is at http://localhost:{server.server_port}/ (Ctrl-C ends it).")
        with suppress(KeyboardInterrupt):
            server.serve_forever()
    say("The page is closed.")
