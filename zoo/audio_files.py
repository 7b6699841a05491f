"""Files of sound, of every kind that a player plays: bytes in, blocks of samples out, and what is missing of them.

libsndfile decodes plain WAV and Ogg, FFmpeg (PyAV) all else. Headers are hints: what is there is decoded to its end. Nothing is
allocated for what a header only promises.
"""

import errno
import io
import math
from collections.abc import Callable
from typing import BinaryIO

import numpy as np

from zoo.audio_containers import (
    index_is_no_index,
    missing,
    missing_pages,
    mp3_knows_length,
    not_sound,
    streams,
    waves,
)
from zoo.errors import AudioError, TooLongError

# Of files that folders and data sets take for recordings, in any case.
SUFFIXES = tuple(
    ".wav .flac .ogg .oga .opus .mp3 .m4a .m4b .mp4 .mov .3gp .aac .webm .mka .mkv .wma .amr .awb .aiff .aif .aifc .caf .au .snd "
    ".w64 .rf64 .bwf .sph .wv .avi".split()
)
# FFmpeg also reads playlists, pictures and texts, some of which name other files to open.
DEMUXERS = (
    "wav,w64,aiff,caf,au,flac,ogg,mp3,aac,loas,mov,matroska,asf,amr,amrnb,amrwb,avi,flv,mpeg,mpegts,nistsphere,wv,tta,ape,ac3,"
    "eac3,dts,voc,ircam,sox,rm,xwma,iff,dsf"
)
KNOWN_LENGTH = set("aiff au flac mov matroska asf flv tta wv wav".split())  # as headers have it; others are estimates
BETTER_BY_LIBSNDFILE = (b"RIFX", b"caff")  # FFmpeg takes the one for little-endian and loses the other's last packet
MOST_PLANES = 8  # channels in planes of their own: beyond these PyAV reads where there is no memory
PLAIN_WAV = (1, 3, 6, 7)  # format tags of PCM, floats and both G.711
UNDECODED = "some of it cannot be decoded"
BLOCK = 65536  # samples at a time
LARGE = 2**26  # bytes: larger files are not looked through before
SLACK = 0.1  # seconds that a codec may give less than its container promises
LOWEST_RATE = 8_000  # hertz, of a promise
USUAL_RATE = 48_000  # hertz: a limit in seconds is one of memory, too
LEAST, MOST_PER_BYTE = 2**24, 1000  # values that any file may hold, and that a byte may: FLAC of silence has up to 970


class Sound:
    """What was decoded of one file.

    Args:
        size: Bytes of the file.
        name: What errors call it.
        mix: Turns a block (samples, channels) into (samples,) float32; None to measure the duration alone.
        most: Seconds that it may last. Above 48 kHz fewer, as if it were of 48 kHz: memory is what is limited.
    """

    def __init__(self, size: int, name: str, mix: Callable[[np.ndarray], np.ndarray] | None, most: float = math.inf):
        self.name, self.mix, self.most, self.left = name, mix, most, LEAST + MOST_PER_BYTE * size
        self.blocks: list[tuple[int, list[np.ndarray]]] = []  # hertz, blocks (samples,): the rate may change on the way
        self.seconds, self.missing = 0.0, 0.0
        self.faults: list[str] = []

    def add(self, block: np.ndarray, rate: int) -> None:
        """Take the next block, (samples, channels)."""
        self.left -= block.size
        if self.left < 0:
            raise AudioError(f"{self.name} must hold no more sound than its size allows (a bomb of silence?).")
        if not self.blocks or self.blocks[-1][0] != rate:
            self.blocks.append((rate, []))
        if self.mix:
            self.blocks[-1][1].append(self.mix(block))
        self.seconds += len(block) / max(1, rate)
        if self.seconds * max(1.0, rate / USUAL_RATE) > self.most:
            raise TooLongError(f"{self.name} must last at most {self.most:g} s. Received: a longer one.")

    @property
    def pieces(self) -> list[tuple[np.ndarray, int]]:
        """All of it, as ((samples,) float32, hertz) one after the other."""
        return [(np.concatenate(blocks), rate) for rate, blocks in self.blocks]

    @property
    def warning(self) -> str:
        """What is wrong with the file although it could be read; "" if nothing is."""
        faults = list(dict.fromkeys(self.faults))
        if self.missing > 0:
            faults.insert(0, f"{self.missing:.2g} of {self.missing + self.seconds:.3g} seconds are missing")
        return f"{self.name} is cut short or damaged: {', and '.join(faults)}." if faults else ""


