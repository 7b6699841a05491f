"""What lies in a file of sound, by its bytes alone: containers whose headers are not true, pages that are missing, no sound at all.

Headers are hints. Sizes of 0, -1 and the largest number mean "to the end", as programs write them that do not know the end yet.
"""

import codecs
import json
import re
import zlib

ENDLESS = 0x7FFFF000  # from this on a size in a WAV that is not true means "to the end of the file"


def not_sound(head: bytes) -> str:
    """Name what a file without sound is, by its first bytes; "" where it may be a recording.

    >>> not_sound(b"%PDF-1.7")
    'a PDF document'
    """
    if not head:
        return "an empty file"
    for pattern, kind in NO_SOUND.items():
        if re.match(pattern, head, re.DOTALL | re.IGNORECASE):
            return kind
    if head[:4] in (b"RIFF", b"#!AM", b"NIST", b"caff") or re.search(rb"[\0-\x08\x0e-\x1f]", head[:4096]):
        return ""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)  # the last character may be cut
    except UnicodeDecodeError:
        return ""
    try:
        json.loads(head)
        return "JSON"
    except ValueError:
        return "JSON" if re.match(r"\s*(\{\s*\"|\[\s*[\[{\"\d-])", text) else "text"


NO_SOUND = {
    rb"\0+$": "empty: there are only zeros in it",
    rb"(\xef\xbb\xbf)?\s*(<!doctype html|<html|<head|<body)": "an HTML page, as websites answer in place of a file",
    rb"(\xef\xbb\xbf)?\s*<(\?xml|svg|!--)": "XML",
    rb"version https://git-lfs": "a Git LFS pointer: `git lfs pull` downloads the recording itself",
    rb"\0\x05\x16[\0\x07]": "what macOS keeps beside a recording (AppleDouble), which has the same name without the dot and underscore",
    rb"%PDF": "a PDF document",
    rb"\x89PNG|\xff\xd8\xff|GIF8|BM.{4}\0{4}|II\*\0|MM\0\*|RIFF.{4}WEBP|.{4}ftyp(heic|heix|mif1|avif)": "a picture",
    rb"PK\x03\x04|PK\x05\x06|7z\xbc\xaf|Rar!|\x1f\x8b|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd|.{257}ustar": "an archive: unpack it",
    rb"\x93NUMPY": "a NumPy array: pass numpy.load(...) and its sample_rate",
    rb"\x89HDF": "HDF5 data",
    rb"SQLite format": "a database",
    rb"MThd": "MIDI: notes, no sound",
    rb"#EXTM3U|\[playlist\]": "a playlist: it names recordings",
    rb"\x80[\x02-\x05]": "a Python pickle",
    rb"\x7fELF|MZ.{58}": "a program",
    rb"\xd0\xcf\x11\xe0": "an Office document",
}


class Wave:
    """One WAV: the contents of its chunk fmt, those of its chunks data, and how many bytes these should have."""

    def __init__(self):
        self.form, self.sounds, self.promised = b"", [], 0

    @property
    def tag(self) -> int:
        """The format tag; of an extensible one that in its GUID."""
        return int.from_bytes(self.form[24:26] if self.form[:2] == b"\xfe\xff" else self.form[:2], "little")

    @property
    def missing(self) -> float:
        """Bytes missing for each byte that is there."""
        held = sum(map(len, self.sounds))
        return max(0, self.promised - held) / held if held else 0.0

    def mended(self) -> bytes:
        """The same sound behind a header that is true."""
        sizes = [min(n, 2**32 - 1).to_bytes(4, "little") for n in (len(self.form), sum(map(len, self.sounds)))]
        return b"".join([b"RIFF\xff\xff\xff\xffWAVEfmt ", sizes[0], self.form, b"data", sizes[1], *self.sounds])


def waves(data: bytes) -> list[Wave]:
    """The WAVs in a file: several may have been written one behind the other."""
    found, place, long = [Wave()], 12, 0
    while place + 8 <= len(data):
        wave, kind, rest = found[-1], data[place : place + 4], len(data) - place - 8
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        if kind in (b"RIFF", b"RF64") and data[place + 8 : place + 12] == b"WAVE" and wave.sounds:
            found.append(Wave())
            place, long = place + 12, 0
            continue
        if kind == b"ds64":  # of files beyond 4 GB
            long = int.from_bytes(data[place + 16 : place + 24], "little")
        elif kind == b"fmt ":
            wave.form = data[place + 8 : place + 8 + size]
        elif kind == b"data":
            size = long if long and size == 2**32 - 1 else size
            if (
                size > rest
                and (ENDLESS <= size < 2**32 or size >= 2**62)
                or size == 0
                and not _is_chunk(data, place + 8)
            ):
                size = rest
            wave.promised += size
            wave.sounds.append(memoryview(data)[place + 8 : place + 8 + size])
        elif size > rest and not wave.sounds:  # a size that is wrong: the next thing that looks like sound
            size = max(0, data.find(b"data", place + 8) - place - 8) or rest
        place += 8 + size
        place += size % 2 and (_is_chunk(data, place + 1) or not _is_chunk(data, place))  # some leave the padding out
    return found


