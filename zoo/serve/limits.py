"""How much the server takes, and what it says to more."""

from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

KINDS = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
AGAIN = {408: "1", 429: "1", 503: "5"}  # seconds after which a client may try again


@dataclass(frozen=True)
class Limits:
    """What the server takes."""

    max_mb: float = 25.0  # of a request, as OpenAI's
    max_seconds: float = 600.0  # of a recording
    clients: int = 128  # requests and streams at a time
    queue: float = 3600.0  # seconds of sound that wait for the model
    upload_seconds: float = 60.0  # in which a request must have arrived
    silent_seconds: float = 30.0  # that a stream may send nothing

    @property
    def max_bytes(self) -> int:
        """Bytes of a request."""
        return int(self.max_mb * 2**20)


class Refusal(HTTPException):
    """An answer that is an error, one sentence in the shape that OpenAI's clients read.

    Args:
        status: HTTP status.
        message: The sentence.
        code: A word for programs.
        param: The parameter that was wrong, if one was.

    >>> Refusal(429, "Too many requests at a time.", "too_many_requests").body["error"]["type"]
    'rate_limit_error'
    """

    def __init__(self, status: int, message: str, code: str, param: str | None = None):
        super().__init__(status, message, {"Retry-After": AGAIN[status]} if status in AGAIN else None)
        kind = KINDS.get(status, "server_error" if status >= 500 else "invalid_request_error")
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}

    def response(self) -> JSONResponse:
        """What the client gets."""
        return JSONResponse(self.body, self.status_code, self.headers)
