"""Makes inputs, ordinary, odd and bad, from the bundled clips, each with the right answer: `python tests/corpus/make.py FOLDER`.

Nothing here is committed as sound. tests/test_corpus.py reads what `CASES` lists.
"""

import io
import struct
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
import soundfile

CLIP = Path(__file__).parents[2] / "data" / "samples" / "woman-us.wav"
TEXT = "three four zero one two seven one"
SPEECH, RATE = soundfile.read(CLIP, dtype="float32")  # 16 kHz, 4 s


@dataclass(frozen=True)
class Case:
    """An input and the right answer."""

    name: str  # of the file, too
    make: Callable[[], bytes]
    answer: (
        str  # "same" samples, "like" them (correlation), "cut" (like their beginning), "heard" (in part), or "refused"
    )
    warns: str = ""  # a word of the AudioWarning, or of the AudioError
    likeness: float = 0.9
    text: bool = False  # whether lstm_ctc must write TEXT


CASES: list[Case] = []


def add(name: str, make: Callable[[], bytes], answer: str, warns: str = "", likeness: float = 0.9, text: bool = False):
    CASES.append(Case(name, make, answer, warns, likeness, text))


# --- encoders


def at(rate: int, samples: np.ndarray = SPEECH) -> np.ndarray:
    import soxr

    return samples if rate == RATE else soxr.resample(samples, RATE, rate)


def sndfile(format: str, subtype: str | None = None, rate: int = RATE, samples=None, **options) -> bytes:
    made = io.BytesIO()
    soundfile.write(made, at(rate) if samples is None else samples, rate, subtype, format=format, **options)
    return made.getvalue()


class Pipe(io.RawIOBase):
    """A file that cannot be sought, as a pipe: what a program writes to it keeps the sizes of its first guess."""

    def __init__(self):
        self.data = bytearray()

    def writable(self):
        return True

    def write(self, data):
        self.data += bytes(data)
        return len(data)


def ffmpeg(
    format: str, codec: str, rate: int = RATE, layout: str = "mono", pipe: bool = False, picture: str = "",
    bit_rate: int = 64000, options: dict | None = None, container: dict | None = None, samples: np.ndarray = SPEECH,
    path: str = "",
) -> bytes:  # fmt: skip
    made = Pipe() if pipe else io.BytesIO()
    with av.open(path or made, "w", format=format, options=container or {}) as output:
        if picture:
            video = output.add_stream(picture, rate=10, width=64, height=64, pix_fmt="yuv420p")
        stream = output.add_stream(codec, rate=rate, layout=layout, bit_rate=bit_rate, options=options or {})
        if picture:
            for i in range(40):
                image = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 5 * i, "uint8"), format="rgb24")
                image.pts, image.time_base = i, Fraction(1, 10)
                output.mux(video.encode(image))
            output.mux(video.encode(None))
        context = stream.codec_context
        if format in ("wv", "tta"):  # else in 8 bits
            context.format = {"wv": "s16p", "tta": "s16"}[format]
        resampler = av.AudioResampler(format=context.format, layout=context.layout, rate=rate)
        frame = av.AudioFrame.from_ndarray((samples[None] * 32767).round().astype("int16"), format="s16", layout="mono")
        frame.rate, frame.pts = RATE, 0
        queue = av.AudioFifo()
        for part in resampler.resample(frame) + resampler.resample(None):
            queue.write(part)
        while part := queue.read(context.frame_size or 1024) or queue.read(context.frame_size or 1024, partial=True):
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    return bytes(made.data) if pipe else made.getvalue()


# --- what may happen to a file


def cut(data: bytes, share: float) -> bytes:
    return data[: int(share * len(data))]


def put(data: bytes, after: bytes, offset: int, value: int, size: int = 4, order: str = "little") -> bytes:
    """`value` in place of the number that lies `offset` bytes behind the first `after`."""
    place = data.index(after) + len(after) + offset
    return data[:place] + value.to_bytes(size, order) + data[place + size :]


