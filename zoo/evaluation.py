"""How good a model is on a data set: one function, one form of results, for all tasks."""

from collections.abc import Callable, Iterator, Sequence
from functools import singledispatch
from typing import Any

import numpy as np

from zoo import metrics
from zoo.audio import resample
from zoo.datasets import Utterance, noise
from zoo.datasets.spec import DataSpec
from zoo.entry import load
from zoo.errors import DataError, ZooError, unknown_name
from zoo.exported import ExportedClassifier, ExportedRecognizer
from zoo.language import LanguageModel
from zoo.presets import Result
from zoo.tasks import Autoencoder, Classifier, Embedder, Recognizer, Rover, SpeechDetector, SpeechModel, pad
from zoo.tasks.few_shot import FewShot

GROUP = 64  # clips between two lines of progress


def evaluate(model: Any, *data: str, log: Callable[[str], None] | None = None, **options) -> list[Result]:
    """Measures a model on data sets.

    Args:
        model: A model, the name of a preset, a FewShot, or a fitted baseline.
        *data: Data sets, such as "an4:test"; the split is "test" unless given.
        log: Called with lines of progress.
        **options: Of a recognizer those of `Recognizer.decoder`, such as language_model="ngram_lm". Of an embedder
            verify=True, for the equal error rate of "is this the same speaker?" in place of accuracy.

    Returns:
        One Result, or two for a recognizer (WER and CER), for each data set. `dataclasses.asdict` makes JSON of them.

    Raises:
        DataError: If a data set is empty or holds what the model cannot be asked.

    >>> import zoo
    >>> source = zoo.audio.bundled("seven").parent / "samples.csv"
    >>> [result.metric for result in zoo.evaluate("lstm_ctc", f"folder:all,source={source}")]
    ['WER', 'CER']
    """
    if not data:
        raise DataError("`data` must name at least one data set, such as 'an4:test'. Received none.")
    model = load(model) if isinstance(model, str) else model
    results = []
    for spec, utterances in _sets(data):
        name = spec.name + "".join(f",{option}={value}" for option, value in spec.options)
        for figure in _measure(model, utterances, str(spec), log or (lambda line: None), **options):
            results.append(Result(data=name, split=spec.split, **figure))
    return results


def confusions(model: Any, *data: str) -> tuple[list[str], list[str]]:
    """Labels of the clips of data sets and what a classifier says they are, for `zoo.plots.confusion`."""
    model = load(model) if isinstance(model, str) else model
    pairs = [_labels(model, utterances, str(spec)) for spec, utterances in _sets(data)]
    return [label for references, _ in pairs for label in references], [label for _, found in pairs for label in found]


def clip_errors(
    model: SpeechModel,
    clips: Sequence[np.ndarray],
    lengths: Sequence[int],
    targets: Sequence[str],
    noises: Sequence[np.ndarray] = (),
    bucket_boundaries: Sequence[float] = (),
) -> list:
    """What `model.utterance_errors` counts of each clip, as `model.mean_error` takes it.

    Clips (samples,), which a `zoo.training.Corpus` holds too, and noises are at the model's rate. A model that denoises gets
    each clip under a random part of a random noise, white without any, at 0 to 20 dB SNR, the same each time.
    """
    errors: list = [None] * len(clips)
    order, rate = np.argsort(lengths), model.config.sample_rate
    for group in (order[i : i + 32] for i in range(0, len(order), 32)):
        clean = [clips[i] for i in group]
        heard = clean
        if model.noisy_input:
            heard = [under_noise(clip, noises, int(i)) for clip, i in zip(clean, group, strict=True)]
        waveform, ends = pad(heard, rate, bucket_boundaries)
        outputs = model.predict_on_batch({"waveform": waveform, "lengths": ends})
        outputs = {name: np.asarray(value) for name, value in outputs.items()}
        found = model.utterance_errors(outputs, [targets[i] for i in group], pad(clean, rate, bucket_boundaries))
        for i, error in zip(group, found, strict=True):
            errors[i] = error
    return errors


def under_noise(clip: np.ndarray, noises: Sequence[np.ndarray], i: int) -> np.ndarray:
    rng = np.random.default_rng((i, 1))
    return noise.add_noise(clip, noise.random_noise(noises, len(clip), rng), rng.uniform(0.0, 20.0))


