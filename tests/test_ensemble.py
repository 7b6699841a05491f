"""An ensemble answers with the mean of its parts' probabilities, and its parts belong together."""

import numpy as np
import pytest

import zoo
from zoo.audio import bundled
from zoo.ensemble import Ensemble
from zoo.errors import AudioError, UnknownNameError, ZooError

NOISE = np.random.default_rng(0).standard_normal(9000).astype("float32")
CLIPS = [NOISE[:n] * np.hanning(n).astype("float32") for n in (4000, 9000, 2500)]


def small(name, **changes):
    return zoo.load(name, weights=None, **({"filters": 4} if name.startswith("conv") else {"units": 4}) | changes)


def test_probabilities_are_the_mean():
    parts = [small("conv2d_mini"), small("simple_rnn"), small("conv2d_mini", filters=3)]
    both = Ensemble(parts)
    assert both.name == "conv2d_mini+simple_rnn+conv2d_mini" and both.labels is parts[0].labels
    assert both.count_params() == sum(part.count_params() for part in parts)
    for i, found in enumerate(both.classify(CLIPS, 8000)):
        alone = [part.classify(CLIPS[i], 8000).probabilities for part in parts]
        for label, probability in found.probabilities.items():
            assert probability == pytest.approx(np.mean([one[label] for one in alone]), abs=1e-4)
        assert found.confidence == max(found.probabilities.values()) and sum(
            found.probabilities.values()
        ) == pytest.approx(1)
    assert both.classify(CLIPS[0], 8000).label == both.classify(CLIPS, 8000)[0].label


def test_parts_must_belong_together():
    with pytest.raises(ZooError, match="at least two models, each once; received conv2d_mini"):
        Ensemble([small("conv2d_mini")])
    with pytest.raises(ZooError, match="lstm_ctc does transcription"):
        Ensemble([small("conv2d_mini"), zoo.load("lstm_ctc", weights=None, units=4, layers=1)])
    part = small("conv2d_mini")
    with pytest.raises(ZooError, match="each once"):
        Ensemble([part, part])
    with pytest.raises(ZooError, match="NGramModel is none"):
        Ensemble([zoo.load("ngram_lm"), part])
    with pytest.raises(ZooError, match="simple_rnn has others than conv2d_mini"):
        Ensemble([small("conv2d_mini"), small("simple_rnn", labels=("yes", "no"))])


def test_what_only_one_model_can_do_is_refused_in_a_sentence():
    both = Ensemble([small("conv2d_mini"), small("simple_rnn")])
    for name in ("saliency", "embed", "save", "outputs"):
        assert not hasattr(both, name)
        with pytest.raises(ZooError, match=f"for {name} take one of its models"):
            getattr(both, name)


def test_a_file_object_is_heard_by_all_parts():
    both = Ensemble([zoo.load("conv2d_mini"), zoo.load("simple_rnn")])
    with open(bundled("seven"), "rb") as file:
        assert both.classify(file) == both.classify(bundled("seven"))
    with open(bundled("seven"), encoding="latin-1") as file, pytest.raises(AudioError, match="binary mode"):
        both.classify(file)


def test_a_tuple_is_no_clip():
    both = Ensemble([zoo.load("conv2d_mini"), zoo.load("simple_rnn")])
    for clips in ([("a", "b")], [()]):
        with pytest.raises(AudioError, match="received tuple"):
            both.classify(clips)


def test_loaded_by_names_with_a_plus():
    with pytest.raises(UnknownNameError, match="did you mean conv2d"):
        zoo.load("lstm+conv2")
    with pytest.raises(ZooError, match="models as they are"):
        zoo.load("lstm+conv2d", weights=None)
    with pytest.raises(ZooError, match="each model once; received lstm\\+lstm"):
        zoo.load("lstm+lstm")
    names = [name for name in ("conv2d", "lstm") if zoo.card(name).weights]
    if len(names) < 2:
        pytest.skip("these weights are not shipped")
    assert zoo.load("+".join(names)).name == "conv2d+lstm"
