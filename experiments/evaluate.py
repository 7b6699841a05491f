"""Measures a preset and writes the figures on its card: `python -m experiments.evaluate lstm_ctc --data an4:test`."""

import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

import zoo
from experiments._common import main
from experiments.ship import update_card


def write_card(
    name: str,
    data: Sequence[str] = (),
    note: str = "",
    language_model: str = "",
    lexicon: Sequence[str] = (),
    verify: bool = False,
    log: Callable = print,
) -> None:
    """Evaluates a preset on sets, with a language model or the only words that may come if given, and writes the results on its card.

    `note` is what else there is to say of the figures; with `verify` they are equal error rates of speaker verification.
    """
    decoder = {"language_model": language_model, "lexicon": [*lexicon], "verify": verify}
    command = shlex.join(["python", "-m", "experiments.evaluate", *sys.argv[1:]])
    results = zoo.evaluate(zoo.load(name), *data, **{option: value for option, value in decoder.items() if value})
    results = [replace(result, note=note or result.note, command=command) for result in results]
    update_card(name, results=results)
    for result in results:
        log(
            f"{result.data}:{result.split} {result.metric} {result.value:.2f} [{result.low:.2f}, {result.high:.2f}] {result.decoder}"
        )


if __name__ == "__main__":
    main(write_card)
