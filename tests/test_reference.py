"""Every bundled model gives the answers that were pinned before the rebuild (scripts/make_reference.py)."""

import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import zoo

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
from make_reference import SENTENCES, clips_of, outputs, texts  # noqa: E402

PINS = ROOT / "tests" / "reference"
TOLERANCE = 1e-5 if keras.backend.backend() == "tensorflow" else 1e-4
FAST = ("ds_cnn", "lstm_ctc", "conv_autoencoder", "speaker_id", "ngram_lm")


def models():
    slow = pytest.mark.slow
    return [pytest.param(p.stem, marks=() if p.stem in FAST else slow) for p in sorted(PINS.glob("*.npz"))]


@pytest.mark.parametrize("name", models())
def test_answers_are_those_that_were_pinned(name):
    model = zoo.load(name)
    with np.load(PINS / f"{name}.npz") as pinned:
        if zoo.card(name).task == "language":
            assert [model.log_probability(s) for s in SENTENCES] == pytest.approx(pinned["scores"], abs=TOLERANCE)
            return
        found = outputs(model, clips_of(zoo.card(name).task))
        for key in sorted(set(pinned.files) - {"texts"}):
            if pinned[key].dtype.kind == "f":
                # Relative to the scale of the output: decibels reach 80, logits 30.
                scale = max(1.0, float(np.abs(pinned[key]).max()))
                assert np.abs(found[key] - pinned[key]).max() <= TOLERANCE * scale, key
            else:
                np.testing.assert_array_equal(found[key], pinned[key], err_msg=key)
        assert texts(name, model) == pinned["texts"].tolist()
