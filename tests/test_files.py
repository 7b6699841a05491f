"""Files that are written whole or not at all, and read with a sentence where they are damaged."""

import json

import pytest
from conftest import refused

from zoo.errors import DataError
from zoo.files import atomic_write, read_json


def test_a_file_is_whole_or_what_it_was(tmp_path):
    place = tmp_path / "a.txt"
    place.write_text("before")
    with pytest.raises(RuntimeError), atomic_write(place) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert place.read_text() == "before"
    with atomic_write(place) as partial:
        partial.write_text("after")
    assert place.read_text() == "after" and list(tmp_path.iterdir()) == [place]


def test_what_cannot_be_written_is_named_as_the_caller_knows_it(tmp_path):
    (tmp_path / "folder").mkdir()
    for place in (tmp_path / "folder", tmp_path / "nowhere" / "a.txt"):
        with pytest.raises(OSError) as caught, atomic_write(place) as partial:
            partial.write_text("x")
        assert caught.value.filename == str(place) and "partial" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("data", [b"", b'{"a":', b"\xff", b"[1]", b"7"])
def test_damaged_json_is_a_sentence(data, tmp_path):
    (tmp_path / "run.json").write_bytes(data)
    with refused("", DataError):
        read_json(tmp_path / "run.json", "A run's settings")


def test_json_of_either_kind(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"word": "\u662f"}))
    (tmp_path / "b.json").write_text("[1]")
    assert read_json(tmp_path / "a.json", "It") == {"word": "\u662f"}
    assert read_json(tmp_path / "b.json", "It", list) == [1]
