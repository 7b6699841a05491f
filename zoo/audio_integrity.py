"""Check that a WAV, AIFF or OGG file holds what its headers promise: libsndfile shortens a truncated one in silence."""

from zoo.errors import AudioError


def check_container(data: bytes, name: str) -> None:
    """Raise AudioError, which leads with `name`, if the contents of a file were cut short. Other formats pass.

    >>> check_container(b"RIFF____WAVEdata" + (4).to_bytes(4, "little") + b"12", "a.wav")
    Traceback (most recent call last):
    zoo.errors.AudioError: a.wav must be complete: its headers promise 4 bytes of sound and it holds 2.
    """
    if data[:4] == b"OggS":
        page = data[data.rfind(b"OggS") :]
        sizes = page[27 : 27 + page[26]] if len(page) > 26 else b""
        promised, held = 27 + len(sizes) + sum(sizes), len(page) if sizes else 0
    else:
        order = {b"RIFFWAVE": "little", b"FORMAIFF": "big", b"FORMAIFC": "big"}.get(data[:4] + data[8:12])
        promised, held = _sound_chunk(data, order) if order else (0, 0)
    if promised > held:
        raise AudioError(f"{name} must be complete: its headers promise {promised} bytes of sound and it holds {held}.")


def _sound_chunk(data: bytes, order: str) -> tuple[int, int]:
    """(bytes promised, bytes held) of the sound in a WAV or AIFF file, a list of chunks (name, size, contents)."""
    place = 12
    while place + 8 <= len(data):
        size = int.from_bytes(data[place + 4 : place + 8], order)
        if data[place : place + 4] in (b"data", b"SSND"):
            return size, len(data) - place - 8
        place += 8 + size + size % 2
    return 0, 0
