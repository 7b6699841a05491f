"""Measures a preset and writes the figures on its card: `python -m experiments.evaluate lstm_ctc --data an4:test`.

python -m experiments.evaluate lstm_ctc --data an4:test --data connected_digits:test --language-model ngram_lm
"""

import argparse
import shlex
import sys
from dataclasses import replace

import zoo
from experiments._common import exit_on_error
from experiments.ship import update_card


def write_card(name: str, data: list[str], note: str = "", command: str = "", **decoder) -> list:
    """Evaluates a preset on sets, writes the results on its card, and returns them.

    Args:
        name: Name of the preset.
        data: Sets, such as "an4:test".
        note: What else there is to say of the figures.
        command: What is written on the card as the command that measured them.
        **decoder: What `transcribe` takes.
    """
    results = zoo.evaluate(zoo.load(name), *data, **decoder)
    results = [replace(result, note=note or result.note, command=command or result.command) for result in results]
    update_card(name, results=results)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--data", action="append", required=True)
    parser.add_argument("--decoder", choices=("greedy", "beam"))
    parser.add_argument("--language-model")
    parser.add_argument("--lexicon", help="the only words that may come, with spaces between")
    parser.add_argument("--note", default="", help="what else there is to say of the figures")
    args = parser.parse_args()
    decoder = {"decoder": args.decoder, "language_model": args.language_model, "lexicon": (args.lexicon or "").split()}
    decoder = {option: value for option, value in decoder.items() if value}
    command = shlex.join(["python", "-m", "experiments.evaluate", *sys.argv[1:]])
    for result in write_card(args.name, args.data, args.note, command, **decoder):
        print(
            f"{result.data}:{result.split} {result.metric} {result.value:.2f} [{result.low:.2f}, {result.high:.2f}] {result.decoder}"
        )


if __name__ == "__main__":
    exit_on_error(main)