def _sets(data: Sequence[str]) -> Iterator[tuple[DataSpec, list[Utterance]]]:
    for spec in [DataSpec.parse(text, "test") for text in data]:
        if spec.weight != 1:
            raise DataError(f"`data` has weights only for training. Received: {spec}.")
        utterances = spec.load()
        if not utterances:
            raise DataError(f"`data` must hold utterances. Received: {spec}, which holds none.")
        yield spec, utterances


# --- by the class of the model: figures as keyword arguments of a Result


def _figure(metric: str, score: metrics.Estimate, utterances: int, length: int, counts: Sequence[str], **more) -> dict:
    """A share in percent, with those of its fields that count something."""
    rates = {key: round(100 * getattr(score, key), 3) for key in ("value", "low", "high")}
    counted = {key: getattr(score, key) for key in counts}
    return {"metric": metric, "utterances": utterances, "reference_length": length, "counts": counted} | rates | more


def _check_options(model: Any, options: dict) -> None:
    if options:
        raise ZooError(f"`{next(iter(options))}` is not an option of how a {type(model).__name__} is measured.")


@singledispatch
def _measure(model: Any, utterances: list[Utterance], name: str, log: Callable, **options) -> list[dict]:
    if not (hasattr(model, "predict") or hasattr(model, "classify")):
        raise ZooError(f"`model` must be a model or a fitted baseline. Received: a {type(model).__name__}.")
    _check_options(model, options)
    score = metrics.accuracy(*_labels(model, utterances, name))
    return [_figure("accuracy", score, score.clips, score.clips, ("correct", "clips"))]


@_measure.register
def _(model: Embedder, utterances, name, log, verify: bool = False, **options):
    if not verify:
        return _measure.dispatch(Classifier)(model, utterances, name, log, **options)
    _check_options(model, options)
    clips, speakers = _clips(model, utterances, name), model.targets(utterances, model.config)
    recordings = [getattr(utterance.recording, "path", utterance.id) for utterance in utterances]
    score = metrics.equal_error_rate(model.embed(clips, model.config.sample_rate), speakers, recordings)
    return [_figure("EER", score, len(clips), score.different, ("same", "different"))]


@_measure.register(Recognizer)
@_measure.register(ExportedRecognizer)
@_measure.register(Rover)
def _(model, utterances, name, log, **options):
    if isinstance(options.get("lexicon"), Iterator):
        options["lexicon"] = list(options["lexicon"])
    model.decoder(**options)  # refuses before any recording is read
    texts, rate, references = [], model.config.sample_rate, [utterance.text for utterance in utterances]
    for start in range(0, len(utterances), GROUP):
        clips = [utterance.audio(rate) for utterance in utterances[start : start + GROUP]]
        texts += [transcript.text for transcript in model.transcribe(clips, rate, **options)]
        log(f"{name}: {len(texts)} of {len(utterances)}")
    counts, decoder = ("substitutions", "deletions", "insertions", "hits"), _decoder_name(options)
    scores = {"WER": metrics.wer(references, texts), "CER": metrics.cer(references, texts)}
    return [
        _figure(metric, score, score.utterances, score.reference_length, counts, decoder=decoder)
        for metric, score in scores.items()
    ]


def _decoder_name(options: dict) -> str:
    """ "beam 16, ngram_lm", or "" for greedy decoding."""
    if not options or options == {"decoder": "greedy"}:
        return ""
    parts, language_model = [f"beam {options.get('beam_width', 16)}"], options.get("language_model")
    if language_model:
        parts.append(language_model if isinstance(language_model, str) else type(language_model).__name__)
    if words := options.get("lexicon"):
        words = words.replace(",", " ").split() if isinstance(words, str) else words
        parts.append(f"{len(words)} words only")
    return ", ".join(parts)


