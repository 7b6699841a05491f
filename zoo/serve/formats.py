"""A transcript in the formats of OpenAI's API."""

import math
import zlib
from collections.abc import Sequence

from starlette.responses import JSONResponse, PlainTextResponse, Response

from zoo.decoding import Transcript, Word
from zoo.subtitles import segments, srt, vtt

FORMATS = ("json", "text", "srt", "verbose_json", "vtt")


def response(transcript: Transcript, format: str, times: Sequence[str], language: str, warning: str = "") -> Response:
    """The answer to a request.

    Args:
        transcript: What was said.
        format: One of FORMATS.
        times: "word", "segment" or both, of verbose_json.
        language: What verbose_json names.
        warning: What is missing of the recording, in a sentence.
    """
    if format == "text":
        return PlainTextResponse(f"{transcript.text}\n")
    if format == "srt":
        return PlainTextResponse(srt(transcript), media_type="application/x-subrip")
    if format == "vtt":
        return PlainTextResponse(vtt(transcript), media_type="text/vtt")
    about = {"text": transcript.text}
    if format == "verbose_json":
        about = {"task": "transcribe", "language": language, "duration": transcript.duration} | about
        about |= {"words": words(transcript.words)} if "word" in times else {}
        about |= {"segments": spoken(transcript)} if "segment" in times else {}
    about |= {"usage": {"type": "duration", "seconds": math.ceil(transcript.duration)}}
    about |= {"confidence": round(transcript.confidence, 4), "doubtful": transcript.doubtful, "doubt": transcript.doubt}
    return JSONResponse(about | ({"warning": warning} if warning else {}))


def words(found: Sequence[Word]) -> list[dict]:
    """Words with their seconds, as OpenAI's API has them, and their confidence."""
    return [
        {"word": word.text, "start": round(word.start, 3), "end": round(word.end, 3), "confidence": round(word.confidence, 4)}
        for word in found
    ]  # fmt: skip


def spoken(transcript: Transcript) -> list[dict]:
    """Segments as OpenAI's API has them. `no_speech_prob` is null: recognizers here have no such output."""
    found = []
    for number, segment in enumerate(segments(transcript)):
        said = [w for w in transcript.words if w.start < segment.end and w.end > segment.start]
        letters = sum(len(word.text) for word in said) or 1
        mean = sum(len(word.text) * math.log(max(word.confidence, 1e-9)) for word in said) / letters
        text = " ".join(segment.text.split())
        found.append({
            "id": number, "seek": 0, "start": segment.start, "end": segment.end, "text": text, "tokens": [], "temperature": 0.0,
            "avg_logprob": mean, "compression_ratio": len(text) / len(zlib.compress(text.encode())), "no_speech_prob": None,
        })  # fmt: skip
    return found
