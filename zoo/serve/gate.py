"""Before any route: who asks, how many ask at a time, and how much and how slowly they send.

A body is counted while it arrives, whatever its headers say of it. Open to all are the pages that hold nothing of anybody's: health,
the description of the API, the page for browsers.
"""

import asyncio
import hmac
import time
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from zoo.demo.guard import Guard
from zoo.serve.limits import Limits, Refusal
from zoo.serve.watch import Record, Watch

OPEN = ("/", "/healthz", "/readyz", "/openapi.json", "/docs")
# Paths that answer, and what they do.
JOBS = {"/v1/audio/transcriptions": "transcribe", "/classify": "classify", "/embed": "embed", "/v1/stream": "stream"}
SUBPROTOCOL, TOKEN = "zoo", "token."  # of a browser's WebSocket, which can send no header


class Gate:
    """ASGI middleware that lets in what may come in, and answers the rest.

    Args:
        app: The ASGI application. A request finds its `Record` in the scope.
        limits: How much it takes.
        watch: What counts it.
        local: Whether only this machine may ask; then `Host` must be one of its names.
        token: What clients must send as `Authorization: Bearer TOKEN`; "" for nothing.
    """

    def __init__(self, app: ASGIApp, limits: Limits, watch: Watch, local: bool = True, token: str = ""):
        self.app, self.limits, self.watch, self.guard, self.token = app, limits, watch, Guard(app, local), token
        self.inside = 0  # requests and streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        refusal = self.refusal(scope)
        app = refusal.response() if refusal else self._admit if scope["path"] in JOBS else self.app
        if scope["path"] in JOBS:
            await self._record(app, scope, receive, send)
        else:
            await app(scope, receive, send)

    async def _record(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Have a request answered and count it, whatever becomes of it."""
        start, record = time.perf_counter(), Record(job=JOBS[scope["path"]])
        scope["record"] = record

        async def complete() -> Message:
            nonlocal start
            message = await receive()
            start = time.perf_counter()  # an upload takes as long as the client takes
            return message

        async def noted(message: Message) -> None:
            record.status = message.get("status", record.status)
            if message["type"] == "http.response.start":
                record.milliseconds = 1000 * (time.perf_counter() - start)
            await send(message)

        try:
            await app(scope, complete, noted)
        except Exception:
            record.status = 500
            raise
        finally:
            self.watch.record(record)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.inside += 1
        try:
            with self.watch.inside.track_inprogress():
                await self.app(scope, self._counted(receive) if scope["type"] == "http" else receive, send)
        finally:
            self.inside -= 1

    def refusal(self, scope: Scope) -> Refusal | None:
        """What is wrong with a request, by its headers alone."""
        headers, limits = Headers(scope=scope), self.limits
        if fault := self.guard.fault(headers):
            return Refusal(403, fault, "forbidden")
        if is_open(scope["path"]):
            return None
        if self.token and not hmac.compare_digest(given_token(headers).encode(), self.token.encode()):
            return Refusal(401, "`token` must be that of this server (Authorization: Bearer TOKEN).", "invalid_api_key")
        if declared_bytes(headers) > limits.max_bytes:
            return self._too_large()
        if scope["path"] in JOBS and self.inside >= limits.clients:
            return Refusal(429, f"At most {limits.clients} requests are answered at a time; try again.", "too_many_requests")  # fmt: skip
        return None

    def _too_large(self) -> Refusal:
        return Refusal(413, f"`file` must have at most {self.limits.max_mb:g} MB.", "file_too_large", "file")

    def _counted(self, receive: Receive) -> Callable:
        """`receive` that ends a body which is too large or too slow."""
        loop = asyncio.get_running_loop()
        until, left, complete = loop.time() + self.limits.upload_seconds, self.limits.max_bytes, False

        async def counted() -> Message:
            nonlocal left, complete
            if complete:  # what comes now is that the client has gone, at any time
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), max(0.0, until - loop.time()))
            except asyncio.TimeoutError:
                seconds = self.limits.upload_seconds
                raise Refusal(408, f"A request must arrive within {seconds:g} s.", "upload_too_slow") from None
            left -= len(message.get("body", b""))
            if left < 0:
                raise self._too_large()
            complete = not message.get("more_body", False)
            return message

        return counted


def is_open(path: str) -> bool:
    """Whether everybody may ask for a path."""
    return path in OPEN or path.startswith("/static/")


def declared_bytes(headers: Headers) -> int:
    """What a request says of its length; 0 where it says nothing."""
    length = headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else 0


def given_token(headers: Headers) -> str:
    """The token of a request: of its Authorization, or of a WebSocket's subprotocols ("zoo, token.TOKEN")."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    offered = [name.strip() for name in headers.get("sec-websocket-protocol", "").split(",")]
    return next((name.removeprefix(TOKEN) for name in offered if name.startswith(TOKEN)), "")
