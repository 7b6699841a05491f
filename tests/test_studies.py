"""Each study runs, in its fast form, on the real recordings; and the arithmetic of its figures is right."""

import shutil
from inspect import signature

import numpy as np
import pytest

from zoo import studies
from zoo.errors import DataError
from zoo.studies import STUDIES, Notes, _bootstrap, _gain, blocks, borrow, si_sdr


def test_blocks_are_frames_side_by_side():
    frames = np.arange(14.0).reshape(7, 2)
    np.testing.assert_array_equal(blocks(frames, 1), frames)
    np.testing.assert_array_equal(blocks(frames, 3)[:2], frames[:6].reshape(2, 6))
    np.testing.assert_array_equal(blocks(frames, 3)[2], [12, 13, 12, 13, 12, 13])
    assert blocks(frames, None).shape == (1, 14)


def test_si_sdr_does_not_depend_on_level(rng):
    clean, noise = rng.standard_normal((2, 4000))
    noise -= np.dot(noise, clean) / np.dot(clean, clean) * clean
    noise *= np.linalg.norm(clean) / np.linalg.norm(noise) / 10
    for level in (0.1, 1, 7):
        assert si_sdr(clean, level * (clean + noise)) == pytest.approx(20, abs=1e-6)


def test_bootstrap_of_a_mean_is_about_two_standard_errors(rng):
    values = rng.standard_normal(400)
    value, low, high = _bootstrap(lambda i: values[i].mean(), len(values))
    assert value == values.mean() and (high - low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.15)


def test_gain_is_in_points_for_the_better_and_its_interval_over_speakers():
    fresh = np.array([[50.0, 52], [60, 62], [70, 72], [50, 52], [60, 62], [70, 72]])
    row = _gain("m", "WER", 0.05, 100, {"fresh": fresh, "pretrained": fresh - 3}, -1)
    assert row["gain"] == pytest.approx(3) and row["low"] == pytest.approx(3) and row["runs"] == 12
    assert row["fresh"] == pytest.approx(61) and row["fresh_seeds"] == pytest.approx(np.sqrt(2))


def test_borrowed_layers_have_the_autoencoder_s_weights():
    import zoo

    for name, changes in (("conv2d", {}), ("lstm_ctc", {"layers": 1})):
        model, giver = zoo.load(name, weights=None, **changes), zoo.load(studies.BORROWED[name][0])
        before = {layer.name: [np.array(w) for w in layer.get_weights()] for layer in model.network.layers}
        started = borrow(model, name)
        assert started == list(studies.BORROWED[name][1])
        for layer in model.network.layers:
            now = layer.get_weights()
            if layer.name in started:
                source = giver.network.get_layer(studies.BORROWED[name][1][layer.name]).get_weights()
                assert all((a == b).all() for a, b in zip(now, source, strict=True)) and now
            else:
                assert all((a == b).all() for a, b in zip(now, before[layer.name], strict=True))


def test_runs_that_are_noted_are_not_done_again(tmp_path):
    path, done = tmp_path / "notes.json", []

    def run():
        done.append(1)
        if len(done) == 2:
            raise KeyboardInterrupt
        return 50.0 + len(done)

    notes = Notes(path)
    assert notes.score("conv2d", 0.05, "theo", run=run) == 51
    with pytest.raises(KeyboardInterrupt):
        notes.score("conv2d", 0.2, "theo", run=run)
    again = Notes(path)
    assert again.score("conv2d", 0.05, "theo", run=run) == 51 and len(done) == 2
    assert again.score("conv2d", 0.2, "theo", run=run) == 53
    assert [entry.name for entry in tmp_path.iterdir()] == ["notes.json"]
    for text, said in (
        ("{", "notes.json is damaged"),
        ("[1]", "holds a list"),
        ('{"mine": "keep"}', "has 'mine', which is none"),
    ):
        path.write_text(text)
        with pytest.raises(DataError, match=said):
            Notes(path)
        assert path.read_text() == text


@pytest.mark.slow
@pytest.mark.parametrize("name", STUDIES)
def test_every_study_runs(name, data_folder):
    if name == "reconstruction" and not shutil.which("espeak-ng"):
        pytest.skip("espeak-ng, whose voices vae has learnt from, is not installed")
    said = []
    rows = STUDIES[name](
        fast=True, say=said.append, **({"seeds": 1} if "seeds" in signature(STUDIES[name]).parameters else {})
    )
    assert rows and said and len({tuple(row) for row in rows}) == 1  # the same columns
    for row in rows:
        assert all(np.isfinite(value) for value in row.values() if isinstance(value, float))
        # The interval is that of the gain, where there is one.
        figure = next(row[key] for key in ("gain", "gain_db", "precision", "value") if key in row)
        assert row["low"] <= figure + 1e-9 and figure <= row["high"] + 1e-9
