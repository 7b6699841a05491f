"""What came before neural networks: each baseline learns what it must, and says in one sentence what it cannot."""

import sys

import numpy as np
import pytest
from conftest import refused
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import LeaveOneGroupOut, cross_val_score

import zoo.datasets
from zoo.baselines import BASELINES, RATE, baseline, dtw_distance, features
from zoo.errors import UnknownNameError, ZooError

LEARNERS = [name for name in BASELINES if name != "majority"]


@pytest.fixture(autouse=True)
def _optional(request):
    if "gmm_hmm" in request.node.name and "missing" not in request.node.name:
        pytest.importorskip("hmmlearn", reason='hmmlearn is not here: pip install "speech-zoo[baselines]"')


def sweep(rng, start: float, end: float) -> np.ndarray:
    """A glide from `start` to `end` hertz of a random length, level and phase, in a little noise."""
    seconds = rng.uniform(0.2, 0.5)
    time = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * (start * time + (end - start) * time**2 / (2 * seconds)) + rng.uniform(0, 2 * np.pi)
    return (rng.uniform(0.1, 0.9) * np.sin(phase) + 0.003 * rng.standard_normal(len(time))).astype("float32")


def sounds(rng, count: int) -> tuple[list[np.ndarray], list[str]]:
    """`count` each of tones, rising and falling chirps; the chirps hold the same pitches, in another order."""
    ends = {"tone": (900, 900), "up": (300, 3000), "down": (3000, 300)}
    labels = [label for label in ends for _ in range(count)]
    return [sweep(rng, *ends[label]) for label in labels], labels


@pytest.mark.parametrize("name", LEARNERS)
def test_learns_tones_and_chirps(name, rng):
    recognizer = baseline(name)
    assert recognizer.fit(*sounds(rng, 8)) is recognizer
    clips, labels = sounds(rng, 5)
    assert list(recognizer.predict(clips)) == labels


@pytest.mark.parametrize("name", LEARNERS)
def test_is_the_same_each_time_and_leaves_global_randomness_alone(name, rng):
    (clips, labels), (others, _) = sounds(rng, 4), sounds(rng, 3)
    noise = [clip + rng.normal(0, 0.3, clip.shape) for clip in others]
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    first = baseline(name).fit(clips, labels).predict(noise)
    assert (np.random.get_state()[1] == before).all()
    assert (baseline(name).fit(clips, labels).predict(noise) == first).all()


def test_majority_is_the_majority(rng):
    clips, _ = sounds(rng, 1)
    assert baseline("majority").fit(clips, ["a", "b", "b"]).predict(clips).tolist() == ["b"] * 3
    assert baseline("majority").fit(clips, ["c", "b", "a"]).predict(clips[:1]).tolist() == ["a"]


def test_features_are_librosas_and_hear_no_level_and_no_silence(rng):
    clip = sweep(rng, 300, 3000)
    found = features(clip)
    assert found.shape[1] == 26 and abs(found[:, 0].mean()) < 1e-3
    np.testing.assert_allclose(features(clip / 4), found, atol=1e-2)
    padded = features(np.concatenate([np.zeros(2000, "float32"), clip, np.zeros(2000, "float32")]))
    assert abs(len(padded) - len(found)) <= 4


def test_a_stretched_template_is_the_nearest(rng):
    templates = [rng.standard_normal((length, 5)) for length in (20, 30, 40)]
    for own, template in enumerate(templates):
        paces = rng.integers(1, 4, len(template))  # each frame is said for one to three
        distances = [dtw_distance(np.repeat(template, paces, axis=0), other) for other in templates]
        assert np.argmin(distances) == own and distances[own] == pytest.approx(0, abs=1e-12)


