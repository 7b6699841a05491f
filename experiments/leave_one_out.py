"""Connected digits by people whom the model has never heard: FSDD's six speakers are left out in turn.

    python -m experiments.leave_one_out --init runs/base3/best.weights.h5 --data an4=0.25 \\
        --data synthetic_digits=0.15,count=4000 --digits =1,count=2500 --settings epochs=3 learning_rate=0.0005 \\
        --out runs/loso [--write-card lstm_ctc]

Each fold learns from the given data and the joined digits of five speakers, and is scored on the published strings of the sixth,
greedily and with nothing but the ten digits allowed. `--init` must not have heard FSDD, which is checked where its run is known.
Folds that are finished are not trained again.
"""

import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from experiments._common import main, mean_of_speakers, parse_settings
from experiments.ship import update_card
from zoo import datasets
from zoo.datasets.fsdd import DIGITS, SPEAKERS
from zoo.errors import ZooError
from zoo.files import read_json
from zoo.metrics import wer
from zoo.presets import Result, find_card, list_models
from zoo.training import train

SETS = ("fsdd", "connected_digits")  # that hold the speakers who are left out
DECODERS = {"": {}, "beam 16, 10 words only": {"lexicon": DIGITS}}  # name on the card -> options of transcribe


def leave_one_out(
    model: str = "lstm_ctc",
    init: str = "",
    data: Sequence[str] = (),
    digits: str = "=1",
    settings: Sequence[str] = (),
    out: str = "runs/loso",
    write_card: str = "",
    log: Callable = print,
) -> None:
    """Trains six times without one of FSDD's speakers, and writes the word error rate on their strings to a card if asked.

    `init` are weights to start from, trained without FSDD; `digits` weight and options of the joined digits (=1,count=2000);
    `settings` SETTING=VALUE of the training; `write_card` names a preset.
    """
    check_unheard(init)
    references, hypotheses, rates = [], {name: [] for name in DECODERS}, {name: {} for name in DECODERS}
    for speaker in SPEAKERS:
        folder, sets = Path(out) / speaker, [f"connected_digits:loso-{speaker}-train{digits}", *data]
        fold = train(model, sets, folder, init=init or "none", resume=True, **parse_settings(settings))
        utterances, rate = datasets.load("connected_digits", f"loso-{speaker}-test"), fold.config.sample_rate
        clips, texts = [u.audio(rate) for u in utterances], [u.text for u in utterances]
        references += texts
        for decoder, options in DECODERS.items():
            found = fold.transcribe(clips, rate, **options)
            hypotheses[decoder] += found
            rates[decoder][speaker] = wer(texts, found)
            log(f"{speaker:<10} {decoder or 'greedy':<24} WER {rates[decoder][speaker]}")
    results = [mean_result(decoder, rates[decoder], wer(references, hypotheses[decoder])) for decoder in DECODERS]
    if write_card:
        update_card(write_card, results=results)


def mean_result(decoder: str, rates: dict, pooled) -> Result:
    """The mean of the six speakers, with the interval over speakers, since the figure is about unseen ones."""
    mean = mean_of_speakers([100 * rate.value for rate in rates.values()])
    print(f"mean of six, {decoder or 'greedy'}: {mean['value']:.2f} %; pooled {pooled}")
    return Result(
        data="connected_digits", split="leave one speaker out", metric="WER", value=round(mean["value"], 2),
        low=round(max(0.0, mean["low"]), 2), high=round(mean["high"], 2), utterances=pooled.utterances,
        reference_length=pooled.reference_length, decoder=decoder,
        command=shlex.join(["python", "-m", "experiments.leave_one_out", *sys.argv[1:]]),
        note="unseen speakers: mean of six models, each trained without the speaker it is scored on: "
        + ", ".join(f"{speaker} {100 * rate.value:.1f}" for speaker, rate in rates.items()),
    )  # fmt: skip


def check_unheard(init: str | Path) -> None:
    """Raises ZooError if the preset or the run that `init` came from, or one before it, learnt from FSDD."""
    while init and init != "none":
        if (run := Path(init).parent / "run.json").exists():
            request = read_json(run, "A run's settings")
            heard = [spec for spec in request["data"] if spec.startswith(SETS)]
            before = request["name"] if request["init"] == "bundled" else request["init"]
        else:
            about = find_card(str(init)) if str(init) in list_models() else None
            commands = about.weights.get("commands", ()) if about else ()
            heard, before = [name for name in SETS if any(name in command for command in commands)], None
        if heard:
            raise ZooError(
                f"`init` must not have heard the speakers left out. Received: {init}, which learnt from {heard}."
            )
        init = before


if __name__ == "__main__":
    main(leave_one_out)
