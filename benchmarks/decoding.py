"""Beam search: which language model and weights to use, how fast it is, and what a wider beam costs and buys.

    python benchmarks/decoding.py prior --model conv_lstm_ctc --data speechocean762:train
    python benchmarks/decoding.py tune --weights runs/base3/best.weights.h5 --text an4:train --data an4:validation
    python benchmarks/decoding.py tune --model conv_lstm_ctc --data sentences:validation,count=150 \\
        --data speechocean762:validation --language-model sentences_ngram_lm
    python benchmarks/decoding.py speed [--data an4:validation] [--json OUT] [--plot OUT.png]

`prior` measures how likely an acoustic model holds each symbol in speech that it learnt from, and writes it into the
model's card. `tune` looks for alpha, beta and, for bundled weights whose card has a prior, gamma, on utterances that
neither the acoustic weights nor the text of the language model know, for word and character n-grams, or for the models
that --language-model names: from the card's values on the three take turns, each at the best value of a grid while the
others stay, until none moves; of several sets of data the mean error rate counts. The best go to the acoustic model's
card, [decoding.NAME], by hand.
`speed` decodes logits that are in memory, on one core: seconds of audio for each second of decoding, greedy beside beams
of growing width with trigrams.
"""

import argparse
import json
import os
import sys
import time
from functools import partial

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
GRIDS = {  # a weight of the search -> what it may be; the search for them begins with the card's, or with START
    "gamma": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6),
    "beta": (0.0, 0.5, 1.0, 2.0, 3.0),
    "alpha": (0.2, 0.3, 0.4, 0.5, 0.7, 1.0),
}
START = {"alpha": 0.5, "beta": 1.0, "gamma": 0.0}
NGRAMS = (("word", 2), ("word", 3), ("word", 4), ("character", 4), ("character", 6))
WIDTHS = (1, 2, 4, 8, 16, 32, 64, 128)
BAR = 30  # times faster than real time, beam 16 with an n-gram model, one core


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=["prior", "tune", "speed"])
    parser.add_argument("--model", default="lstm_ctc")
    parser.add_argument("--weights", default="bundled", help="acoustic weights")
    parser.add_argument("--text", default="an4:train", help="what the language models of `tune` are counted on")
    parser.add_argument("--data", action="append", help="an4:validation unless given; `tune` takes several")
    parser.add_argument("--language-model", action="append", help="a registered name or a file, instead of --text")
    parser.add_argument("--json")
    parser.add_argument("--plot")
    args = parser.parse_args()
    args.data = args.data or ["an4:validation"]
    if len(args.data) > 1 and args.job != "tune":
        parser.error("only `tune` takes several sets of data")
    return {"prior": prior, "tune": tune, "speed": speed}[args.job](args)


def heard(args, data=None):
    """(model, texts, logits, seconds of audio) of the data."""
    import zoo
    from zoo.training import DataSpec

    model = zoo.load(args.model, weights=args.weights)
    utterances = DataSpec.parse(data or args.data[0], "validation").load()
    rate = model.config.sample_rate
    clips = [utterance.audio(rate) for utterance in utterances]
    texts = [utterance.text for utterance in utterances]
    return model, texts, model.logits(clips, rate), sum(map(len, clips)) / rate


def prior(args) -> int:
    from zoo.card import update_card
    from zoo.decoding import symbol_prior

    model, _, logits, _ = heard(args)
    found = symbol_prior(logits)
    if args.weights == "bundled":
        update_card(args.model, prior=[float(f"{value:.3g}") for value in found], prior_data=args.data[0])
    for symbol, value in sorted(zip(("blank", *model.labels.tokens), found, strict=True), key=lambda one: -one[1]):
        print(f"{symbol!r:>8}{100 * value:10.3f} %")
    return 0


def tune(args) -> int:
    from zoo.decoding import beam_search
    from zoo.language import Mixture, load, lstm_lm, ngram_lm
    from zoo.metrics import wer
    from zoo.training import DataSpec

    sets = {data: heard(args, data)[:3] for data in args.data}

    def score(decode) -> dict[str, float]:
        """WER in % of each set of data."""
        return {d: 100 * wer(texts, [decode(x) for x in logits]).value for d, (_, texts, logits) in sets.items()}

    def told(errors: dict[str, float]) -> str:
        return "  ".join(f"{data} {error:.2f}" for data, error in errors.items())

    model = next(iter(sets.values()))[0]
    greedy = model.decoder("greedy")
    print(f"WER %, greedy: {told(score(lambda x: greedy(x, 0.0).text))}")
    print(f"beam alone:    {told(score(lambda x: beam_search(x, model.labels)[0].text))}", flush=True)
    if args.language_model:
        language_models = {name: load(name) for name in args.language_model}
    else:
        texts = [utterance.text for utterance in DataSpec.parse(args.text, "train").load()]
        language_models = {f"{unit} {order}-grams": ngram_lm.train(texts, order, unit) for unit, order in NGRAMS}
        language_models["lstm_lm"] = lstm_lm.train(texts)
        language_models["word 3-grams + lstm_lm"] = Mixture(
            [language_models["word 3-grams"], language_models["lstm_lm"]]
        )
    for name, language_model in language_models.items():
        perplexities = {data: language_model.perplexity(texts) for data, (_, texts, _) in sets.items()}
        print(f"\n{name}, perplexity {told(perplexities)}")
        prior = model.prior if args.weights == "bundled" else ()  # the card's is that of the bundled weights
        search = partial(beam_search, labels=model.labels, language_model=language_model, prior=prior or None)
        known, best, before = {}, START | model.tuned(name), None
        while best != before:
            before = best
            for weight, grid in GRIDS.items():
                for value in grid if weight != "gamma" or prior else (0.0,):
                    weights = best | {weight: value}
                    if tuple(weights.values()) in known:
                        continue
                    decode = partial(search, **weights)
                    errors = score(lambda x, decode=decode: decode(x)[0].text)
                    known[tuple(weights.values())] = sum(errors.values()) / len(errors)
                    print("  " + "  ".join(f"{w} {v:g}" for w, v in weights.items()) + f"   {told(errors)}", flush=True)
                best = dict(zip(START, min(known, key=known.get), strict=True))
        told_best = ", ".join(f"{w} {v:g}" for w, v in best.items())
        print(f"best: {told_best}, {min(known.values()):.2f} on average", flush=True)
    return 0


def speed(args) -> int:
    from zoo.language import ngram_lm
    from zoo.metrics import wer
    from zoo.training import DataSpec

    model, references, logits, seconds = heard(args)
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
                {"data": args.data[0], "frames_per_second": 1 / model.config.frame_seconds, "rows": rows},
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
    error.set(xlabel="beam width", ylabel=f"WER % on {args.data[0]}", xscale="log", xticks=widths, xticklabels=widths)
    error.minorticks_off()
    figure.savefig(args.plot, dpi=120)


if __name__ == "__main__":
    sys.exit(main())