def hole(data: bytes, at: float = 0.5, size: int = 600) -> bytes:
    place = int(at * len(data))
    return data[:place] + bytes(size) + data[place + size :]


def chunk(kind: bytes, content: bytes, order: str = "<") -> bytes:
    return kind + struct.pack(order + "I", len(content)) + content + bytes(len(content) % 2)


def riff(*chunks: bytes) -> bytes:
    return chunk(b"RIFF", b"WAVE" + b"".join(chunks))


def id3(size: int = 500) -> bytes:
    return b"ID3\x03\0\0" + bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127]) + bytes(size)


PCM = (SPEECH * 32768).round().clip(-32768, 32767).astype("<i2").tobytes()
FMT = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16))
WAV = riff(FMT, chunk(b"data", PCM))


def mp3(**options) -> bytes:
    return ffmpeg("mp3", "libmp3lame", **options)


def no_xing(**options) -> bytes:
    return mp3(container={"write_xing": "0", "id3v2_version": "0"}, **options)


def m4a(**options) -> bytes:
    return ffmpeg("ipod", "aac", **options)


def index_first() -> bytes:
    """An M4A whose index lies before the sound, as on websites; FFmpeg wants to read again what it wrote for that."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.m4a"
        ffmpeg("ipod", "aac", container={"movflags": "faststart"}, path=str(path))
        return path.read_bytes()


def webm(**options) -> bytes:
    return ffmpeg("webm", "libopus", 48000, **options)


def pages(data: bytes) -> list[bytes]:
    """An Ogg file's pages."""
    found = []
    while data:
        size = 27 + data[26] + sum(data[27 : 27 + data[26]])
        found.append(data[:size])
        data = data[size:]
    return found


# --- every format, rate and number of channels that is lossless

for subtype in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"):
    add(f"{subtype.lower()}.wav", lambda s=subtype: sndfile("WAV", s), "same", likeness=0.999)
    add(f"{subtype.lower()}_ex.wav", lambda s=subtype: sndfile("WAVEX", s), "same", likeness=0.999)
for format, subtypes in {
    "RF64": ("PCM_16", "FLOAT"), "W64": ("PCM_16", "PCM_24", "FLOAT"), "AIFF": ("PCM_S8", "PCM_16", "PCM_24", "FLOAT"),
    "AU": ("PCM_16", "PCM_24", "FLOAT"), "CAF": ("PCM_16", "PCM_24", "FLOAT", "ALAC_16"), "FLAC": ("PCM_16", "PCM_24"),
    "NIST": ("PCM_16",), "IRCAM": ("PCM_16",), "VOC": ("PCM_16",),
}.items():  # fmt: skip
    for subtype in subtypes:
        add(f"{subtype.lower()}.{format.lower()}", lambda f=format, s=subtype: sndfile(f, s), "same", likeness=0.999)
add("big_endian.wav", lambda: sndfile("WAV", "PCM_16", endian="BIG"), "same")
add("little_endian.aiff", lambda: sndfile("AIFF", "PCM_16", endian="LITTLE"), "same")
for rate in (8000, 11025, 22050, 44100, 48000, 96000, 192000):
    add(f"{rate}.wav", lambda r=rate: sndfile("WAV", "PCM_16", r), "like", likeness=0.97)
for channels in (2, 3, 6, 8, 12):
    many = np.tile(SPEECH[:, None], (1, channels))
    add(f"{channels}_channels.wav", lambda m=many: sndfile("WAV", "PCM_16", samples=m), "same")
add("12_planes.wv", lambda: ffmpeg("wv", "wavpack", layout="7.1.4"), "like")  # PyAV 18.1 crashes if asked for them
add("stereo.flac", lambda: sndfile("FLAC", samples=np.stack([SPEECH, SPEECH], 1)), "same")
for format, codec in (("ipod", "alac"), ("mov", "alac"), ("mov", "pcm_s16le"), ("mov", "pcm_s24le"), ("matroska", "alac"),
                      ("matroska", "pcm_s16le"), ("wv", "wavpack"), ("tta", "tta"), ("avi", "pcm_s16le"), ("sox", "pcm_s32le"),
                      ("w64", "pcm_s16le"), ("caf", "pcm_s16le"), ("aiff", "pcm_s16be"), ("au", "pcm_s16be")):  # fmt: skip
    add(f"{codec}.{format}", lambda f=format, c=codec: ffmpeg(f, c), "same")