@_measure.register
def _(model: Autoencoder, utterances, name, log, **options):
    _check_options(model, options)
    rate, noises, note = model.config.sample_rate, [], ""
    if model.noisy_input:
        noises = [resample(clip, noise.RATE, rate) for clip in noise.load_noise("test")]
        note = "noise of ESC-10's test fold at 0 to 20 dB SNR"
    clips = [np.round(clip * 32767).astype("float32") / 32767 for clip in _clips(model, utterances, name)]
    errors = np.array(clip_errors(model, clips, list(map(len, clips)), [""] * len(clips), noises))
    draws = np.random.default_rng(0).integers(len(errors), size=(1000, len(errors)))
    low, high = np.quantile(np.sqrt(errors[draws].mean(axis=1)), (0.025, 0.975))
    figure = {"value": model.mean_error(errors), "low": float(low), "high": float(high)}
    about = {"metric": "dB", "utterances": len(errors), "reference_length": len(errors), "note": note}
    return [about | {key: round(value, 3) for key, value in figure.items()}]


@_measure.register
def _(model: SpeechDetector, utterances, name, log, **options):
    from sklearn.metrics import roc_auc_score

    _check_options(model, options)
    rate = model.config.sample_rate
    noises = [resample(clip, noise.RATE, rate) for clip in noise.load_noise("test")]
    clean = _clips(model, utterances, name)
    labels = [model.encode_target(utterance.text) or [0] for utterance in utterances]
    wanted = [model.batch_target([label], clip[None])[0] for label, clip in zip(labels, clean, strict=True)]
    found = model.logits([under_noise(clip, noises, i) for i, clip in enumerate(clean)], rate)
    wanted = [row[: len(logits)] for row, logits in zip(wanted, found, strict=True)]

    def auroc(chosen: Sequence[int]) -> float:
        return 100 * roc_auc_score(*(np.concatenate([rows[i] for i in chosen]) for rows in (wanted, found)))

    draws = np.random.default_rng(0).integers(len(found), size=(200, len(found)))
    low, high = np.quantile([auroc(chosen) for chosen in draws], (0.025, 0.975))
    about = {"metric": "AUROC", "utterances": len(found), "reference_length": sum(map(len, found))}
    figure = {"value": auroc(range(len(found))), "low": low, "high": high}
    note = "frames of 10 ms, under noise of ESC-10's test fold at 0 to 20 dB SNR"
    return [about | {"note": note} | {key: round(float(value), 3) for key, value in figure.items()}]


@_measure.register
def _(model: LanguageModel, utterances, name, log, **options):
    _check_options(model, options)
    texts = [utterance.text for utterance in utterances]
    tokens = [token for text in texts for token in model.tokens(text)]
    value = round(model.perplexity(texts), 3)
    note = f"{sum(token not in model.vocabulary for token in tokens)} unknown {model.unit}s"
    about = {"metric": "perplexity", "utterances": len(texts), "reference_length": len(tokens), "note": note}
    return [about | {"value": value, "low": value, "high": value}]


def _clips(model: SpeechModel, utterances: Sequence[Utterance], name: str) -> list[np.ndarray]:
    """The clips at the model's rate. Raises DataError where one is longer than the model takes."""
    rate = model.config.sample_rate
    clips = [utterance.audio(rate) for utterance in utterances]
    for utterance, clip in zip(utterances, clips, strict=True):
        if len(clip) > model.max_seconds * rate:
            rule = f"clips of at most {model.max_seconds:g} s for {model.display_name}"
            raise DataError(f"`data` must be {rule}. Received: {utterance.id} of {name}, {len(clip) / rate:.1f} s.")
    return clips


@singledispatch
def _labels(model: Any, utterances: Sequence[Utterance], name: str) -> tuple[list[str], list[str]]:
    """(labels, what the model says)."""
    from zoo.baselines import RATE

    clips = [utterance.audio(RATE) for utterance in utterances]
    return [utterance.text for utterance in utterances], list(map(str, model.predict(clips)))


@_labels.register
def _(model: FewShot, utterances, name):
    clips = [utterance.audio(16000) for utterance in utterances]
    return [utterance.text for utterance in utterances], [found.label for found in model.classify(clips, 16000)]


@_labels.register(Classifier)
@_labels.register(ExportedClassifier)
def _(model, utterances, name):
    labels = Classifier.targets(utterances, model.config)
    for utterance, label in zip(utterances, labels, strict=True):
        if label not in model.labels:
            unknown = unknown_name(f"class of {model.display_name}", label, model.labels)
            raise DataError(f"{unknown} It is the label of {utterance.id} in {name} (verify=True asks about others).")
    found = model.classify(_clips(model, utterances, name), model.config.sample_rate)
    return labels, [one.label for one in found]
