"""The routes: what may be asked, in FastAPI's terms, and what becomes of it."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal

from fastapi import FastAPI, File, Form, Request, UploadFile, WebSocket
from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException

import zoo
from zoo import web
from zoo.monitoring import measure
from zoo.serve import formats
from zoo.serve.gate import Gate
from zoo.serve.limits import Limits, Refusal
from zoo.serve.live import Live
from zoo.serve.models import AUTO, Models
from zoo.serve.sound import Heard, hear
from zoo.serve.watch import Record, Watch

STATIC = Path(__file__).parent / "static"
SHARED = Path(web.__file__).parent / "static"  # with the page of `zoo web`
# Nothing on the page comes from elsewhere.
PAGE_HEADERS = {"Content-Security-Policy": "default-src 'self'", "X-Content-Type-Options": "nosniff"}
Sound = Annotated[UploadFile, File(description="WAV, MP3, M4A, FLAC, Ogg, WebM, or what else FFmpeg decodes")]
Model = Annotated[str, Form(description=f"One of /v1/models; {AUTO} is the best of those that can do it")]


class Service:
    """What the routes share.

    Args:
        models: The models that answer.
        limits: How much it takes.
        watch: What counts it.
    """

    def __init__(self, models: Models, limits: Limits, watch: Watch):
        self.models, self.limits, self.watch = models, limits, watch
        self.stopping, self.live = asyncio.Event(), set()
        self.decoders = ThreadPoolExecutor(os.cpu_count() or 1, "decode")

    async def answer(self, request: Request, name: str, file: UploadFile) -> tuple[Any, Heard]:
        """Have a model do the job of a request with an upload: its answer, and the recording."""
        record: Record = request.scope["record"]
        model = self.models.find(name, record.job)
        record.model = model.name
        loop = asyncio.get_running_loop()
        heard, measured = await loop.run_in_executor(self.decoders, _hear, file.file, model.rate, model.max_seconds)
        record.hears(heard.seconds, measured)
        answer, record.batch = await model.batchers[record.job].ask(heard.samples)
        record.answers(answer)
        return answer, heard

    async def stream(self, socket: WebSocket, name: str, sample_rate: int) -> None:
        """Have a model answer a stream."""
        live = Live(socket, self.models.find(name, "stream"), sample_rate, self.limits.silent_seconds, self.stopping)
        self.live.add(live)
        try:
            await live.run()
        finally:
            self.live.discard(live)

    async def stop(self) -> None:
        """Have streams end with the words so far, and wait until they have."""
        self.stopping.set()
        while self.live:
            await asyncio.sleep(0.02)

    def close(self) -> None:
        """Answer what waits, and end all threads."""
        self.models.close()
        self.decoders.shutdown()
        self.watch.close()


def _hear(file: BinaryIO, rate: int, max_seconds: float) -> tuple[Heard, dict]:
    heard = hear(file.read(), rate, max_seconds)  # here, so that no more uploads are in memory than there are threads
    return heard, measure(heard.samples, rate)


def application(
    models: Models, limits: Limits | None = None, watch: Watch | None = None, local: bool = True, token: str = ""
) -> FastAPI:
    """The server as an ASGI application; its state has the `service`.

    Args:
        models: The models that answer; they are closed when the application ends.
        limits: How much it takes.
        watch: What counts it.
        local: Whether only this machine may ask.
        token: What clients must send; "" for nothing.
    """
    limits = limits or Limits()
    service = Service(models, limits, watch or Watch())

    @asynccontextmanager
    async def lifespan(app):
        yield
        await asyncio.to_thread(service.close)

    app = FastAPI(
        title="speech-zoo", version=zoo.__version__, summary="Small speech models behind OpenAI's API", docs_url=None,
        redoc_url=None, lifespan=lifespan, exception_handlers={
            HTTPException: _refuse, RequestValidationError: _refuse_values, Exception: _refuse_ours,
            WebSocketRequestValidationError: _refuse_values,
        },
    )  # fmt: skip
    app.state.service = service
    app.add_middleware(Gate, limits=limits, watch=service.watch, local=local, token=token)
    _answers(app, service)
    _models(app, service)
    _state(app, service)
    return app


def _answers(app: FastAPI, service: Service) -> None:
    @app.post("/v1/audio/transcriptions", tags=["answers"])
    async def transcribe(
        request: Request,
        file: Sound,
        model: Model = AUTO,
        response_format: Annotated[Literal[formats.FORMATS], Form()] = "json",
        timestamp_granularities: Annotated[
            list[Literal["word", "segment"]], Form(alias="timestamp_granularities[]", description="Of verbose_json")
        ] = ["segment"],  # noqa: B006
        language: Annotated[
            str, Form(description="Ignored: a model writes one language; verbose_json repeats it")
        ] = "english",
        prompt: Annotated[str, Form(description="Ignored")] = "",
        temperature: Annotated[float, Form(description="Ignored: decoding is greedy")] = 0.0,
        stream: Annotated[bool, Form(description="Must be false: /v1/stream answers bit by bit")] = False,
    ):
        """Write what is said, as OpenAI's API does."""
        if stream:
            raise Refusal(400, "`stream` must be false; the WebSocket /v1/stream answers bit by bit.", "unsupported", "stream")  # fmt: skip
        transcript, heard = await service.answer(request, model, file)
        return formats.response(transcript, response_format, timestamp_granularities, language, heard.warning)

    @app.post("/classify", tags=["answers"])
    async def classify(request: Request, file: Sound, model: Model = AUTO):
        """Tell which of a classifier's labels a clip is."""
        answer, heard = await service.answer(request, model, file)
        return answer.to_dict() | named(request) | ({"warning": heard.warning} if heard.warning else {})

    @app.post("/embed", tags=["answers"])
    async def embed(request: Request, file: Sound, model: Model = AUTO):
        """Embed a clip: clips of one voice, or of one word, have a large dot product."""
        answer, _ = await service.answer(request, model, file)
        return {"embedding": answer.tolist()} | named(request)

    @app.websocket("/v1/stream")
    async def stream(socket: WebSocket, model: str = AUTO, sample_rate: int = 16000):
        await service.stream(socket, model, sample_rate)


