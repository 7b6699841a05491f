"""Connected digits by people the model has never heard: leave one speaker out, six times (LOSO).

    python benchmarks/leave_one_out.py --init runs/base3/best.weights.h5 --data an4=0.25 \
        --data synthetic_digits=0.15,count=4000 --digits =1,count=2500 --epochs 3 --learning-rate 0.0005 \
        --out runs/loso [--write-card lstm_ctc]

For each of FSDD's six speakers a model learns from the given data and the joined digits of the five others, and is
scored on the published strings of the sixth, greedily and with nothing but the ten digits allowed. `--init` must not have heard FSDD at all; that is checked where its run
is known. Each fold is a run of its own: what was finished is not trained again, what was interrupted goes on.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

import zoo
from zoo import datasets
from zoo.card import Result, update_card
from zoo.datasets.fsdd import SPEAKERS
from zoo.datasets.synthetic import DIGITS
from zoo.errors import ZooError
from zoo.metrics import wer
from zoo.training import DataSpec, train

DECODERS = {"": {}, "beam 16, 10 words only": {"allow": DIGITS}}  # name on the card -> options of transcribe


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="lstm_ctc")
    parser.add_argument("--init", type=Path, help="weights to start from, trained without FSDD")
    parser.add_argument("--data", action="append", default=[], help="further sets to learn from")
    parser.add_argument("--validation", action="append", default=[], help="sets to score after each epoch")
    parser.add_argument("--digits", default="=1", help="weight and options of the joined digits: =1,count=2000")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument("--warmup", type=float, default=0.05)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--out", type=Path, default=Path("runs/loso"))
    parser.add_argument("--write-card", metavar="NAME", help="put the mean into the card of this model")
    args = parser.parse_args()
    check_unheard(args.init)

    references, hypotheses, rates = [], {decoder: [] for decoder in DECODERS}, {decoder: {} for decoder in DECODERS}
    for speaker in SPEAKERS:
        out = args.out / speaker
        data = [f"connected_digits:loso-{speaker}-train{args.digits}", *args.data]
        if finished(out, data, args.epochs):
            model = zoo.load(args.model, weights=out / "best.weights.h5")
        else:
            model = train(
                args.model,
                data,
                out,
                validation=args.validation,
                init=args.init,
                resume=(out / "run.json").exists(),
                epochs=args.epochs,
                learning_rate=args.learning_rate,
                warmup=args.warmup,
                batch_size=args.batch_size,
            )
        utterances = datasets.load("connected_digits", split=f"loso-{speaker}-test")
        clips, expected = [u.audio(16000) for u in utterances], [u.text for u in utterances]
        references += expected
        for decoder, options in DECODERS.items():
            texts = [t.text for t in model.transcribe(clips, sample_rate=16000, **options)]
            rates[decoder][speaker] = wer(expected, texts)
            hypotheses[decoder] += texts
            print(f"{speaker:<10} {decoder or 'greedy':<24} WER {rates[decoder][speaker]}", flush=True)

    results = []
    for decoder, of_speaker in rates.items():
        mean = float(np.mean([rate.value for rate in of_speaker.values()]))
        pooled = wer(references, hypotheses[decoder])
        results.append(Result(
            data="connected_digits", split="leave one speaker out", metric="WER", value=round(100 * mean, 2),
            low=round(100 * pooled.low, 2), high=round(100 * pooled.high, 2), utterances=pooled.utterances,
            reference_length=pooled.reference_length, command="python " + " ".join(sys.argv), decoder=decoder,
            note="unseen speakers: mean of six models, each trained without the speaker it is scored on: "
            + ", ".join(f"{speaker} {100 * rate.value:.1f}" for speaker, rate in of_speaker.items()),
        ))  # fmt: skip
        print(f"mean of six, {decoder or 'greedy'}: {100 * mean:.2f} %; pooled {pooled} ({len(references)} utterances)")
    if args.write_card:
        update_card(args.write_card, results=results)


def finished(out: Path, data: list[str], epochs: int) -> bool:
    """Whether the run in `out` learnt from `data` and reached its last epoch."""
    if not (out / "curves.csv").exists():
        return False
    asked = json.loads((out / "run.json").read_text())
    if asked["data"] != [str(DataSpec.parse(text, "train")) for text in data]:
        return False  # `train` says what differs
    return asked["settings"]["epochs"] == epochs == len((out / "curves.csv").read_text().splitlines()) - 1


def check_unheard(init: Path | None) -> None:
    """Raises ZooError where the run that `init` came from learnt from FSDD."""
    while init and (run := init.parent / "run.json").exists():
        asked = json.loads(run.read_text())
        heard = [spec for spec in asked["data"] if spec.startswith(("fsdd", "connected_digits"))]
        if heard:
            raise ZooError(f"Starting weights must not have heard the speakers left out; {init} learnt from {heard}.")
        init = Path(asked["init"]) if asked["init"] else None


if __name__ == "__main__":
    main()
