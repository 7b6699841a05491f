"""The command monitor."""

import sys

import click

from zoo.cli import _options as options
from zoo.cli._output import print_json, print_table, save_picture
from zoo.errors import MissingFileError

ALARMED = 3  # exit code of --fail; 1 and 2 are errors
WINDOW = 200  # requests that are compared, as `zoo.monitoring` has it; reading it there would load NumPy


@click.command()
@click.argument("log", type=options.PATH)
@click.option("--model", default="", metavar="NAME", help="Only requests to this model (that with most of them).")
@click.option(
    "--reference", type=options.PATH, metavar="FILE", help="What is usual: a log, or a file of --keep (the card's)."
)
@click.option("--window", type=options.COUNT, default=WINDOW, help=f"Requests that are compared ({WINDOW}).")
@click.option(
    "--keep", type=options.PATH, metavar="FILE", help="Write this log's histograms, as a reference for others (.json)."
)
@click.option("--fail", is_flag=True, help=f"Exit with code {ALARMED} where there is an alarm.")
@options.plot_option
@options.json_option
def monitor(log, model, reference, window, keep, fail, plot, as_json):
    """Compare the latest requests in LOG, which `zoo serve --log LOG` writes, with the model's training data.

    Each feature of the sound and of the answers has a drift and a limit, and an alarm where the drift is above the limit.
    --reference compares with better days in place of the training data. Fewer than 50 requests raise no alarm.

    \b
    Example:
      zoo monitor requests.jsonl
      zoo monitor requests.jsonl --plot report.png --fail || echo "look at the report"
      zoo monitor june.jsonl --keep june.json
      zoo monitor july.jsonl --reference june.json
    """
    from zoo import monitoring

    for path in filter(None, (log, reference)):
        if not path.is_file():
            argument = "log" if path is log else "reference"
            raise MissingFileError(f"`{argument}` must be a file that exists. Received: {path}.")
    rows = monitoring.read_log(log, model)
    usual = _usual(reference, rows[0]["model"])
    found = monitoring.drift(rows, usual, window)
    if keep:
        monitoring.reference_of_log(rows, str(log)).save(keep)
    if plot:
        from zoo.plots.drift import report

        save_picture(report(rows, usual, window), plot)
    alarms = [one.feature for one in found if one.alarm]
    if as_json:
        about = {
            "model": rows[0]["model"],
            "requests": len(rows),
            "window": min(window, len(rows)),
            "usual": usual.data,
        }
        print_json(about | {"alarms": alarms, "features": [vars(one) for one in found]})
    else:
        cells = [
            (
                one.feature,
                monitoring.short(one.now),
                " to ".join(map(monitoring.short, one.usual)),
                f"{one.drift:.2f}",
                f"{one.limit:.2f}",
                "ALARM" if one.alarm else "",
            )
            for one in found
        ]
        print_table("feature", "now#", "usually#", "drift#", "limit#", "", rows=cells)
        click.echo(_sentence(rows, usual, window, [one for one in found if one.alarm]))
    if fail and alarms:
        sys.exit(ALARMED)


def _usual(path, model: str):
    """The reference in a file: of --keep, or a log; without a file that of the model's card."""
    from zoo import monitoring

    if path is None:
        return monitoring.find_reference(model)
    if path.suffix == ".json":
        return monitoring.Reference.read(path)
    return monitoring.reference_of_log(monitoring.read_log(path, model), str(path))


def _sentence(rows: list, usual, window: int, alarms: list) -> str:
    from zoo import monitoring

    count = min(window, len(rows))
    if count < monitoring.FEWEST:
        return f"{count} requests to {rows[0]['model']} are too few to raise an alarm; it takes {monitoring.FEWEST}."
    compared = f"The last {count} of {len(rows)} requests to {rows[0]['model']}, beside {usual.data}"
    return f"{compared}: {'; '.join(map(str, alarms)) if alarms else 'no alarm'}."