# --- lossy ones

for name, make in {
    "voice_memo.m4a": m4a, "stereo.m4a": lambda: m4a(layout="stereo", rate=44100), "48k.m4a": lambda: m4a(rate=48000),
    "streamed.m4a": lambda: m4a(container={"movflags": "frag_keyframe+empty_moov"}, pipe=True),
    "index_first.m4a": index_first, "aac.mov": lambda: ffmpeg("mov", "aac"),
    "phone.3gp": lambda: ffmpeg("3gp", "aac"), "film.mp4": lambda: ffmpeg("mp4", "aac", picture="mpeg4"),
    "film.mkv": lambda: ffmpeg("matroska", "aac", picture="mpeg4"), "film.avi": lambda: ffmpeg("avi", "mp2", picture="mpeg4"),
    "film.webm": lambda: ffmpeg("webm", "libopus", 48000, picture="libvpx"), "adts.aac": lambda: ffmpeg("adts", "aac"),
    "latm.aac": lambda: ffmpeg("latm", "aac"), "recorder.webm": webm, "pipe.webm": lambda: webm(pipe=True),
    "stereo.webm": lambda: webm(layout="stereo"), "opus.mka": lambda: ffmpeg("matroska", "libopus", 48000),
    "opus.ogg": lambda: sndfile("OGG", "OPUS"), "opus_48k.ogg": lambda: sndfile("OGG", "OPUS", 48000),
    "ffmpeg.opus": lambda: ffmpeg("opus", "libopus", 48000), "vorbis.ogg": lambda: sndfile("OGG", "VORBIS"),
    "vorbis_44k.ogg": lambda: sndfile("OGG", "VORBIS", 44100), "lame.mp3": mp3, "stereo_44k.mp3": lambda: mp3(rate=44100, layout="stereo"),
    "no_xing.mp3": no_xing, "no_xing_44k.mp3": lambda: no_xing(rate=44100), "vbr_no_xing.mp3": lambda: no_xing(options={"q": "4"}),
    "pipe.mp3": lambda: mp3(pipe=True), "libsndfile.mp3": lambda: sndfile("MP3"), "low.mp3": lambda: mp3(bit_rate=24000),
    "mp3.wav": lambda: ffmpeg("wav", "libmp3lame"), "mp2.mpg": lambda: ffmpeg("mpeg", "mp2", bit_rate=128000),
    "aac.ts": lambda: ffmpeg("mpegts", "aac"), "aac.flv": lambda: ffmpeg("flv", "aac"),
    "v2.wma": lambda: ffmpeg("asf", "wmav2", 44100), "v1.wma": lambda: ffmpeg("asf", "wmav1", 44100), "film.ac3": lambda: ffmpeg("ac3", "ac3", 48000, bit_rate=96000),
    "ulaw.wav": lambda: sndfile("WAV", "ULAW"), "alaw.wav": lambda: sndfile("WAV", "ALAW"), "ulaw.au": lambda: sndfile("AU", "ULAW"),
    "ima_adpcm.wav": lambda: sndfile("WAV", "IMA_ADPCM"), "ms_adpcm.wav": lambda: sndfile("WAV", "MS_ADPCM"),
    "ima.aiff": lambda: ffmpeg("mov", "adpcm_ima_qt"),
}.items():  # fmt: skip
    add(name, make, "like", text=True)
