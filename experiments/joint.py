"""What further training and a language model bring a recognizer: `python -m experiments.joint [--epochs 1] [--keep]`.

Two rows, each decoded greedily, with a beam alone, and with a beam and a language model: the bundled weights, and the same after
further epochs of CTC. data/results/joint.json has two more rows, by minimum word error training, which was deleted (README.md).
"""

import argparse
import time
from pathlib import Path

import zoo
from experiments._common import exit_on_error, write_json
from zoo.datasets.spec import DataSpec
from zoo.metrics import wer
from zoo.training import train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="conv_lstm_ctc")
    parser.add_argument("--data", default="speechocean762:train")
    parser.add_argument("--validation", default="speechocean762:validation")
    parser.add_argument("--language-model", default="ngram_lm.sentences")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--learning-rate", type=float, default=2e-5, help="a fiftieth of a fresh model's")
    parser.add_argument("--out", type=Path, default=Path("runs/joint"))
    parser.add_argument("--json", help="file for the figures")
    args = parser.parse_args()
    utterances = DataSpec.parse(args.validation, "validation").load()
    start = time.perf_counter()
    further = train(
        args.model, [args.data], args.out, init="bundled", resume=(args.out / "run.json").exists(),
        epochs=args.epochs, learning_rate=args.learning_rate, batch_size=16,
    )  # fmt: skip
    minutes, rows = (time.perf_counter() - start) / 60, []
    decoders = {
        "greedy": {},
        "beam": {"decoder": "beam"},
        f"beam, {args.language_model}": {"language_model": args.language_model},
    }
    for name, model in {"apart": zoo.load(args.model), "more CTC": further}.items():
        rate, row = model.config.sample_rate, {"training": name, "minutes": minutes if model is further else 0.0}
        for decoder, options in decoders.items():
            found = model.transcribe([u.audio(rate) for u in utterances], rate, **options)
            error = wer([u.text for u in utterances], found)
            row[decoder] = {"value": error.value, "low": error.low, "high": error.high}
            print(f"{name}, {decoder}: {error}", flush=True)
        rows.append(row)
    if args.json:
        write_json(
            args.json, {"settings": vars(args) | {"out": str(args.out)}, "utterances": len(utterances), "rows": rows}
        )


if __name__ == "__main__":
    exit_on_error(main)
