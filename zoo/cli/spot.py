"""Commands that listen for words, for voices and for speech: spot, verify, detect."""

import json

import click

import zoo
from zoo.cli import _options as options
from zoo.cli._recordings import Recordings
from zoo.errors import ZooError
from zoo.presets import find_card


@click.command()
@click.argument("path", metavar="[FILE]", required=False, type=options.PATH)
@options.model(("classification",), "a classifier of words", "ds_cnn.commands")
@click.option("--words", metavar="WORD,WORD", help="Words to listen for (all that the model knows).")
@click.option("--threshold", type=float, default=0.9, show_default=True, help="Least probability of a word, 0 to 1.")
@click.option("--seconds", type=options.POSITIVE, help="Stop listening after so long.")
@options.json_option
def spot(path, asked, words, threshold, seconds, as_json):
    """Listen for words: in FILE, or from the microphone until Ctrl-C.

    A line is printed for each word, with the second at which it was recognized; --json prints one object a line.

    \b
    Example:
      zoo spot --words yes,stop
      zoo spot lecture.mp3 --words go --threshold 0.97
    """
    rate = asked.sample_rate
    if not hasattr(asked.model, "spot"):
        raise ZooError(f"`model` must be a classifier with weights of its own. Received: {asked.name}.")
    if path:
        samples = zoo.audio.load_audio(path, rate)[: round(seconds * rate) if seconds else None]
        chunks = (samples[i : i + rate] for i in range(0, len(samples), rate))
    else:
        from zoo.decoding.live import microphone

        chunks = microphone(seconds, sample_rate=rate)
    chosen = [word.strip() for word in words.split(",")] if words else None
    try:
        for found in asked.model.spot(chunks, rate, chosen, threshold):
            click.echo(json.dumps(found.to_dict(), ensure_ascii=False) if as_json else str(found))
    except KeyboardInterrupt:
        pass


@click.command()
@click.argument("first", type=options.PATH)
@click.argument("second", type=options.PATH)
@options.model(("classification",), "a model of voices", "speaker_id")
@options.json_option
def verify(first, second, asked, as_json):
    """Compare the voices of two recordings.

    The cosine of their embeddings is larger for one voice than for two. It depends on the rooms and the microphones as well:
    see the equal error rate with `zoo info`. Never use it as a lock.

    \b
    Example:
      zoo verify monday.wav tuesday.wav
    """
    if not hasattr(asked.model, "verify"):
        raise ZooError(f"`model` must have an embedding, such as speaker_id. Received: {asked.name}.")
    cosine = asked.model.verify(first, second)
    card = find_card(asked.model.preset) if asked.model.preset else None
    same = card.same_above if card else None
    if as_json:
        click.echo(json.dumps({"cosine": round(cosine, 4), "same": None if same is None else cosine >= same}))
        return
    verdict = "" if same is None else f": {'one voice' if cosine >= same else 'two voices'}, if the limit is {same:g}"
    click.echo(f"{cosine:.3f}{verdict}")


@click.command()
@options.recordings_argument
@options.model(("detection",), "a detector of speech", "vad")
@click.option("--threshold", type=float, default=0.5, show_default=True, help="Least probability of speech, 0 to 1.")
@options.json_option
def detect(paths, asked, threshold, as_json):
    """Find where somebody speaks in recordings.

    \b
    Example:
      zoo detect meeting.m4a
      zoo detect recordings/ --json
    """
    recordings, rate = Recordings(paths), asked.sample_rate
    for path, _, spans in recordings.answers(rate, lambda samples: asked.model.detect(samples, rate, threshold)):
        rows = [(path, f"{start:.2f}", f"{end:.2f}") for start, end in spans]
        recordings.add(path, {"speech": [{"start": start, "end": end} for start, end in spans]}, *rows)
    recordings.finish(as_json, "recording", "from s#", "to s#")
