"""The command transcribe."""

import csv
import io
import sys
from pathlib import Path

import click

from zoo.cli import _options as options
from zoo.cli._loading import Asked
from zoo.cli._output import status_line, tell
from zoo.cli._recordings import Recordings
from zoo.errors import DataError, MissingFileError, ZooError, first_line
from zoo.files import atomic_write

BATCH = 16  # clips at a time
NOTHING = "(no words recognized)"
LISTS = (".csv", ".txt")  # files that name recordings, with --cluster
FORMATS = ("srt", "vtt")  # of subtitles; functions of zoo.subtitles


def transcript_figure(asked: Asked, samples, transcript, path: Path):
    """Draws waveform, log-mel frames and words over time."""
    from zoo.plots import pictures

    title = f"{path.name}: {transcript.text or NOTHING}"
    return pictures.transcription(asked.model, samples, asked.sample_rate, transcript, title)


@click.command()
@options.recordings_argument
@options.model(("transcription",), "a recognizer", "lstm_ctc", runtimes=True)
@options.decoder_options
@options.plot_option
@click.option(
    "--format", type=click.Choice(["text", "json", *FORMATS]), default="text", help="srt and vtt: subtitles (text)."
)
@options.out_option("PATH", "File for the subtitles; of several recordings, the folder for a file of each.", False)
@click.option(
    "--cluster",
    metavar="[ADDRESS]",
    is_flag=False,
    flag_value="local",
    help="On a Ray cluster; --out is then a .jsonl file, or a .parquet folder.",
)
@options.json_option
def transcribe(paths, asked, decoder, plot, format, out, cluster, as_json):
    """Transcribe recordings.

    Recordings are files that a player plays (WAV, M4A, MP3, WebM ...), or folders of such. One file prints its text; several print a
    line each: the path, a tab, the text. A second line, on stderr, says where the answer is doubtful.
    What cannot be read is reported there too, the rest goes on, and the exit code is 1. --plot draws each recording; of several, the pictures are numbered.
    With --cluster, recordings may also be named in a .csv with a column `path`, or in a .txt, a line each.

    \b
    Example:
      zoo transcribe clip.wav --plot words.png
      zoo transcribe recordings/ --json > words.json
      zoo transcribe lecture.mp3 --format srt --out lecture.srt
      zoo transcribe clip.wav --language-model ngram_lm --lexicon zero,one,two,three
      zoo transcribe manifest.csv --out words.parquet --cluster 10.0.0.1:6379
    """
    if cluster is not None:
        if plot or format != "text":
            raise ZooError("`cluster` writes JSON lines or Parquet to --out, and neither pictures nor subtitles.")
        on_cluster(paths, asked, decoder, out, cluster, as_json)
        return
    from zoo import subtitles

    recordings = Recordings(paths)
    as_json = as_json or format == "json"
    if (written := format in FORMATS) and as_json:
        raise ZooError(f"`format` must be left out with --json. Received: {format}.")
    places = Places(out, format, recordings.files) if written or out else None
    for batch in recordings.batches(asked.sample_rate, BATCH):
        clips = [samples for _, samples in batch]
        transcripts = asked.model.transcribe(clips, asked.sample_rate, log=status_line(), **decoder)
        for (path, samples), transcript in zip(batch, transcripts, strict=True):
            recordings.add(path, transcript.to_dict())
            if places:
                places.write(path, getattr(subtitles, format)(transcript))
            elif not as_json:
                say(path, transcript, len(recordings.files) == 1)
            if plot:
                recordings.draw(transcript_figure(asked, samples, transcript, path), plot, path)
    recordings.finish(as_json)


def on_cluster(paths: tuple, asked: Asked, decoder: dict, out: Path | None, address: str, as_json: bool) -> None:
    """Transcribes files, folders, and the files that lists name, on a Ray cluster."""
    from zoo import cluster

    if out is None:
        raise MissingFileError("`out` must be given with --cluster: a .jsonl file or a .parquet folder.")
    if asked.weights:
        raise ZooError("`weights` must be left out with --cluster: the nodes load presets.")
    recordings = Recordings(tuple(path for path in paths if path.suffix not in LISTS))
    files = [path for path in recordings.files if isinstance(path, Path)]
    for error in set(recordings.files) - set(files):
        recordings.report(error)
    files += [file for path in paths if path.suffix in LISTS for file in named_in(path)]
    done = cluster.transcribe(files, out, asked.name, asked.runtime, address, log=status_line(), **decoder)
    sentence = f"{done.answered} recordings are now in {out}; {done.before} were there before."
    if done.failed:
        sentence += f" {len(done.failed)} could not be read, and say why there."
    tell({"out": str(out), **vars(done)}, sentence, as_json)
    if done.failed or recordings.failed:
        sys.exit(1)


def named_in(path: Path) -> list[Path]:
    """Returns the recordings that a list names: a line each of a .txt, or the column `path` of a .csv, from the folder of the .csv."""
    try:
        text = path.read_text(encoding="utf-8-sig")  # -sig: spreadsheets write a byte order mark
        if path.suffix != ".csv":
            return [Path(line) for line in text.splitlines() if line]
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"A list of recordings must be in UTF-8. Received: {path} ({first_line(error)}).") from None
    if not rows or "path" not in rows[0]:
        raise DataError(f"A table of recordings must have the column path. Received: {path}.")
    return [path.parent / row["path"].strip() for row in rows if (row["path"] or "").strip()]


def say(path: Path, transcript, alone: bool) -> None:
    """Prints the text of a recording, and on stderr whether it is doubtful."""
    shown = transcript.text or (NOTHING if sys.stdout.isatty() else "")
    click.echo(shown if alone else f"{path}\t{shown}")
    if transcript.doubtful:  # not among the texts, where a program reads them
        click.echo(f"{'' if alone else f'{path}: '}{transcript.doubt}", err=True)


class Places:
    """Where subtitles go: to `out`, a file for one recording and a folder for several; without it, to stdout."""

    def __init__(self, out: Path | None, format: str, files: list):
        if format not in FORMATS:
            raise ZooError(f"`out` must be given with --format {' or '.join(FORMATS)}. Received: {out}.")
        several = len(files) > 1
        if several and not (out and out.is_dir()):
            raise MissingFileError(
                f"`out` must be a folder that exists, for a file of each recording. Received: {out}."
            )
        self.out, self.format, self.written = out, format, set()

    def write(self, path: Path, text: str) -> None:
        """Writes the subtitles of a recording."""
        if self.out is None:
            click.echo(text, nl=False)
            return
        place = self.out
        if place.is_dir():  # named after its recording; a.mp3 beside a.wav keeps its suffix
            place = place / f"{path.stem}.{self.format}"
            place = place.with_name(f"{path.name}.{self.format}") if place in self.written else place
        self.written.add(place)
        with atomic_write(place) as partial:
            partial.write_text(text, encoding="utf-8")
        click.echo(str(place))
