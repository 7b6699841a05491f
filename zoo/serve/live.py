"""A WebSocket: sound in while somebody speaks, words out as soon as they are final.

client: bytes, little-endian PCM of 16 bits in one channel, as many as there are; then the text "end"
server: {"words": [...], "partial": "sev", "seconds": 1.2, "last": false}, whenever something is new: the words that became
        final, and the letters so far of the word that is being said; at the end "last": true with the whole "text"
"""

import asyncio

import numpy as np
from starlette.websockets import WebSocket, WebSocketDisconnect

from zoo.decoding.live import PartialTranscript
from zoo.errors import ZooError
from zoo.serve.formats import words
from zoo.serve.gate import SUBPROTOCOL
from zoo.serve.limits import Refusal
from zoo.serve.models import Served
from zoo.serve.watch import Record

END = "end"  # text after which no sound follows
NORMAL, SILENT, GONE, WRONG, RESTART = 1000, 1001, 1006, 1008, 1012  # codes of closing
STATUS = {NORMAL: 200, SILENT: 408, GONE: 499, WRONG: 400, RESTART: 200}  # what is recorded of them


class Live:
    """A stream of one client.

    Args:
        socket: Its WebSocket, not yet accepted.
        model: A model that streams.
        sample_rate: Hz of the sound.
        silent_seconds: After so many without sound the stream ends.
        stopping: Set when the server stops: the stream then ends with the words so far.
    """

    def __init__(
        self, socket: WebSocket, model: Served, sample_rate: int, silent_seconds: float, stopping: asyncio.Event
    ):
        try:
            self.listener = model.streamer.listener(sample_rate)
        except ZooError as error:
            raise Refusal(400, str(error), "invalid_value", "sample_rate") from None
        self.socket, self.model, self.silent_seconds, self.stopping = socket, model, silent_seconds, stopping
        self.kept, self.confidences = b"", []  # half a sample; of each word
        self.record: Record = socket.scope["record"]
        self.record.model = model.name

    async def run(self) -> None:
        """Answer until the client ends, goes, or sends nothing for too long."""
        protocols = self.socket.scope["subprotocols"]
        await self.socket.accept(SUBPROTOCOL if SUBPROTOCOL in protocols else None)
        stopping = asyncio.ensure_future(self.stopping.wait())
        try:
            code, reason = NORMAL, ""
            while (message := await self._next(stopping)) is not None:
                await self._hear(message)
        except _Over as over:
            code, reason = over.args
        except WebSocketDisconnect:  # the client has gone
            code, reason = GONE, ""
        finally:
            stopping.cancel()
        await self._finish(code, reason)

    async def _next(self, stopping: asyncio.Future) -> bytes | None:
        """The next sound; None at its end."""
        receiving = asyncio.ensure_future(self.socket.receive())
        both, first = (receiving, stopping), asyncio.FIRST_COMPLETED
        await asyncio.wait(both, timeout=self.silent_seconds, return_when=first)
        if not receiving.done():
            receiving.cancel()
            if stopping.done():
                raise _Over(RESTART, "The server stops.")
            raise _Over(SILENT, "No sound came for too long.")
        message = receiving.result()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", GONE))
        if message.get("bytes") is not None:
            return message["bytes"]
        if (message.get("text") or "").strip() == END:
            return None
        raise _Over(WRONG, f'A message must be bytes of 16-bit PCM, or the text "{END}".')

    async def _hear(self, message: bytes) -> None:
        data = self.kept + message
        whole = len(data) - len(data) % 2
        self.kept = data[whole:]
        await self._say(np.frombuffer(data[:whole], "<i2"))

    async def _say(self, samples: np.ndarray, last: bool = False) -> None:
        """Hand sound to the model, off the event loop, and tell the client what is new."""
        loop = asyncio.get_running_loop()
        heard = await loop.run_in_executor(self.model.stream_thread, self.listener.hear, samples, last)
        if heard:
            self.confidences += [word.confidence for word in heard.new]
            await self.socket.send_json(shown(heard))

    async def _finish(self, code: int, reason: str) -> None:
        """Say the last words, and close."""
        self.record.seconds, self.record.status = self.listener.samples / self.listener.sample_rate, STATUS[code]
        try:
            if code != GONE:
                await self._say(np.zeros(0, "<i2"), last=True)
                await self.socket.close(code, reason)
        except WebSocketDisconnect:
            self.record.status = STATUS[GONE]
        self.record.text, self.record.empty = self.listener.text, not self.listener.text
        self.record.confidence = float(np.mean(self.confidences)) if self.confidences else None


class _Over(Exception):
    """The stream ends: (code of closing, reason)."""


def shown(heard: PartialTranscript) -> dict:
    """What the client is told."""
    about = {"words": words(heard.new), "partial": heard.partial}
    about |= {"seconds": round(heard.seconds, 3), "last": heard.last}
    return about | ({"text": heard.text} if heard.last else {})
