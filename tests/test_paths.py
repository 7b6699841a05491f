"""Folders such as people have: with spaces and letters of any script, above all a user name on Windows."""

import shutil

import pytest

import zoo
from zoo import datasets
from zoo.audio import bundled, load_audio

NAMES = ("Zoë Müller", "王 小明", "it's 100 %", "a&b (1)")


@pytest.mark.parametrize("name", NAMES)
def test_recordings_are_found(name, tmp_path):
    word = tmp_path / name / "yes"
    word.mkdir(parents=True)
    shutil.copy(bundled("seven"), word / f"{name}.wav")
    assert len(load_audio(str(word / f"{name}.wav"), 8000)) == len(load_audio(bundled("seven"), 8000))
    [clip] = datasets.load("folder", "all", source=tmp_path / name)
    assert clip.text == "yes" and len(clip.audio(8000))
    (tmp_path / name / "list.csv").write_text(f'path,text\n"yes/{name}.wav",yes\n', encoding="utf-8")
    [listed] = datasets.load("folder", "all", source=tmp_path / name / "list.csv")
    assert listed.text == "yes"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES[:2])
def test_models_are_saved_and_loaded(name, tmp_path):
    path = tmp_path / name / "mine.keras"
    path.parent.mkdir()
    model = zoo.load("conv2d_mini")
    model.save(path)
    assert zoo.load(path).classify(bundled("seven")).label == "seven"
