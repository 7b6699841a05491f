"""The command data: which data sets there are, and what one holds."""

import click

from zoo.cli import _options as options
from zoo.cli._output import print_json, print_table


@click.command()
@click.argument("spec", required=False)
@click.option("--durations", is_flag=True, help="Sum up the minutes too, which reads every recording.")
@options.json_option
def data(spec, durations, as_json):
    """List the data sets, or look into one.

    SPEC is NAME[:SPLIT][,OPTION=VALUE...]; the split is the first of the set unless given. A set that is not on this
    machine is downloaded.

    \b
    Example:
      zoo data
      zoo data an4:test
      zoo data folder:all,source=recordings/ --durations
    """
    from zoo import datasets
    from zoo.datasets.spec import DataSpec

    if spec is None:
        if durations:
            raise click.UsageError("`durations` is for one data set; none is named.")
        sets = [datasets.describe(name) for name in datasets.names()]
        if as_json:
            print_json([{"name": s.name, "splits": s.splits, "options": s.options, "about": s.about} for s in sets])
            return
        options_of = ["\n".join(f"{name}: {what}" for name, what in s.options.items()) for s in sets]
        rows = [(s.name, s.about, ", ".join(s.splits), text) for s, text in zip(sets, options_of, strict=True)]
        print_table("data set", "what", "splits", "options", rows=rows)
        return
    splits = datasets.describe(DataSpec.parse(spec, "train").name).splits
    chosen = DataSpec.parse(spec, splits[0])
    utterances = chosen.load()
    about = {
        "name": chosen.name,
        "split": chosen.split,
        "utterances": len(utterances),
        "speakers": len({utterance.speaker for utterance in utterances if utterance.speaker}),
        "words": sum(len(utterance.text.split()) for utterance in utterances),
    }
    if durations:
        about["minutes"] = round(sum(len(utterance.audio(16000)) for utterance in utterances) / 16000 / 60, 2)
    first = [{"id": u.id, "speaker": u.speaker, "text": u.text} for u in utterances[:5]]
    if as_json:
        print_json(about | {"first": first})
        return
    print_table(*about, rows=[tuple(about.values())])
    print_table("id", "speaker", "text", rows=[tuple(row.values()) for row in first], title="the first of them")
