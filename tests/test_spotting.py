"""Words in a stream: once each, at the right second, whatever the chunks are; and what is asked wrongly is refused."""

import numpy as np
import pytest
from conftest import refused

import zoo
from zoo.errors import AudioError, UnknownNameError, ZooError
from zoo.tasks.spotting import HOP, PAUSE, SMOOTHING, Smoother


class Loud:
    """A model that takes a window for `yes` if its last tenth of a second is loud."""

    labels, display_name = ("yes", "no", "silence"), "loud"

    class config:
        sample_rate = 1000

    def logits(self, windows, rate, batch_size):
        return [np.array([9.0, 0.0, 0.0] if np.abs(w[-100:]).mean() > 0.5 else [0.0, 0.0, 9.0]) for w in windows]

    def spot(self, chunks, rate=1000, words=None, threshold=0.7):
        return list(zoo.tasks.spotting.spot(self, chunks, rate, words, threshold))


def stream(*loud: tuple[float, float], seconds: float = 5.0) -> np.ndarray:
    samples = np.zeros(round(1000 * seconds), "float32")
    for start, end in loud:
        samples[round(1000 * start) : round(1000 * end)] = 0.9
    return samples


def test_a_word_is_reported_once_at_its_time():
    found = Loud().spot([stream((1.0, 1.5), (3.0, 3.5))])
    assert [one.word for one in found] == ["yes", "yes"]
    for one, start in zip(found, (1.0, 3.0), strict=True):
        assert start < one.time <= start + (SMOOTHING + 1) * HOP and 0.7 <= one.confidence <= 1


def test_chunks_do_not_matter():
    samples = stream((1.0, 1.6), (2.9, 3.4))
    whole = Loud().spot([samples])
    for size in (1, 77, 100, 1234):
        assert Loud().spot(np.split(samples, range(size, len(samples), size))) == whole
    assert Loud().spot([]) == [] == Loud().spot([samples[:0]])


def test_only_the_words_that_were_asked_for():
    assert Loud().spot([stream((1.0, 1.5))], words="no") == []
    assert len(Loud().spot([stream((1.0, 1.5))], words=["yes", "no"])) == 1


def test_after_a_word_there_is_a_pause():
    smoother = Smoother(("yes", "silence"), ("yes",), 0.5)
    times = [found.time for i in range(40) if (found := smoother.hear(np.array([1.0, 0.0]), i / 10))]
    assert len(times) > 2 and min(np.diff(times)) >= PAUSE - 1e-6


def test_what_cannot_be_is_refused():
    samples = stream((1.0, 1.5))
    with refused("chunks", AudioError):
        Loud().spot(samples)
    with refused("sample_rate", AudioError):
        list(Loud().spot([samples], 10))
    with refused("", UnknownNameError):
        Loud().spot([samples], words="yess")
    with refused("words", ZooError):
        Loud().spot([samples], words=[])
    for threshold in (0, 1, 1.5):
        with refused("threshold", ZooError):
            Loud().spot([samples], threshold=threshold)


@pytest.mark.slow
def test_a_real_model_spots_in_a_stream():
    model = zoo.load("ds_cnn")
    clip = zoo.audio.load_audio(zoo.audio.bundled("seven"), 8000)
    assert all(found.word in model.labels for found in model.spot([clip], 8000))


@pytest.mark.slow
def test_a_voice_is_compared_with_itself():
    import json

    from click.testing import CliRunner

    from zoo.cli import main

    clip = str(zoo.audio.bundled("seven"))
    found = json.loads(CliRunner().invoke(main, ["verify", clip, clip, "--json"]).stdout)
    assert found == {"cosine": 1.0, "same": True}


@pytest.mark.slow
def test_the_limit_of_one_voice_is_where_both_errors_are_equal(data_folder):
    model, utterances = zoo.load("speaker_id"), zoo.datasets.load("an4", "validation")
    recordings = [utterance.recording.path for utterance in utterances]
    points = np.stack(model.embed([utterance.audio(8000) for utterance in utterances], 8000))
    found = zoo.metrics.equal_error_rate(points, [utterance.speaker for utterance in utterances], recordings)
    assert zoo.card("speaker_id").same_above == pytest.approx(found.threshold, abs=0.005)