def read(file: BinaryIO, name: str, mix: Callable[[np.ndarray], np.ndarray] | None, most: float = math.inf) -> Sound:
    """Decode a seekable binary file, whatever its name ends in, as far as it goes.

    Args:
        file: Open for reading, at its start.
        name: Of the file, for errors.
        mix: Turns a block (samples, channels) of integers or floats into (samples,) float32. None measures the seconds alone.
        most: Seconds that it may last; reading ends there.

    Raises:
        AudioError: There is no sound in it.
        TooLongError: There is more of it than `most`.
    """
    head = file.read(BLOCK)
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if kind := not_sound(head):
        raise AudioError(f"{name} must be a recording and is {kind}.")
    sound = Sound(size, name, mix, most)
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        _read_waves(file.read(), sound)
    elif head[:4] == b"OggS":
        _read_ogg(file.read(), sound)
    elif head[:4] in BETTER_BY_LIBSNDFILE:
        _decode(file.read(), sound, True)
    elif size < LARGE and index_is_no_index(file.read()):
        raise AudioError(f"{name} must hold what its index promises, and is far too small for it.")
    else:
        file.seek(0)
        _ffmpeg(file, sound)
    sound.missing += missing(head, size) * sound.seconds
    if not sound.seconds:
        raise AudioError(f"{name} must hold samples and holds none: its sound is empty, cut off or damaged throughout.")
    return sound


def _read_waves(data: bytes, sound: Sound) -> None:
    for wave in waves(data):
        before = sound.seconds
        _decode(wave.mended(), sound, wave.tag in PLAIN_WAV)
        sound.missing += wave.missing * (sound.seconds - before)


def _read_ogg(data: bytes, sound: Sound) -> None:
    found, damaged = streams(data)
    for pages in found:
        _decode(b"".join(pages), sound, True)
        sound.missing += missing_pages(pages)
        sound.faults += ["its end is missing"] * (not pages[-1][5] & 4)
    sound.faults += ["a page of it is damaged"] * damaged


def _decode(data: bytes, sound: Sound, plain: bool) -> None:
    """Decode what is `plain` by libsndfile, all else and what it refuses by FFmpeg."""
    before = sound.seconds
    if plain:
        _libsndfile(data, sound)
    if sound.seconds == before:
        _ffmpeg(io.BytesIO(data), sound)


class _Contents(io.BytesIO):
    """Bytes as a file in which a place before the first is the first: within libsndfile's callbacks an error would be printed."""

    def seek(self, offset: int, whence: int = 0) -> int:
        start = (0, self.tell(), len(self.getbuffer()))[whence]
        return super().seek(max(0, start + offset))


def _libsndfile(data: bytes, sound: Sound) -> None:
    import soundfile

    try:
        with soundfile.SoundFile(_Contents(data)) as file:
            if not sound.mix and file.frames < 2**40:
                sound.seconds += file.frames / file.samplerate
                return
            file.seekable = lambda: False  # soundfile seeks after each read, which fails past an end that nobody knows
            while len(block := file.read(BLOCK, dtype="float32", always_2d=True)):
                sound.add(block, file.samplerate)
    except soundfile.LibsndfileError:
        sound.faults += [UNDECODED] * bool(sound.blocks)


def _ffmpeg(file: BinaryIO, sound: Sound) -> None:
    import av

    before, head = sound.seconds, file.read(BLOCK)
    file.seek(0)
    try:
        options = {"format_whitelist": DEMUXERS, "protocol_whitelist": "none"}
        with av.open(file, metadata_errors="ignore", options=options) as container:
            track = next((stream for stream in container.streams.audio if stream.codec_context), None)
            if track is None:
                raise AudioError(f"{sound.name} must hold sound and has no sound track that can be decoded.")
            for packet in container.demux(track):
                _ffmpeg_packet(packet, sound)
            promised = track.duration * track.time_base if track.duration else (container.duration or 0) / 1e6
            lost = float(promised) - (sound.seconds - before)
            known = bool(KNOWN_LENGTH & set(container.format.name.split(","))) or mp3_knows_length(head)
            if known and SLACK < lost < sound.left / LOWEST_RATE:  # what is beyond belief is no promise
                sound.missing += lost
    except av.FFmpegError as error:
        if not sound.seconds:
            reason = "its index, which is written last, is missing" if head[4:8] == b"ftyp" else error.strerror
            reason = "its header asks for too much memory" if error.errno == errno.ENOMEM else reason
            raise AudioError(f"{sound.name} must hold sound, and none can be decoded ({reason}).") from None
        sound.faults.append(UNDECODED)


def _ffmpeg_packet(packet, sound: Sound) -> None:
    import av

    if not sound.mix and packet.duration and packet.time_base:
        sound.seconds += float(packet.duration * packet.time_base)
        return
    try:
        for frame in packet.decode():
            sound.add(_samples(frame), frame.sample_rate)
    except av.FFmpegError:
        sound.faults.append(UNDECODED)


def _samples(frame) -> np.ndarray:
    """A frame of FFmpeg as (samples, channels) in its own type."""
    import av

    if frame.format.is_planar and frame.layout.nb_channels > MOST_PLANES:
        (frame,) = av.AudioResampler(frame.format.packed, frame.layout).resample(frame)
    array = frame.to_ndarray()
    return array.T if frame.format.is_planar else array.reshape(-1, frame.layout.nb_channels)
