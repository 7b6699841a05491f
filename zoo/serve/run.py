"""The server as a process: its socket, slow connections, and how it stops."""

import asyncio
import logging
import re
import signal
from collections.abc import Callable, Sequence

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from zoo.demo.guard import LOCAL
from zoo.demo.page import check_address
from zoo.errors import ZooError
from zoo.serve.app import application
from zoo.serve.limits import Limits
from zoo.serve.models import DEFAULT, open_models
from zoo.serve.watch import Watch

HOST, PORT = "127.0.0.1", 8000
HEADER_SECONDS = 10.0  # in which the headers of a request must have arrived
HEADER_BYTES = 16 * 1024  # that they have at most
REST_SECONDS = 5.0  # for which what is still sent to a request that was answered is taken, so that the answer is read
CHUNK_BYTES = 2**20  # of a stream's message
STOP_SECONDS = 60.0  # in which what was accepted is finished


class Protocol(H11Protocol):
    """HTTP/1.1 that closes connections of clients who send no headers, or never come to their end."""

    late: asyncio.TimerHandle | None = None

    def connection_made(self, transport) -> None:
        super().connection_made(transport)
        self._close_in(HEADER_SECONDS)

    def connection_lost(self, exc) -> None:
        self._close_in(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.transport.get_protocol() is not self:  # it has become a WebSocket
            self._close_in(None)
        elif self.conn.their_state is not h11.IDLE and not self._answered:
            self._close_in(None)
        elif self.late is None and not self.transport.is_closing():
            self._close_in(HEADER_SECONDS)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY:
            self._close_in(REST_SECONDS)

    @property
    def _answered(self) -> bool:
        return self.cycle is not None and self.cycle.response_complete

    def _close_in(self, seconds: float | None) -> None:
        if self.late:
            self.late.cancel()
        self.late = None if seconds is None else self.loop.call_later(seconds, self.transport.close)


class Server(uvicorn.Server):
    """uvicorn that has streams say their last words before it stops."""

    async def shutdown(self, sockets=None) -> None:
        await self.config.app.state.service.stop()
        await super().shutdown(sockets)


def check_open(host: str, token: str, open: bool) -> None:
    """Raises ZooError for a server that anybody on the network could use by mistake."""
    if host not in LOCAL and not (token or open):
        raise ZooError(
            f"`token` must be given, or --open, for a host that other machines reach. Received: host={host}."
        )
    if token and not re.fullmatch(r"[A-Za-z0-9._~+-]+", token):  # what a browser's WebSocket can send
        raise ZooError("`token` must be letters, digits and . _ ~ + - alone. Received: one with other signs.")


def say_address(say: Callable[[str], None], host: str, port: int, token: str) -> None:
    """Says where a server is, and whether it is open to all."""
    say(f"The server is at http://{f'[{host}]' if ':' in host else host}:{port} (Ctrl-C ends it).")
    if not token and host not in LOCAL:
        say("Warning: everybody who reaches this machine can use it, without a token.")


def serve(
    models: Sequence[str] = DEFAULT,
    host: str = HOST,
    port: int = PORT,
    token: str = "",
    open: bool = False,
    limits: Limits | None = None,
    runtime: str | None = None,
    log: str | None = None,
    keep: bool = False,
    say: Callable[[str], None] = print,
) -> None:
    """Serve models until Ctrl-C or SIGTERM; what was accepted by then is finished.

    Args:
        models: Presets, .keras files or exported files.
        host: Address to listen at; any other than this machine's own lets other machines in, and needs a `token`.
        port: Port; 0 is any free one.
        token: What clients must send as `Authorization: Bearer TOKEN`.
        open: Whether everybody may use it where there is no token.
        limits: How much it takes.
        runtime: "litert" or "keras" for all presets; None for the faster one.
        log: File to which a line of JSON is added for each request.
        keep: Whether the log has the text of the answers.
        say: Called with lines for whoever started it.
    """
    check_open(host, token, open)
    limits = limits or Limits()
    with check_address(host, port) as listener:
        watch = Watch(log, keep)  # before seconds of loading
        logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # a client's mistakes fill no log of ours
        app = application(open_models(models, limits, runtime, say), limits, watch, host in LOCAL, token)
        config = uvicorn.Config(
            app, http=Protocol, ws="websockets-sansio", log_level="error", access_log=False, server_header=False,
            h11_max_incomplete_event_size=HEADER_BYTES, ws_max_size=CHUNK_BYTES, ws_per_message_deflate=False,
            timeout_graceful_shutdown=round(STOP_SECONDS), lifespan="on",
        )  # fmt: skip
        listener.listen(1024)
        say_address(say, host, listener.getsockname()[1], token)
        usual = signal.signal(signal.SIGTERM, lambda *_: None)  # uvicorn raises it again when it has stopped
        try:
            Server(config).run(sockets=[listener])
        except KeyboardInterrupt:
            pass
        finally:
            signal.signal(signal.SIGTERM, usual)
    say("The server has stopped.")
