"""Classifiers as C headers: what is refused, what the header says, and that its array answers as the network does."""

import re
import shutil
import subprocess

import numpy as np
import pytest
from conftest import clips_of, refused, small

from zoo import microcontroller
from zoo.errors import WeightsError
from zoo.microcontroller import array_in, export_c, header, pictures

pytestmark = pytest.mark.usefixtures("eager")
SCALES = {"input": [0.5, -3], "output": [0.25, 4]}


@pytest.fixture(scope="module")
def model():
    return small("ds_cnn", blocks=1, labels=("yes", "no"))


def test_only_convolutional_classifiers_and_headers(model, tmp_path):
    clips = clips_of(0.3, rate=8000)
    for other in ("simple_rnn", "conv_autoencoder"):
        with refused("model"):
            export_c(small(other), tmp_path / "a.h", clips)
    with refused("path"):
        export_c(model, tmp_path / "a.tflite", clips)
    with refused("calibration"):
        export_c(model, tmp_path / "a.h", [])
    assert not list(tmp_path.iterdir())


def test_the_header_holds_the_array_and_says_how_to_feed_it(model, tmp_path):
    content = bytes(range(256))
    path = tmp_path / "my-words.h"
    path.write_text(header(model, path.stem, content, SCALES), encoding="utf-8")
    text = path.read_text()
    assert array_in(path) == content and '{"yes", "no"}' in text and "my_words_length = 256;" in text
    for line in ("MY_WORDS_SAMPLE_RATE 8000", "MY_WORDS_HOP 80", "MY_WORDS_WIDTH 48", "MY_WORDS_INPUT_SCALE 0.5f"):
        assert f"#define {line}" in text
    assert "int8 (1, 48, 40, 1)" in text
    path.write_text("int x;")
    with pytest.raises(WeightsError):
        array_in(path)


@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler")
def test_the_header_compiles(model, tmp_path):
    (tmp_path / "words.h").write_text(header(model, "words", bytes(range(40)), SCALES), encoding="utf-8")
    (tmp_path / "main.c").write_text(
        '#include "words.h"\nint main(void) { return words_model[3] != 3 || words_length != 40 || WORDS_INPUT_ZERO != -3'
        " || !words_labels[1]; }\n"
    )
    done = subprocess.run(["cc", "-Wall", "-o", tmp_path / "main", tmp_path / "main.c"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert subprocess.run([tmp_path / "main"]).returncode == 0


def test_pictures_are_what_the_network_sees(model):
    clips = clips_of(0.4, 0.3, rate=8000)
    seen = pictures(model, clips, 8000)
    assert seen.shape == (2, 48, 40, 1)
    import keras

    rest = keras.Model(model.get_layer("picture").output, model.output["logits"])
    np.testing.assert_allclose(np.asarray(rest(seen)), model.logits(clips, 8000), atol=1e-4)


@pytest.mark.slow
def test_the_array_answers_as_the_network(tmp_path):
    import zoo
    from zoo.audio import bundled

    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    model, clips = zoo.load("ds_cnn.small"), [bundled("seven")]
    path = export_c(model, tmp_path / "digits.h", clips)
    made = interpreter.Interpreter(model_content=array_in(path))
    made.allocate_tensors()
    (given,), (out,) = made.get_input_details(), made.get_output_details()
    assert given["dtype"] is out["dtype"] is np.int8
    scale, zero = given["quantization"]
    assert f"INPUT_SCALE {scale!r}f" in path.read_text() or re.search(r"INPUT_SCALE 0\.\d+f", path.read_text())
    (picture,) = pictures(model, clips)
    made.set_tensor(given["index"], np.clip(np.round(picture[None] / scale) + zero, -128, 127).astype("int8"))
    made.invoke()
    assert model.labels[int(made.get_tensor(out["index"])[0].argmax())] == "seven"
    assert microcontroller.array_in(path)[4:8] == b"TFL3"