for name, make, likeness in (
    ("telephone_ulaw.wav", lambda: sndfile("WAV", "ULAW", 8000), 0.9), ("gsm.wav", lambda: sndfile("WAV", "GSM610", 8000), 0.75),
    ("phone.amr", lambda: ffmpeg("amr", "libopencore_amrnb", 8000, bit_rate=12200), 0.7),
    ("g721.au", lambda: sndfile("AU", "G721_32", 8000), 0.8), ("phone_mp3_8k.mp3", lambda: mp3(rate=8000, bit_rate=16000), 0.8),
    ("speex_rate.ogg", lambda: sndfile("OGG", "OPUS", 8000), 0.8),
):  # fmt: skip
    add(name, make, "like", likeness=likeness)

# --- headers that are not true

END = {"zero": 0, "minus_1": 2**32 - 1, "pipe": 0x7FFFF000, "largest": 2**31 - 1, "near_4_gb": 2**32 - 10}
for name, size in END.items():
    add(f"data_{name}.wav", lambda n=size: put(WAV, b"data", 0, n), "same")
    add(f"riff_{name}.wav", lambda n=size: put(WAV, b"RIFF", 0, n), "same")
    add(f"both_{name}.wav", lambda n=size: put(put(WAV, b"data", 0, n), b"RIFF", 0, n), "same")
HALF = len(PCM) // 2
for name, make in {
    "rf64_minus_1.wav": lambda: put(sndfile("RF64"), b"ds64", 12, 2**63, 8),
    "two_data.wav": lambda: riff(FMT, chunk(b"data", PCM[:40000]), chunk(b"data", PCM[40000:])),
    "three_data.wav": lambda: riff(FMT, *(chunk(b"data", PCM[i : i + 50000]) for i in range(0, len(PCM), 50000))),
    "in_a_row.wav": lambda: riff(FMT, chunk(b"data", PCM[:HALF])) + riff(FMT, chunk(b"data", PCM[HALF:])),
    "list_first.wav": lambda: riff(FMT, chunk(b"LIST", b"INFOISFT\5\0\0\0abcde"), chunk(b"data", PCM)),
    "list_unpadded.wav": lambda: riff(FMT, chunk(b"LIST", b"INFOISFT\5\0\0\0abcde")[:-1], chunk(b"data", PCM)),
    "list_last.wav": lambda: riff(FMT, chunk(b"data", PCM), chunk(b"LIST", b"INFOISFT\4\0\0\0abcd")),
    "junk.wav": lambda: riff(chunk(b"JUNK", bytes(92)), FMT, chunk(b"bext", bytes(602)), chunk(b"data", PCM)),
    "wrong_size_before.wav": lambda: riff(FMT, put(chunk(b"LIST", bytes(20)), b"LIST", 0, 10**9), chunk(b"data", PCM)),
    "data_before_fmt.wav": lambda: riff(chunk(b"data", PCM), FMT), "short_riff.wav": lambda: put(WAV, b"RIFF", 0, 36),
    "block_align_0.wav": lambda: put(WAV, b"fmt ", 16, 0, 2), "byte_rate_0.wav": lambda: put(WAV, b"fmt ", 12, 0),
    "garbage_behind.wav": lambda: WAV + b"\x93" * 999, "text_behind.flac": lambda: sndfile("FLAC") + b"TAG" + bytes(125),
    "fmt_18.wav": lambda: riff(chunk(b"fmt ", FMT[8:] + b"\0\0"), chunk(b"data", PCM)),
    "samples_unknown.flac": lambda: put(put(sndfile("FLAC"), b"fLaC", 17, 0xF0, 1), b"fLaC", 18, 0),
    "samples_2_36.flac": lambda: put(put(sndfile("FLAC"), b"fLaC", 17, 0xFF, 1), b"fLaC", 18, 2**32 - 1),
    "md5_0.flac": lambda: put(sndfile("FLAC"), b"fLaC", 22, 0, 16), "id3_before.flac": lambda: id3() + sndfile("FLAC"),
    "minus_1.au": lambda: put(sndfile("AU"), b".snd", 4, 2**32 - 1, order="big"),
    "minus_1.caf": lambda: put(sndfile("CAF"), b"data", 0, 2**64 - 1, 8, "big"),
    "pipe.flac": lambda: ffmpeg("flac", "flac", pipe=True), "pipe.wav": lambda: ffmpeg("wav", "pcm_s16le", pipe=True),
}.items():  # fmt: skip
    add(name, make, "same")
