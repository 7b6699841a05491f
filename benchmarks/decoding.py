"""Decoding speed: seconds of audio for each second, on one core, of greedy decoding beside beams of growing width with trigrams.

    python benchmarks/decoding.py [--data an4:validation] [--json OUT] [--plot OUT.png]

The logits are in memory. `python -m experiments.tune_decoder` finds the weights of the search.
"""

import argparse
import json
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
WIDTHS = (1, 2, 4, 8, 16, 32, 64, 128)
BAR = 30  # times faster than real time, beam 16 with an n-gram model, one core


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="lstm_ctc")
    parser.add_argument("--weights", default="bundled", help="acoustic weights")
    parser.add_argument("--text", default="an4:train", help="what the trigrams are counted on")
    parser.add_argument("--data", default="an4:validation")
    parser.add_argument("--json")
    parser.add_argument("--plot")
    return speed(parser.parse_args())


def speed(args) -> int:
    import zoo
    from zoo.datasets.spec import DataSpec
    from zoo.language import ngram_lm
    from zoo.metrics import wer

    model, utterances = zoo.load(args.model, weights=args.weights), DataSpec.parse(args.data, "validation").load()
    rate, references = model.config.sample_rate, [utterance.text for utterance in utterances]
    clips = [utterance.audio(rate) for utterance in utterances]
    logits, seconds = model.logits(clips, rate), sum(map(len, clips)) / rate
    ngram = ngram_lm.train([utterance.text for utterance in DataSpec.parse(args.text, "train").load()])
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # one core
    settings = model.tuned("ngram_lm")
    rows = []
    for width in (0, *WIDTHS):
        decode = model.decoder(language_model=ngram, beam_width=width, **settings) if width else model.decoder("greedy")
        best, texts = float("inf"), []
        for _ in range(3):
            start = time.perf_counter()
            texts = [decode(x, 0.0).text for x in logits]
            best = min(best, time.perf_counter() - start)
        rows.append({"beam_width": width, "times_real_time": seconds / best, "wer": 100 * wer(references, texts).value})
        what = f"beam {width}, trigrams" if width else "greedy"
        print(f"{what:<20}{seconds / best:>10,.0f} x real time{rows[-1]['wer']:>8.2f} % WER", flush=True)
    if args.json:
        with open(args.json, "w") as file:
            json.dump(
                {"data": args.data, "frames_per_second": 1 / model.config.frame_seconds, "rows": rows},
                file,
                indent=2,
            )
    if args.plot:
        plot(rows[1:], args)
    reached = next(row["times_real_time"] for row in rows if row["beam_width"] == 16)
    print(f"{'Reaches' if reached >= BAR else 'MISSES'} the bar: {BAR} x real time at beam 16.")
    return int(reached < BAR)


def plot(rows, args) -> None:
    import matplotlib.pyplot as plt

    figure, (cost, error) = plt.subplots(2, 1, sharex=True, figsize=(6, 5), layout="constrained")
    widths = [row["beam_width"] for row in rows]
    cost.plot(widths, [1000 / row["times_real_time"] for row in rows], "o-")
    cost.set(
        ylabel="ms per second of audio", title="What a wider beam costs and buys (one core, trigrams)", ylim=(0, None)
    )
    error.plot(widths, [row["wer"] for row in rows], "o-", color="tab:red")
    error.set(xlabel="beam width", ylabel=f"WER % on {args.data}", xscale="log", xticks=widths, xticklabels=widths)
    error.minorticks_off()
    figure.savefig(args.plot, dpi=120)


if __name__ == "__main__":
    sys.exit(main())
