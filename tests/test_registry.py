"""Names to architectures, without importing what is not asked for."""

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.errors import UnknownNameError, ZooError, unknown_name
from zoo.registry import architecture, language_models

MODELS = Path(zoo.__file__).parent / "models"


def test_every_file_is_a_model_of_its_name():
    files = sorted(path.stem for path in MODELS.glob("*.py") if path.stem != "__init__")
    texts = sorted(path.stem for path in (MODELS.parent / "language").glob("*_lm.py"))
    assert zoo.list_models() == sorted(files + texts) and "lstm_ctc" in files and language_models() == texts
    for name in files:
        assert architecture(name).name == name
    with pytest.raises(UnknownNameError, match="no model named"):
        architecture(texts[0])


def test_shell_wildcards():
    assert "lstm_ctc" in zoo.list_models("*ctc") and "lstm_ctc" in zoo.list_models("lstm_???")
    assert zoo.list_models("no such*") == []


def test_listing_imports_no_keras():
    code = "import sys, zoo; zoo.list_models(); zoo.card('lstm_ctc'); print('keras' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_unknown_names_offer_the_nearest():
    with pytest.raises(UnknownNameError, match="no model named 'lstm_cct': did you mean lstm_"):
        architecture("lstm_cct")
    with pytest.raises(UnknownNameError, match="valid are .*lstm_ctc"):
        architecture("qqqq")
    assert isinstance(unknown_name("kind", 3, ["a"]), ZooError)


def test_configure():
    lstm = architecture("lstm_ctc")
    assert lstm.configure() == lstm.config
    assert type(lstm.configure(units=np.int64(7)).units) is int  # JSON knows no other
    assert lstm.configure(units=7).units == 7 and lstm.config.units != 7
    with pytest.raises(UnknownNameError, match="no config field of lstm_ctc named 'unit': did you mean units"):
        lstm.configure(unit=7)
    for field, value in {"units": -1, "stride": 0, "layers": 2.5, "dropout": float("nan"), "vocabulary": 3}.items():
        with pytest.raises(ZooError, match=f"field {field} of lstm_ctc must be .*; received"):
            lstm.configure(**{field: value})
    vae = architecture("vae")  # some counts may be 0
    assert vae.configure(newton_steps=0).newton_steps == 0
    with pytest.raises(ZooError, match="newton_steps of vae must be a whole number from 0 on, as 2 is; received -1"):
        vae.configure(newton_steps=-1)
    # What went through JSON comes back equal.
    assert lstm.configure(**asdict(lstm.config)) == lstm.config