def named(request: Request) -> dict[str, str]:
    """The model that answered."""
    return {"model": request.scope["record"].model}


def _models(app: FastAPI, service: Service) -> None:
    @app.get("/v1/models", tags=["models"])
    async def models():
        """List the models of this server, with what their cards say."""
        return {"object": "list", "data": [model.about() for model in service.models.served.values()]}

    @app.get("/v1/models/{name:path}", tags=["models"])
    async def model(name: str):
        """Describe a model."""
        if name not in service.models.served:
            names = ", ".join(service.models.served)
            raise Refusal(404, f"`model` must be one of {names}. Received: {name[:100]}.", "model_not_found", "model")
        return service.models.served[name].about()


def _state(app: FastAPI, service: Service) -> None:
    @app.get("/healthz", tags=["state"])
    async def healthz():
        """Say that the process answers."""
        return {"status": "ok"}

    @app.get("/readyz", tags=["state"])
    async def readyz():
        """Say whether requests are taken: 503 while the server stops."""
        if service.stopping.is_set():
            raise Refusal(503, "The server stops.", "stopping")
        return {"status": "ready", "models": list(service.models.served)}

    @app.get("/metrics", tags=["state"], response_class=PlainTextResponse)
    async def metrics():
        """Figures for Prometheus."""
        watch, batchers = service.watch, [b for m in service.models.served.values() for b in m.batchers.values()]
        watch.streams.set(len(service.live))
        watch.queue.set(sum(len(batcher.waiting) for batcher in batchers))
        watch.queue_seconds.set(sum(batcher.seconds for batcher in batchers))
        return PlainTextResponse(watch.metrics(), media_type=CONTENT_TYPE_LATEST)

    @app.get("/", include_in_schema=False)
    @app.get("/docs", include_in_schema=False)
    async def page():
        return FileResponse(STATIC / "index.html", headers=PAGE_HEADERS)

    @app.get("/static/microphone.js", include_in_schema=False)
    @app.get("/static/icon.svg", include_in_schema=False)
    async def shared(request: Request):
        return FileResponse(SHARED / Path(request.url.path).name)

    app.mount("/static", StaticFiles(directory=STATIC))


async def _refuse(request: Request | WebSocket, error: HTTPException) -> JSONResponse:
    if isinstance(error, Refusal):
        return error.response()
    code = HTTPStatus(error.status_code).name.lower()
    return Refusal(error.status_code, f"{str(error.detail).rstrip('.')}.", code).response()


async def _refuse_values(
    request: Request | WebSocket, error: RequestValidationError | WebSocketRequestValidationError
) -> JSONResponse:
    first = error.errors()[0]
    param = next((str(part) for part in first["loc"][1:]), "body")
    return Refusal(400, f"`{param}` is wrong: {first['msg'].rstrip('.')}.", "invalid_value", param).response()


async def _refuse_ours(request: Request, error: Exception) -> JSONResponse:
    return Refusal(500, "The server did not expect this; its log says more.", "server_error").response()
