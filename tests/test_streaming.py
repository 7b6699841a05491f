"""A stream hears what the network hears, whatever the chunks are."""

import tracemalloc

import keras
import numpy as np
import pytest
from conftest import refused
from hypothesis import given, settings
from hypothesis import strategies as st

import zoo
from zoo import layers
from zoo.audio import bundled, load_audio
from zoo.decoding import greedy
from zoo.errors import AudioError
from zoo.tasks._numpy_layers import FrameBuffer
from zoo.tasks.steps import GOES_ON, StreamStep
from zoo.tasks.streaming import Stream, StreamingGreedyDecoder, microphone
from zoo.text import Vocabulary

RATE = 16000


@pytest.fixture(scope="module")
def fresh():
    """Untrained, so that every layer's numbers matter; its look-ahead is no identity any more."""
    model = zoo.load("lstm_ctc_stream", weights=None, units=24)
    rng = np.random.default_rng(3)
    for layer in model.layers:
        if layer.weights:
            layer.set_weights([w + 0.2 * rng.standard_normal(w.shape) for w in layer.get_weights()])
    return model


def noise(samples, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal(samples)).astype("float32")


def pieces(samples, sizes):
    """The samples in chunks of these sizes, over and over."""
    start, i = 0, 0
    while start < len(samples):
        yield samples[start : start + sizes[i % len(sizes)]]
        start, i = start + sizes[i % len(sizes)], i + 1


def streamed(model, samples, sizes):
    stream = Stream(model)
    return np.concatenate([*(stream.advance(chunk) for chunk in pieces(samples, sizes)), stream.finish()])


@pytest.mark.parametrize("samples", [161, 1600, 12345])
@pytest.mark.parametrize("sizes", [[1600], [37], [1, 480, 0, 7001], [50000]])
def test_logits_are_those_of_the_whole(fresh, samples, sizes):
    sound = noise(samples)
    np.testing.assert_allclose(streamed(fresh, sound, sizes), fresh.logits([sound], RATE)[0], atol=1e-4)


@pytest.mark.parametrize("samples", [161, 1920, 12345])
def test_a_step_with_a_state_gives_the_same_logits(fresh, samples):
    """What `export(stream=True)` writes, run here."""
    step, sound = StreamStep(fresh), noise(samples)
    state, rows, frames, start = np.zeros((1, step.size), "float32"), [], 1, 0
    while len(rows) < frames + step.delay:
        chunk = np.zeros((1, step.chunk), "float32")
        part = sound[start : start + step.chunk]
        chunk[0, : len(part)] = part
        lengths = samples if start + step.chunk >= samples else GOES_ON  # the end is known when it is there
        outputs = step(chunk, np.array([start], "int32"), np.array([lengths], "int32"), state)
        rows.extend(np.asarray(outputs["logits"])[0])
        state, start = np.asarray(outputs["next_state"]), start + step.chunk
        frames = int(outputs["frames"][0]) if lengths == samples else frames + step.delay + len(rows)
    wanted = fresh.logits([sound], RATE)[0]
    np.testing.assert_allclose(rows[step.delay : step.delay + frames], wanted, atol=1e-4)


def test_logits_come_after_the_latency_that_the_config_names(fresh):
    config = fresh.config
    waited = config.latency_seconds
    assert waited == pytest.approx(0.3225)
    stream, got = Stream(fresh), []
    for chunk in pieces(noise(RATE), [16]):  # a millisecond at a time
        got.append(len(stream.advance(chunk)))
    at = np.repeat(np.arange(1, len(got) + 1) / 1000, got)  # when each frame's logits came
    late = at - np.arange(len(at)) * config.frame_seconds
    assert np.all(late <= waited + 0.0011) and np.all(late >= waited - 0.0011)


@pytest.fixture(scope="module")
def model():
    return zoo.load("lstm_ctc_stream")


def test_words_are_those_of_the_recording(model):
    for name in ("woman-us", "man-gb", "telephone"):
        clip = load_audio(bundled(name), RATE)
        whole = model.transcribe(clip, RATE)
        heard = list(model.stream(pieces(clip, [800, 1601])))
        words = [word for one in heard for word in one.new]
        assert heard[-1].last and heard[-1].text == whole.text and heard[-1].partial == ""
        assert [word.text for word in words] == [word.text for word in whole.words]
        for a, b in zip(words, whole.words, strict=True):
            assert (a.start, a.end) == pytest.approx((b.start, b.end)) and a.confidence == pytest.approx(
                b.confidence, abs=1e-3
            )
        assert all(b.text.startswith(a.text) for a, b in zip(heard, heard[1:], strict=False)), (
            "a final word was changed"
        )
        assert any(one.partial for one in heard)
        assert heard[0].seconds < len(clip) / RATE


def test_a_word_is_final_before_the_recording_ends(model):
    clip = load_audio(bundled("woman-us"), RATE)
    waits = [
        heard.seconds - word.end for heard in model.stream(pieces(clip, [1600])) for word in heard.new if not heard.last
    ]
    assert len(waits) >= 3 and max(waits) < 1.5


