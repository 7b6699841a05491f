"""Acoustic and language model apart, fused while decoding, and trained for each other: what each buys, and what it costs.

    python benchmarks/joint.py [--model conv_lstm_ctc] [--data speechocean762:train] [--validation speechocean762:validation]
                               [--language-model sentences_ngram_lm] [--epochs 1] [--out runs/joint] [--json OUT]

Four rows, each decoded greedily, with a beam alone, and with a beam and the language model:

    apart           the bundled weights, which know no language model
    more CTC        the same weights after further epochs of CTC: what the extra training alone brings
    word errors     after as many epochs of minimum word error, hypotheses scored by the acoustics alone
    word errors, fused    the same with the language model in the scores, as it will be while decoding

The runs start from the same weights and see the same utterances, varied in the same way. The learning rate is a fiftieth of
what a fresh model begins with: minimum word error starts where CTC has ended.
"""

import argparse
import csv
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="conv_lstm_ctc")
    parser.add_argument("--data", default="speechocean762:train")
    parser.add_argument("--validation", default="speechocean762:validation")
    parser.add_argument("--language-model", default="sentences_ngram_lm")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--learning-rate", type=float, default=2e-5)
    parser.add_argument("--out", default="runs/joint", help="folder of the runs; one that is finished is not repeated")
    parser.add_argument("--json", help="file for the figures")
    args = parser.parse_args()

    import zoo
    from zoo.metrics import wer
    from zoo.training import DataSpec, train

    utterances = DataSpec.parse(args.validation, "validation").load()
    runs = {
        "apart": None,
        "more CTC": {},
        "word errors": {"objective": "mwer"},
        "word errors, fused": {"objective": "mwer", "language_model": args.language_model},
    }
    decoders = {
        "greedy": {},
        "beam": {"decoder": "beam"},
        f"beam, {args.language_model}": {"language_model": args.language_model},
    }
    rows = []
    for name, settings in runs.items():
        minutes = 0.0
        if settings is None:
            model = zoo.load(args.model)
        else:
            folder = Path(args.out) / name.replace(", ", "-").replace(" ", "-")
            model = train(
                args.model, [args.data], folder, init="bundled", resume=True,
                epochs=args.epochs, learning_rate=args.learning_rate, batch_size=16, **settings,
            )  # fmt: skip
            with open(folder / "curves.csv", newline="") as file:
                minutes = sum(float(row["seconds"]) for row in csv.DictReader(file)) / 60
        rate = model.config.sample_rate
        clips = [utterance.audio(rate) for utterance in utterances]
        row = {"training": name, "minutes": minutes}
        for decoder, options in decoders.items():
            found = [transcript.text for transcript in model.transcribe(clips, rate, **options)]
            error = wer([utterance.text for utterance in utterances], found)
            row[decoder] = {"value": error.value, "low": error.low, "high": error.high}
        rows.append(row)
        shown = "  ".join(f"{decoder} {100 * row[decoder]['value']:.2f}" for decoder in decoders)
        print(f"{name:<20} {minutes:5.1f} min   WER %: {shown}", flush=True)
    if args.json:
        with open(args.json, "w") as file:
            json.dump({"settings": vars(args), "utterances": len(utterances), "rows": rows}, file, indent=2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
