"""Commands of autoencoders: what they print, draw and write, and never over what it is made of."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from cli_runner import refusal, run, run_json

import zoo

pytestmark = pytest.mark.usefixtures("eager")


@pytest.fixture
def clip(tmp_path) -> Path:
    """A second of noise at 8 kHz."""
    path = tmp_path / "clip.wav"
    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal(8000), 8000)
    return path


def test_reconstruct(clip, tmp_path):
    zoo.load("autoencoder_mini", weights=None).save(tmp_path / "small.keras")
    use = ("reconstruct", clip, "--model", "autoencoder_mini", "--weights", tmp_path / "small.keras")
    about = run_json(*use, "--plot", tmp_path / "both.png", "--out", tmp_path / "back.wav")
    assert about["code"] == [21, 32] and len(about["band_error_db"]) == about["bands"] == 20 and about["error_db"] > 0
    assert (tmp_path / "both.png").stat().st_size > 3000
    assert soundfile.info(tmp_path / "back.wav").duration == pytest.approx(1.0, abs=0.02)
    assert run(*use).stdout.startswith("101 frames of 20 bands -> 21 x 32 numbers -> ")


def test_denoise(clip, tmp_path):
    zoo.load("denoising_autoencoder", weights=None, units=8).save(tmp_path / "small.keras")
    use, out = ("denoise", clip, "--weights", tmp_path / "small.keras"), tmp_path / "clean.wav"
    assert run_json(*use, "--out", out, "--strength", 0, "--plot", tmp_path / "both.png")["strength"] == 0
    assert soundfile.info(out).samplerate == 16000 and (tmp_path / "both.png").stat().st_size > 3000
    np.testing.assert_allclose(zoo.audio.load_audio(out, 16000), zoo.audio.load_audio(clip, 16000), atol=1e-3)
    assert str(out) in run(*use, "--out", out).stdout


def test_sound_is_not_written_over_what_it_is_made_of(clip, tmp_path):
    before = clip.read_bytes()
    for path in (clip, tmp_path / "." / "clip.wav", tmp_path / "a.mp3", tmp_path / "no" / "a.wav"):
        assert refusal("denoise", clip, "--out", path).argument == "out"
        assert refusal("reconstruct", clip, "--out", path).argument == "out"
    (tmp_path / "a.wav").mkdir()
    assert refusal("denoise", clip, "--out", tmp_path / "a.wav").argument == "out"
    assert clip.read_bytes() == before
    assert "none.wav" in str(refusal("reconstruct", tmp_path / "none.wav"))


def test_map(clip, tmp_path):
    for word in ("yes", "no"):
        (tmp_path / "words" / word).mkdir(parents=True)
        for take in range(3):
            shutil.copy(clip, tmp_path / "words" / word / f"{take}.wav")
    given = ("map", "word_embedding", "--data", f"folder:all,source={tmp_path / 'words'}")
    about = run_json(*given, "--plot", tmp_path / "map.png", "--method", "pca")
    assert about["clips"] == 6 and about["numbers"] == 96 and (tmp_path / "map.png").stat().st_size > 3000
    given = ("map", "conv2d_mini", *given[2:])  # which has no embedding
    assert refusal(*given, "--plot", tmp_path / "no.png").argument == "model" and not (tmp_path / "no.png").exists()