def test_other_rates_and_channels(model):
    clip = load_audio(bundled("woman-us"), RATE)
    stereo = (32767 * np.stack([clip, clip], axis=1)).astype("int16")
    whole = model.transcribe(stereo, RATE).text
    assert [heard.text for heard in model.stream(pieces(stereo, [3000]))][-1] == whole
    faster = load_audio(bundled("woman-us"), 22050)
    assert [heard.text for heard in model.stream(pieces(faster, [2205, 100]), 22050)][-1] == model.transcribe(
        faster, 22050
    ).text


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_streaming_decoder_is_greedy(data):
    vocabulary = Vocabulary("ab ")
    frames = data.draw(st.integers(1, 30))
    logits = np.random.default_rng(data.draw(st.integers(0, 10**6))).normal(size=(frames, 4)) * 3
    cut = data.draw(st.integers(0, frames))
    decoder = StreamingGreedyDecoder(vocabulary, 0.03)
    words = decoder.hear(logits[:cut]) + decoder.hear(logits[cut:]) + decoder.end(frames * 0.03)
    assert words == list(greedy(logits[None], [frames], vocabulary, 0.03)[0].words)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 9), st.integers(1, 4), st.integers(0, 4), st.lists(st.integers(0, 11), max_size=6))
def test_buffered_frames_do_not_depend_on_the_pieces(size, step, before, sizes):
    rows = np.arange(1, sum(sizes) + 1, dtype="float32")
    cuts = np.split(rows, np.cumsum(sizes)) if sizes else [rows]
    buffer = FrameBuffer(size, step, before, size - 1)
    found = np.concatenate([*(buffer(piece, False) for piece in cuts), buffer(rows[:0], True)])
    once = FrameBuffer(size, step, before, size - 1)(rows, True)
    np.testing.assert_array_equal(found, once)


def test_memory_does_not_grow(fresh):
    stream, decoder = Stream(fresh), StreamingGreedyDecoder(fresh.vocabulary, fresh.config.frame_seconds)
    chunk = noise(1600)
    tracemalloc.start()
    held = []
    for i in range(300):  # half a minute
        decoder.run = decoder.run[-20:]  # untrained, it hears one word without an end
        decoder.hear(stream.advance(chunk))
        if i in (99, 299):
            held.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert held[1] < held[0] + 20_000, held


@pytest.mark.parametrize(
    "chunks",
    [
        ["clip.wav"],
        None,
        noise(1600),
        np.zeros((1600, 2)),  # whose rows are no chunks of two samples
        [30000 * noise(1600)],
        [np.zeros((20, 9))],
        [np.full(1600, np.nan)],
    ],
)
def test_what_are_no_chunks(fresh, chunks):
    with refused("chunks", AudioError):
        list(fresh.stream(chunks))


def test_no_chunks_and_no_rates(fresh):
    assert list(fresh.stream([])) == []
    for rate in (3, 0, None, "16000", float("nan")):
        with pytest.raises(AudioError):
            fresh.stream([noise(1600)], sample_rate=rate)


def test_layers_that_need_the_whole_recording_are_named():
    waveform = keras.Input((None,))
    frames = keras.Input((None, 4))
    lengths = keras.Input((), dtype="int32")
    for model, layer in (
        (zoo.load("lstm_ctc", weights=None, units=8, layers=1), "log_mel"),  # decibels below the clip's peak
        (keras.Model(waveform, keras.layers.Reshape((-1, 1), name="odd")(waveform)), "odd"),
        (keras.Model(frames, keras.layers.Dense(3, activation="relu", name="odd")(frames)), "odd"),
        (keras.Model(frames, keras.layers.Dense(3, use_bias=False, name="odd")(frames)), "odd"),
        (keras.Model([waveform, lengths], layers.MFCC(13, top_db=None, name="odd")(waveform, lengths)), "odd"),
    ):
        with refused("model") as caught:
            Stream(model)
        assert layer in str(caught.value)


@pytest.mark.parametrize("channels", [1, 2])
def test_chunks_of_one_sample_and_several_channels(fresh, channels):
    sound = np.repeat(noise(1610)[:, None], channels, axis=1)
    heard = [one.seconds for one in fresh.stream(pieces(sound, [1600, 1, 2, 3]))]
    assert heard[-1] == pytest.approx(1610 / RATE)


@pytest.mark.parametrize("changes", [{"win_length": 401}, {"n_fft": 511}, {"kernel_size": 8, "stride": 2}])
def test_windows_of_odd_sizes(changes):
    model = zoo.load("lstm_ctc_stream", weights=None, units=8, layers=1, **changes)
    sound = noise(8000)
    np.testing.assert_allclose(streamed(model, sound, [777]), model.logits([sound], RATE)[0], atol=1e-4)


def test_no_microphone_is_a_sentence(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sounddevice", None)
    with refused(""):
        next(microphone())
