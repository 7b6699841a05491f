"""Names to architectures, without importing what is not asked for."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from conftest import refused

import zoo
from zoo.errors import UnknownNameError, ZooError, unknown_name
from zoo.registry import architecture, architectures, language_models

MODELS = Path(zoo.__file__).parent / "models"


def test_every_file_is_a_model_of_its_name():
    assert architectures() == sorted(path.stem for path in MODELS.glob("*.py") if not path.stem.startswith("_"))
    assert {"lstm_lm", "ngram_lm"} <= set(language_models())
    for name in architectures():
        assert architecture(name).name == name and callable(architecture(name).build)


def test_unknown_names_offer_the_nearest():
    with pytest.raises(UnknownNameError, match="lstm_ctc"):
        architecture("lstm_cct")
    with pytest.raises(UnknownNameError, match="attention, attention_ctc"):  # none is near: all of them
        architecture("qqqq")
    with pytest.raises(UnknownNameError):
        architecture("ngram_lm")
    assert isinstance(unknown_name("kind", 3, ["a"]), ZooError)


def test_configure():
    lstm = architecture("lstm_ctc")
    assert lstm.configure() == lstm.config
    assert type(lstm.configure(units=np.int64(7)).units) is int  # JSON knows no other
    assert lstm.configure(units=7).units == 7 and lstm.config.units != 7
    assert lstm.configure(**asdict(lstm.config)) == lstm.config
    assert architecture("conv2d").configure(labels=["a", "b"]).labels == ("a", "b")  # as JSON gives it back
    with pytest.raises(UnknownNameError, match="units"):
        lstm.configure(unit=7)


@pytest.mark.parametrize(
    ("field", "value"),
    [("units", -1), ("units", True), ("stride", 0), ("layers", 2.5), ("dropout", float("nan")), ("vocabulary", 3)],
)
def test_values_of_another_type_or_range_are_refused(field, value):
    with refused(field):
        architecture("lstm_ctc").configure(**{field: value})
