"""What further training and a language model bring a recognizer: `python -m experiments.joint [--epochs 1] [--json FILE]`.

data/results/joint.json has two more rows, by minimum word error training, which was deleted (README.md).
"""

import time
from collections.abc import Callable

import zoo
from experiments._common import main
from zoo.datasets.spec import DataSpec
from zoo.metrics import wer
from zoo.training import train


def joint(
    model: str = "conv_lstm_ctc",
    data: str = "speechocean762:train",
    validation: str = "speechocean762:validation",
    language_model: str = "ngram_lm.sentences",
    epochs: int = 1,
    learning_rate: float = 2e-5,
    out: str = "runs/joint",
    log: Callable = print,
) -> dict:
    """Word error rate of the bundled weights, and of the same after further epochs of CTC at a fiftieth of a fresh model's learning
    rate; each decoded greedily, with a beam alone, and with a beam and the language model.
    """
    utterances, start = DataSpec.parse(validation, "validation").load(), time.perf_counter()
    further = train(model, [data], out, init="bundled", epochs=epochs, learning_rate=learning_rate, batch_size=16)
    minutes, rows = (time.perf_counter() - start) / 60, []
    decoders = {
        "greedy": {},
        "beam": {"decoder": "beam"},
        f"beam, {language_model}": {"language_model": language_model},
    }
    for name, used in {"apart": zoo.load(model), "more CTC": further}.items():
        rate, row = used.config.sample_rate, {"training": name, "minutes": minutes if used is further else 0.0}
        for decoder, options in decoders.items():
            error = wer(
                [u.text for u in utterances], used.transcribe([u.audio(rate) for u in utterances], rate, **options)
            )
            row[decoder] = {"value": error.value, "low": error.low, "high": error.high}
            log(f"{name}, {decoder}: {error}")
        rows.append(row)
    return {"utterances": len(utterances), "rows": rows}


if __name__ == "__main__":
    main(joint)