for name, make in {
    "id3_before.mp3": lambda: id3(3000) + mp3(), "id3_twice.mp3": lambda: id3() + id3(200000) + no_xing(),
    "id3v1_behind.mp3": lambda: no_xing() + b"TAG" + bytes(125), "ape_behind.mp3": lambda: no_xing() + b"APETAGEX" + bytes(200),
    "zeros_before.mp3": lambda: bytes(2000) + no_xing(), "id3_before.aac": lambda: id3() + ffmpeg("adts", "aac"),
}.items():  # fmt: skip
    add(name, make, "like", text=True)
add(
    "chained.ogg",
    lambda: sndfile("OGG", samples=SPEECH[:32000]) + sndfile("OGG", samples=SPEECH[32000:]),
    "like",
    text=True,
)
add("chained_rates.ogg", lambda: sndfile("OGG", samples=SPEECH[:32000]) + sndfile("OGG", "VORBIS", 44100, at(44100, SPEECH[32000:])),
    "like")  # fmt: skip
add(
    "chained.opus",
    lambda: sndfile("OGG", "OPUS", samples=SPEECH[:32000]) + sndfile("OGG", "OPUS", samples=SPEECH[32000:]),
    "like",
)
add("chained.mp3", lambda: no_xing(samples=SPEECH[:32000]) + no_xing(samples=SPEECH[32000:]), "heard")

# --- cut and damaged

for name, make in {
    "pcm.wav": lambda: WAV, "pcm.aiff": lambda: sndfile("AIFF"), "pcm.au": lambda: sndfile("AU"), "pcm.caf": lambda: sndfile("CAF"),
    "pcm.w64": lambda: sndfile("W64"), "pcm.rf64": lambda: sndfile("RF64"), "sound.flac": lambda: sndfile("FLAC"),
    "ima_adpcm.wav": lambda: sndfile("WAV", "IMA_ADPCM"), "vorbis.ogg": lambda: sndfile("OGG"),
    "opus.ogg": lambda: sndfile("OGG", "OPUS"), "recorder.webm": webm, "lame.mp3": mp3, "adts.aac": lambda: ffmpeg("adts", "aac"),
    "index_first.m4a": index_first, "sound.wma": lambda: ffmpeg("asf", "wmav2", 44100),
    "sound.tta": lambda: ffmpeg("tta", "tta"), "sound.mka": lambda: ffmpeg("matroska", "libopus", 48000),
}.items():  # fmt: skip
    for percent in (50, 75):
        add(f"cut_{percent}_{name}", lambda m=make, p=percent: cut(m(), p / 100), "cut", "cut")
add("cut_75_no_xing.mp3", lambda: cut(no_xing(), 0.75), "cut")  # nothing says how long it was
add("cut_by_a_byte.wav", lambda: WAV[:-1], "cut", "missing")
add("cut_75.m4a", lambda: cut(m4a(), 0.75), "refused", "index")  # which lies at the end
add("plus_16.wav", lambda: put(WAV, b"data", 0, len(PCM) + 16), "same", "missing")
add("hole.flac", lambda: hole(sndfile("FLAC")), "heard", "missing")
add("hole_vorbis.ogg", lambda: hole(sndfile("OGG")), "heard", "missing")
add("hole_opus.ogg", lambda: hole(sndfile("OGG", "OPUS")), "heard", "missing")
add("hole.m4a", lambda: hole(m4a()), "heard", "decoded")
add("hole.aac", lambda: hole(ffmpeg("adts", "aac")), "heard", "decoded")
add("hole.webm", lambda: hole(webm(), 0.7), "heard", "missing")
add("hole.mp3", lambda: hole(mp3()), "heard", "decoded")
add("page_dropped.ogg", lambda: b"".join(p for i, p in enumerate(pages(sndfile("OGG"))) if i != 3), "heard", "missing")
add("bytes_dropped.opus", lambda: (d := sndfile("OGG", "OPUS"))[:5000] + d[6000:], "heard", "missing")
add("last_page_gone.ogg", lambda: b"".join(pages(sndfile("OGG"))[:-1]), "cut", "end")

