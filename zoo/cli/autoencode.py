"""Commands of autoencoders: reconstruct, denoise, map."""

import click

import zoo
from zoo.cli import _options as options
from zoo.cli._loading import CODES
from zoo.cli._output import check_file, save_picture, tell
from zoo.files import write_wav


@click.command()
@options.file_argument
@options.model(("reconstruction", "denoising"), "an autoencoder", "conv_autoencoder")
@options.out_option("FILE.wav", "Write the reconstruction as sound (Griffin-Lim).", required=False)
@options.plot_option
@options.json_option
def reconstruct(path, asked, out, plot, as_json):
    """Send a recording through an autoencoder and back; --plot draws both and the difference.

    \b
    Example:
      zoo reconstruct clip.wav --plot both.png --out back.wav
      zoo reconstruct clip.wav --model autoencoder --json
    """
    if out:
        check_file("out", out, (".wav",), source=path)
    found = asked.model.reconstruct(zoo.audio.load_audio(path, asked.sample_rate), asked.sample_rate)
    if plot:
        hop, title = found.framing.hop_seconds, f"{path.name}, {asked.name}"
        save_picture(zoo.plots.reconstruction(found.log_mel, found.reconstruction, hop, title).figure, plot)
    if out:
        write_wav(out, *found.sound())
    (frames, bands), code = found.log_mel.shape, list(found.code.shape)
    about = {"file": str(path), "model": asked.name, "frames": frames, "bands": bands, "code": code}
    about |= {"error_db": found.error_db, "band_error_db": found.band_error_db.tolist()}
    numbers = " x ".join(map(str, code))
    tell(about, f"{frames} frames of {bands} bands -> {numbers} numbers -> error {found.error_db:.2f} dB", as_json)


@click.command()
@options.file_argument
@options.out_option("FILE.wav", "Where the sound goes.")
@options.model(("denoising",), "a denoiser", "denoising_autoencoder")
@click.option("--strength", type=options.Real(0, 1), help="Factor of the attenuation in dB (the default of the model).")
@options.plot_option
@options.json_option
def denoise(path, out, asked, strength, plot, as_json):
    """Attenuate the noise in a recording; --plot draws the log-mel before and after.

    \b
    Example:
      zoo denoise noisy.wav --out clean.wav
      zoo denoise noisy.wav --out clean.wav --strength 0.5 --plot both.png
    """
    check_file("out", out, (".wav",), source=path)
    rate, samples = asked.sample_rate, zoo.audio.load_audio(path, asked.sample_rate)
    strength = asked.model.config.strength if strength is None else strength
    clean = asked.model.denoise(samples, rate, strength)
    if plot:
        found = asked.model.reconstruct(samples, rate)
        denoised = found.log_mel + strength * (found.reconstruction - found.log_mel)
        hop, names = found.framing.hop_seconds, ("noisy", "denoised")
        save_picture(zoo.plots.reconstruction(found.log_mel, denoised, hop, path.name, names).figure, plot)
    write_wav(out, clean, rate)
    about = {"file": str(path), "out": str(out), "seconds": len(clean) / rate, "strength": strength}
    tell(about, f"Wrote {out} ({len(clean) / rate:.2f} s at {rate:,} Hz).", as_json)


@click.command("map")
@options.model(CODES, "a model with an embedding or codes")
@options.data_option
@options.plot_option
@click.option(
    "--method",
    type=click.Choice(["tsne", "pca"]),
    default="tsne",
    help="Method that reduces the codes to two dimensions (tsne).",
)
@options.json_option
def map_codes(asked, data, plot, method, as_json):
    """Draw the codes of the model NAME as a map, coloured by word and by speaker.

    With tsne, neighbours on the map are neighbours in the code, and distances mean nothing; with pca, the map is the plane in
    which the codes vary most. The split of a SPEC is test unless given.

    \b
    Example:
      zoo map vae --data fsdd:test --plot map.png
      zoo map word_embedding --data folder:all,source=recordings --plot map.png --method pca
    """
    if plot is None:
        raise click.UsageError("`plot` must be given: a map is a picture.")
    model = asked.model
    from zoo.datasets.spec import DataSpec
    from zoo.tasks.few_shot import vectors

    utterances = [utterance for text in data for utterance in DataSpec.parse(text, "test").load()]
    rate = model.config.sample_rate
    codes = vectors(model, [utterance.audio(rate) for utterance in utterances], rate)
    groups = {"word": [utterance.text for utterance in utterances]}
    if any(utterance.speaker for utterance in utterances):
        groups["speaker"] = [utterance.speaker for utterance in utterances]
    figure = zoo.plots.latent_map(codes, groups, method).figure
    figure.suptitle(f"{asked.name}: {len(codes)} clips of {', '.join(data)}", parse_math=False)
    save_picture(figure, plot)
    about = {"model": asked.name, "data": data, "clips": len(codes), "numbers": codes.shape[1], "plot": str(plot)}
    tell(about, f"Drawn: {plot} ({len(codes)} clips, {codes.shape[1]} numbers each)", as_json)