def test_dtw_by_hand(rng):
    a, b = rng.standard_normal((7, 3)), rng.standard_normal((9, 3))
    sums = np.full((8, 10), np.inf)
    sums[0, 0] = -((a[0] - b[0]) ** 2).sum()  # librosa counts the first pair once, though the step is in both
    for i in range(1, 8):
        for j in range(1, 10):
            cost = ((a[i - 1] - b[j - 1]) ** 2).sum()
            sums[i, j] = min(sums[i - 1, j - 1] + 2 * cost, sums[i - 1, j] + cost, sums[i, j - 1] + cost)
    assert dtw_distance(a, b) == pytest.approx(sums[-1, -1] / 16)
    assert dtw_distance(a, b) == pytest.approx(dtw_distance(b, a))


def test_dtw_keeps_no_more_templates_than_asked(rng):
    clips, labels = sounds(rng, 6)
    recognizer = baseline("dtw", templates=2).fit(clips, labels)
    assert sorted(label for _, label in recognizer.examples) == ["down"] * 2 + ["tone"] * 2 + ["up"] * 2


@pytest.mark.parametrize("name", BASELINES)
def test_one_class_few_clips_and_tiny_ones(name, rng):
    clips, _ = sounds(rng, 1)
    assert baseline(name).fit(clips, ["only"] * 3).predict(clips).tolist() == ["only"] * 3
    hardly = [np.ones(1, "float32"), np.zeros(800, "float32"), clips[0][:300]]  # a sample, silence, 40 ms
    found = baseline(name).fit([*clips, *hardly], list("aabbcc")).predict(hardly)
    assert len(found) == 3 and set(found) <= set("abc") and found.dtype.kind == "U"


@pytest.mark.parametrize("name", BASELINES)
def test_is_a_scikit_learn_classifier(name, rng):
    clips, labels = sounds(rng, 4)
    scores = cross_val_score(baseline(name), clips, labels, groups=[0, 0, 1, 1] * 3, cv=LeaveOneGroupOut())
    assert scores.shape == (2,) and scores.mean() > (0.3 if name == "majority" else 0.8)
    assert len(baseline(name).fit(clips, labels).predict([])) == 0
    with pytest.raises(NotFittedError):
        baseline(name).predict(clips)


@pytest.mark.parametrize("name", LEARNERS)
def test_each_clip_has_a_label(name, rng):
    clips, labels = sounds(rng, 1)
    for given in (([], []), (clips, labels[:2])):
        with refused("y"):
            baseline(name).fit(*given)


@pytest.mark.parametrize(
    "clip", [np.zeros(0), np.zeros((2, 800)), np.full(800, np.nan)], ids=["empty", "stereo", "nan"]
)
def test_what_is_no_clip(clip):
    with refused("clip"):
        features(clip)


def test_unknown_names_and_settings(rng):
    with pytest.raises(UnknownNameError, match="gmm_hmm"):
        baseline("gmmhmm")
    with pytest.raises(UnknownNameError, match="templates"):
        baseline("dtw", template=3)
    with pytest.raises(ZooError):
        baseline("majority", seed=3)
    with refused("templates"):
        baseline("dtw", templates=0).fit(*sounds(rng, 1))


def test_missing_hmmlearn_is_one_sentence(monkeypatch, rng):
    monkeypatch.setitem(sys.modules, "hmmlearn", None)
    with refused(""):
        baseline("gmm_hmm").fit(*sounds(rng, 1))


@pytest.mark.slow
@pytest.mark.parametrize("name", BASELINES)
def test_real_digits(name, data_folder):
    """A ninth of FSDD's training takes and a fifth of its test takes; bounds far below what all of it gives."""
    parts = []
    for split, takes in (("train", range(5, 10)), ("test", (0,))):
        chosen = [u for u in zoo.datasets.load("fsdd", split) if int(u.id.split("_")[-1]) in takes]
        parts.append(([u.audio(RATE) for u in chosen], [u.text for u in chosen]))
    (clips, labels), (others, truth) = parts
    found = baseline(name).fit(clips, labels).predict(others)
    share = np.mean([a == b for a, b in zip(found, truth, strict=True)])
    assert share == 0.1 if name == "majority" else share > 0.8