# --- what a microphone may give

add("opposite_phase.wav", lambda: sndfile("WAV", samples=np.stack([SPEECH, -SPEECH], 1)), "same")
add("opposite_phase_8k.wav", lambda: sndfile("WAV", None, 8000, np.stack([at(8000), -at(8000)], 1)), "like")
add("one_channel_silent.wav", lambda: sndfile("WAV", samples=np.stack([SPEECH, 0 * SPEECH], 1)), "like", text=True)
for offset in (0.03, 0.1, 0.2, -0.4):
    add(f"offset_{offset}.wav", lambda o=offset: sndfile("WAV", samples=SPEECH + o), "like", likeness=0.99, text=True)
for hertz in (50, 60):
    add(f"hum_{hertz}.wav", lambda h=hertz: sndfile("WAV", samples=SPEECH + 0.05 * np.sin(2 * np.pi * h / RATE * np.arange(len(SPEECH)))),
        "like", likeness=0.98, text=True)  # fmt: skip
add("loud.wav", lambda: sndfile("WAV", "FLOAT", samples=30000 * SPEECH), "like", likeness=0.999, text=True)
add("quiet.wav", lambda: sndfile("WAV", "FLOAT", samples=0.01 * SPEECH), "like", likeness=0.999)

# --- no sound

for name, (data, word) in {
    "empty.wav": (b"", "empty"), "zeros.wav": (bytes(5000), "zeros"), "page.mp3": (b"<!DOCTYPE html><html>404</html>", "HTML"),
    "page2.wav": (b"\n  <html><head></head></html>", "HTML"), "feed.wav": (b'<?xml version="1.0"?><rss/>', "XML"),
    "lfs.wav": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "LFS"),
    "._clip.wav": (b"\0\5\x16\7\0\2\0\0Mac OS X        " + bytes(200), "macOS"), "paper.pdf": (b"%PDF-1.7\n" + bytes(2000), "PDF"),
    "picture.png": (b"\x89PNG\r\n\x1a\n" + bytes(500), "picture"), "photo.jpg": (b"\xff\xd8\xff\xe0" + bytes(500), "picture"),
    "photo.heic": (b"\0\0\0\x18ftypheic" + bytes(500), "picture"), "picture.webp": (b"RIFF\0\1\0\0WEBPVP8 " + bytes(500), "picture"),
    "answer.json": (b'{"error": "not found"}', "JSON"), "cut.json": (b'{"text": "one t', "JSON"), "notes.txt": (b"hello, hello, " * 99, "text"),
    "chinese.txt": (("a\u4e03\u4e00" * 9999).encode(), "text"), "table.csv": (b"path,text\na.wav,one\n", "text"),
    "clips.zip": (b"PK\3\4" + bytes(200), "archive"), "clips.tar.gz": (b"\x1f\x8b\x08" + bytes(200), "archive"),
    "clips.tar": (b"a.wav".ljust(257, b"\0") + b"ustar" + bytes(400), "archive"), "clips.7z": (b"7z\xbc\xaf'\x1c" + bytes(90), "archive"),
    "array.npy": (b"\x93NUMPY\1\0" + bytes(500), "NumPy"), "weights.h5": (b"\x89HDF\r\n" + bytes(500), "HDF5"),
    "song.mid": (b"MThd\0\0\0\6" + bytes(90), "MIDI"), "list.m3u8": (b"#EXTM3U\na.wav\n", "playlist"),
    "concat.txt": (b"ffconcat version 1.0\nfile /etc/passwd\n", "text"), "data.pkl": (b"\x80\4\x95" + bytes(90), "pickle"),
    "program": (b"\x7fELF\2\1\1" + bytes(900), "program"), "letter.doc": (b"\xd0\xcf\x11\xe0\xa1\xb1" + bytes(900), "Office"),
    "noise.bin": (np.random.default_rng(0).bytes(50000), ""), "noise_small.bin": (np.random.default_rng(1).bytes(60), ""),
    "head_only.wav": (WAV[:44], "none"), "no_data.wav": (riff(FMT), "none"), "no_fmt.wav": (riff(chunk(b"data", PCM)), ""),
    "riff_only.wav": (b"RIFF\xff\xff\xff\xffWAVE", ""), "cut_head.wav": (WAV[:30], ""), "id3_only.mp3": (id3(), ""),
    "ogg_head.ogg": (sndfile("OGG")[:40], ""), "flac_head.flac": (sndfile("FLAC")[:60], ""), "ebml.webm": (b"\x1a\x45\xdf\xa3" + bytes(60), ""),
    "ftyp.m4a": (b"\0\0\0\x18ftypM4A " + bytes(12), ""), "caff.caf": (b"caff\0\1\0\0", ""),
}.items():  # fmt: skip
    add(name, lambda d=data: d, "refused", word)
