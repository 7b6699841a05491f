"""Commands that recognize speech: listen, classify, align, few-shot, search."""

import json
import sys
from dataclasses import asdict

import click

import zoo
from zoo.cli import _options as options
from zoo.cli._loading import CODES, SOUND
from zoo.cli._output import print_json, print_table, rounded, save_picture
from zoo.cli._recordings import Recordings
from zoo.cli.transcribe import transcript_figure
from zoo.errors import DataError, MissingFileError, ZooError


@click.command()
@click.argument("path", metavar="[FILE]", required=False, type=options.PATH)
@options.model(("transcription",), "a recognizer that can stream", "lstm_ctc_stream", runtimes=True)
@click.option("--seconds", type=options.POSITIVE, help="Stop after so many seconds.")
@options.json_option
def listen(path, asked, seconds, as_json):
    """Transcribe speech while it is spoken: from the microphone, or from FILE as if it were one.

    On a terminal the current word changes until it is final; elsewhere a line is printed for each final word, with the
    second at which it became final. --json prints one object a line. Ctrl-C ends.

    \b
    Example:
      zoo listen
      zoo listen clip.wav --json
      zoo listen --runtime litert       without Keras: it starts at once
    """
    from zoo.decoding.live import microphone

    rate = asked.sample_rate
    samples = path and zoo.audio.load_audio(path, rate)
    if not hasattr(asked.model, "stream"):
        raise ZooError(f"`model` must be one that can stream, such as lstm_ctc_stream. Received: {asked.name}.")
    if path:
        samples = samples[: round(seconds * rate) if seconds else None]
        chunks = (samples[i : i + rate // 10] for i in range(0, len(samples), rate // 10))
    else:
        chunks = microphone(seconds, sample_rate=rate)
    live = sys.stdout.isatty() and not as_json
    try:
        for heard in asked.model.stream(chunks, rate):
            if as_json:
                click.echo(json.dumps(rounded(asdict(heard)), ensure_ascii=False))
            elif live:  # final words stay; the row of the current word is written again
                words = "".join(f"\r\x1b[K{word.text}\n" for word in heard.new)
                click.echo(f"{words}\r\x1b[K{heard.partial[:60]}", nl=False)
            else:
                click.echo("".join(f"{heard.seconds:.2f}\t{word.text}\n" for word in heard.new), nl=False)
    except KeyboardInterrupt:
        click.echo()


@click.command()
@options.recordings_argument
@options.model(("classification",), "a classifier", "ds_cnn", runtimes=True)
@options.top_option
@options.plot_option
@options.json_option
def classify(paths, asked, top, plot, as_json):
    """Classify recordings of one word, by the word or by the speaker.

    Recordings are files of at most 4 s, or folders of such. A model always answers with one of its classes (`zoo info NAME`);
    a second line says where the answer is doubtful. --plot draws the probabilities beside what the answer depended on.

    \b
    Example:
      zoo classify recordings/ --model conv2d --top 1
      zoo classify clip.wav --model attention --plot weights.png --json
      zoo classify clip.wav --model attention+ds_cnn+lstm     the mean of three
      zoo classify clip.wav --model ds_cnn --weights runs/mine/model.keras
    """
    recordings, rate = Recordings(paths), asked.sample_rate
    for path, samples, found in recordings.answers(rate, lambda samples: asked.model.classify(samples, rate)):
        best = sorted(found.probabilities, key=found.probabilities.get, reverse=True)[:top]
        shown = "   ".join(f"{label} {100 * found.probabilities[label]:.0f} %" for label in best)
        recordings.add(path, found.to_dict(), (path, f"{shown}\n{found.doubt}".strip()))
        if plot:
            from zoo.plots import pictures

            recordings.draw(pictures.classification(asked.model, samples, rate, path.name), plot, path)
    recordings.finish(as_json, "recording", asked.name)


@click.command()
@options.file_argument
@click.argument("text")
@options.model(("transcription",), "a recognizer", "lstm_ctc")
@options.plot_option
@options.json_option
def align(path, text, asked, plot, as_json):
    """Find where in a recording each word of TEXT is said.

    \b
    Example:
      zoo align clip.wav "one two three"
      zoo align clip.wav "one two three" --plot words.png --json
    """
    rate = asked.sample_rate
    samples = zoo.audio.load_audio(path, rate)
    transcript = asked.model.align(samples, zoo.text.normalise(text), sample_rate=rate, name=path.name)
    if plot:
        save_picture(transcript_figure(asked, samples, transcript, path), plot)
    if as_json:
        print_json({"file": str(path), **transcript.to_dict()})
        return
    rows = [(w.text, f"{w.start:.2f}", f"{w.end:.2f}", f"{w.confidence:.2f}") for w in transcript.words]
    print_table("word", "from s#", "to s#", "confidence#", rows=rows)


@click.command("few-shot")
@click.argument("folder", type=options.PATH)
@options.recordings_argument
@options.model(CODES, "a model with an embedding or codes", "word_embedding")
@click.option("--shots", type=options.COUNT, help="Number of examples of each word to use (all).")
@options.json_option
def few_shot(folder, paths, asked, shots, as_json):
    """Recognize words from a few recordings of each, without training.

    FOLDER holds a folder for each word, with its recordings in it.

    \b
    Example:
      zoo few-shot examples/ clip.wav
      zoo few-shot examples/ test/ --shots 5 --model vae
    """
    from zoo.datasets.manifests import label_folders

    if not folder.is_dir():
        raise MissingFileError(f"`folder` must hold a folder of recordings for each word. There is no folder {folder}.")
    examples = {child.name: clips[:shots] for child, clips in label_folders(folder).items()}
    least = min(map(len, examples.values()), default=0)
    if shots and least < shots:
        raise DataError(f"`shots` must be at most the examples of each word; one has {least}. Received: {shots}.")
    recordings, rate = Recordings(paths), asked.sample_rate
    words = zoo.few_shot(asked.model, examples)
    for path, _, found in recordings.answers(rate, lambda samples: words.classify(samples, rate)):
        recordings.add(path, found.to_dict(), (path, found.label, f"{100 * found.confidence:.0f} %"))
    recordings.finish(as_json, "recording", "nearest", "confidence#")


@click.command()
@click.argument("query", type=options.PATH)
@options.recordings_argument
@options.model(SOUND, "a model whose frames are compared, or mfcc", "lstm_ctc", others=("mfcc",))
@options.top_option
@options.json_option
def search(query, paths, asked, top, as_json):
    """Find where the word that is said in QUERY occurs in recordings.

    \b
    Example:
      zoo search seven.wav lecture.wav
      zoo search seven.wav recordings/ --model word_embedding --top 1
    """
    mfcc = asked.name == "mfcc"
    if mfcc and asked.weights:
        raise ZooError("`weights` must be left out for mfcc, which has none.")
    recordings, rate = Recordings(paths), zoo.baselines.RATE if mfcc else asked.sample_rate
    samples = zoo.audio.load_audio(query, rate)
    from zoo.tasks.search import Searcher

    searcher = Searcher("mfcc" if mfcc else asked.model)
    word = searcher.prepare(samples)
    for path, _, matches in recordings.answers(rate, lambda samples: searcher.find(word, samples, top)):
        rows = [(path, f"{m.start:.2f}", f"{m.end:.2f}", f"{m.score:.3f}") for m in matches]
        recordings.add(path, {"matches": [match.to_dict() for match in matches]}, *rows)
    recordings.rows.sort(key=lambda row: -float(row[3]))
    recordings.finish(as_json, "recording", "from s#", "to s#", "likeness#")
