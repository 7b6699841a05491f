"""Old path of `zoo.tasks.streaming`."""

from zoo.tasks.streaming import PartialTranscript, Stream, StreamingGreedyDecoder, listen, microphone  # noqa: F401