def _is_chunk(data: bytes, place: int) -> bool:
    """Whether a RIFF chunk with a name and a size that fits begins at a place."""
    size = int.from_bytes(data[place + 4 : place + 8], "little")
    return bool(re.match(rb"[A-Za-z][A-Za-z0-9]{2}[A-Za-z0-9 ]", data[place : place + 4])) and size <= len(data) - place


def missing(head: bytes, size: int) -> float:
    """Bytes missing of the sound in a CAF or W64 file for each byte that is there; of other formats FFmpeg knows more."""
    if head[:4] == b"caff":
        start = head.find(b"data") + 12
        promised = int.from_bytes(head[start - 8 : start], "big", signed=True)
    elif head[:4] == b"riff":
        start = head.find(b"data\xf3\xac\xd3\x11") + 24
        promised = int.from_bytes(head[start - 8 : start], "little") - 24
    else:
        return 0.0
    return (promised - (size - start)) / (size - start) if 0 < size - start < promised < 2**62 else 0.0


def index_is_no_index(data: bytes) -> bool:
    """Whether an MP4 counts over a hundred samples for each of its bytes: FFmpeg makes an entry of 24 bytes for each."""
    tables = re.findall(rb"stsz.{4}(.{4})(.{4})", data, re.DOTALL)
    return any(any(size) and int.from_bytes(count, "big") > 100 * len(data) for size, count in tables)


def mp3_knows_length(head: bytes) -> bool:
    """Whether the first frame of an MP3 counts the others; without, its length is an estimate by its bit rate.

    >>> mp3_knows_length(b"\\xff\\xfb\\x90\\xc4" + bytes(32) + b"Xing")
    True
    """
    place = 0
    while head[place : place + 3] == b"ID3":  # its size has 7 bits a byte
        place += 10 + sum(
            bits << shift for bits, shift in zip(head[place + 6 : place + 10], (21, 14, 7, 0), strict=False)
        )
    return bool(re.search(b"Xing|Info|VBRI", head[place : place + 200]))


def streams(data: bytes) -> tuple[list[list[bytes]], bool]:
    """The streams of sound in an Ogg file, one behind the other, as lists of their pages; and whether a page is damaged."""
    chains, place, damaged, heads = [], 0, False, False
    while (place := data.find(b"OggS", place)) >= 0:
        lacing = data[place + 27 : place + 27 + data[place + 26]] if place + 27 <= len(data) else b""
        page = data[place : place + 27 + len(lacing) + sum(lacing)]
        if len(page) < 28 or _crc(page) != int.from_bytes(page[22:26], "little"):
            damaged, place = True, place + 4
            continue
        if page[5] & 2 and not heads:
            chains.append({})
        heads = bool(page[5] & 2)  # of streams side by side, each begins before any goes on
        if chains:
            chains[-1].setdefault(page[14:18], []).append(page)  # by serial number
        place += len(page)
    sounds = rb"\x01vorbis|OpusHead|\x7fFLAC|Speex   "
    found = [[pages for pages in chain.values() if re.match(sounds, _body(pages[0]))][:1] for chain in chains]
    return [pages for streams in found for pages in streams], damaged


def _body(page: bytes) -> bytes:
    return page[27 + page[26] :]


def _crc(page: bytes) -> int:
    """Ogg's checksum of a page: zlib's with the bits in the other order, and from 0."""
    flipped = (page[:22] + bytes(4) + page[26:]).translate(FLIPPED)
    return int(f"{zlib.crc32(flipped, 2**32 - 1) ^ (2**32 - 1):032b}"[::-1], 2)


FLIPPED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def missing_pages(pages: list[bytes]) -> float:
    """Seconds between the pages of a stream whose numbers leave some out."""
    head = _body(pages[0])
    rate = 48000 if head[:4] == b"Opus" else int.from_bytes(head[12:16] if head[1:7] == b"vorbis" else b"", "little")
    timed = [(int.from_bytes(p[18:22], "little"), int.from_bytes(p[6:14], "little")) for p in pages]
    steps = zip(timed, timed[1:], strict=False)
    lost = [(b - a) * (m - n - 1) / (m - n) for (n, a), (m, b) in steps if m > n + 1 and a < b < 2**63]
    return sum(lost) / rate if rate else 0.0