for name, make, word in (
    ("silent_film.mp4", lambda: silent_film(), "track"), ("no_samples.wav", lambda: sndfile("WAV", samples=SPEECH[:0]), "none"),
    ("one_sample.wav", lambda: sndfile("WAV", samples=SPEECH[:1]), "10 ms"), ("nan.wav", lambda: broken(np.nan), "finite"),
    ("infinite.wav", lambda: broken(np.inf), "finite"), ("1e38.wav", lambda: broken(1e38), "[-1, 1]"),
    ("1_hz.wav", lambda: put(WAV, b"fmt ", 8, 1), "Hz"), ("10_mhz.wav", lambda: put(WAV, b"fmt ", 8, 10**7), "Hz"),
    ("0_hz.wav", lambda: put(WAV, b"fmt ", 8, 0), ""), ("0_channels.wav", lambda: put(WAV, b"fmt ", 6, 0, 2), ""),
    ("0_bits.wav", lambda: put(WAV, b"fmt ", 18, 0, 2), ""), ("unknown_tag.wav", lambda: put(WAV, b"fmt ", 4, 0x1234, 2), ""),
    ("silence_bomb.flac", lambda: bomb(), "size"), ("index_bomb.m4a", lambda: index_bomb(), "index"),
):  # fmt: skip
    add(name, make, "refused", word)


def silent_film() -> bytes:
    made = io.BytesIO()
    with av.open(made, "w", format="mp4") as output:
        video = output.add_stream("mpeg4", rate=10, width=64, height=64, pix_fmt="yuv420p")
        for _ in range(10):
            output.mux(video.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), "uint8"), format="rgb24")))
        output.mux(video.encode(None))
    return made.getvalue()


def broken(value: float) -> bytes:
    samples = SPEECH.copy()
    samples[1000] = value
    return sndfile("WAV", "FLOAT", samples=samples)


def index_bomb() -> bytes:
    """An M4A with an index of ninety million samples of one byte."""
    data = m4a()
    place = data.index(b"stsz") + 8
    return data[:place] + struct.pack(">II", 1, 89478485) + data[place + 8 :]


@cache
def bomb() -> bytes:
    """FLAC of silence, 65,535 samples in each frame of 14 bytes: 8 kB for 41 minutes."""
    made = io.BytesIO()
    with av.open(made, "w", format="flac") as output:
        stream = output.add_stream("flac", rate=16000, layout="mono", options={"frame_size": "65535"})
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 65535), "int16"), format="s16", layout="mono")
        frame.rate, frame.pts = 16000, 0
        for _ in range(600):
            output.mux(stream.encode(frame))
            frame.pts += 65535
        output.mux(stream.encode(None))
    return made.getvalue()


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for case in CASES:
        try:
            (folder / case.name).write_bytes(case.make())
        except Exception as error:
            print(f"{case.name}: {type(error).__name__}: {error}")
    print(f"{len(CASES)} inputs in {folder}")
