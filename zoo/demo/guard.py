"""Only the page itself may send requests, whatever other sites a browser has open."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LOCAL = ("127.0.0.1", "localhost", "::1")  # names of this machine that only it reaches


class Guard:
    """Answers 403 to requests that another site has a browser send.

    A foreign `Origin` is another site's script. A foreign `Host` is a name that somebody points at this machine (DNS
    rebinding), under which a browser takes that site for the page's own.

    Args:
        app: The ASGI application.
        local: Whether only this machine may ask; then `Host` must be one of its names.
    """

    def __init__(self, app: ASGIApp, local: bool):
        self.app, self.local = app, local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = scope["type"] in ("http", "websocket") and self.fault(Headers(scope=scope))
        if not fault:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": fault})
        else:
            await PlainTextResponse(f"{fault}\n", 403)(scope, receive, send)

    def fault(self, headers: Headers) -> str:
        """Says what is wrong with the headers of a request; "" for nothing."""
        for name in ("host", "x-forwarded-host"):
            if self.local and name in headers and _hostname(headers[name]) not in LOCAL:
                return f"`{name}` must be one of {', '.join(LOCAL)}."
        origin = headers.get("origin")
        if origin is not None and _netloc(origin) != headers.get("host"):
            return "`origin` must be the page itself."
        return ""


def _netloc(address: str) -> str | None:
    try:
        return urlsplit(address).netloc
    except ValueError:  # [ without ]
        return None


def _hostname(host: str) -> str | None:
    return urlsplit(f"//{host}").hostname if _netloc(f"//{host}") else None
