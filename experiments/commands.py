"""Commands by real and synthetic voices: `python -m experiments.commands RUN [--compare] [--json FILE]`.

Taught that bed and cat (real voices) are `unknown` and yes and stop (synthetic voices, mostly) are not, a network learns to hear who
speaks: whatever is real is unknown. So it learns all words of Speech Commands, each a class of its own, and `unknown` is their sum.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

import zoo
from experiments._common import main
from zoo.datasets.commands import LABELS
from zoo.datasets.speech_commands import COMMANDS, OTHERS
from zoo.loading import save_weights
from zoo.tasks.classifier import WORDS
from zoo.training import AugmentConfig, train

WIDE = {"sample_rate": 16000, "n_fft": 512, "win_length": 400, "hop_length": 160, "top_db": 40.0}
# The recordings of a crowd are in rooms, and not as noisy as what the models of digits learn from.
AUGMENTATION = AugmentConfig(**WORDS | {"noise_prob": 0.5, "snr_db": (0.0, 30.0), "reverb_prob": 0.3})
# Nats. Half of what a network learns from here is other words, and a twelfth of what it is asked: their logits are lowered by about
# the log of that ratio; 1 to 2.5 were alike on the validation speakers.
LOWER = 1.5
MANY = "left+right+up+down+go"  # commands of which there are hundreds of takes to learn from
FEW = "yes+no+on+off+stop"  # ten takes each
KNOWN = "+".join(
    word for word in OTHERS if word not in ("backward", "follow", "forward", "learn", "visual")
)  # of v0.01
APART = (
    *COMMANDS,
    "silence",
    *OTHERS,
    "unknown",
)  # the last one is any word that is not among those of Speech Commands


def sets(place: str, real: int, kokoro: int, espeak: int, running: int = 0) -> list[str]:
    """What an epoch shows: real takes (`real` of each of MANY, or all of them), words of AN4 and of learners, synthetic voices, and
    `running` seconds cut from sentences.
    """
    found = [
        f"commands:train=0.4,words={KNOWN},task=35{place}", "spoken_words:train=0.3,task=35", "background:train=0.6",
    ]  # fmt: skip
    if real:
        most = f",most={real}" if real > 0 else ""
        found.append(f"commands:train={10 if real > 0 else 1},words={MANY},task=35{most}{place}")
        found.append(f"commands:train=12,words={FEW},task=35{place}")
        found.append("spoken_words:train=4,task=35,words=yes+no+on+stop+go")
    if running:
        found.append(f"running_speech:train,count={running}")
    if espeak:
        found.append(f"synthetic_commands:train=0.5,count={espeak},task=35")
    if kokoro:
        found += ["kokoro_words:train,task=35", f"synthetic_commands:train,count={kokoro},task=35,engine=kokoro"]
    return found


def learn_words(
    model, out, init, place, real, kokoro, espeak, running, epochs, filters, learning_rate, log
) -> zoo.tasks.Classifier:
    """Trains all words apart, and gives the same network with 12 classes; `out` has it as model.keras and commands.weights.h5."""
    config = WIDE | ({"filters": filters} if filters else {})
    held_out = [f"commands:validation,words={words},task=35{place}" for words in (MANY, KNOWN)]
    apart = train(model, sets(place, real, kokoro, espeak, running), f"{out}/words", init=init, model_config=config | {"labels": APART},
                  epochs=epochs, learning_rate=learning_rate, validation=held_out, augmentation=AUGMENTATION, batch_size=64,
                  resume=True, log=log)  # fmt: skip
    made = zoo.load(model, weights=None, **config, labels=LABELS, others=len(APART) - len(LABELS))
    made.set_weights(apart.get_weights())
    bias = made.get_layer("logits").bias
    bias.assign(bias - LOWER * (np.arange(len(APART)) >= len(LABELS) - 1))
    made.save(f"{out}/model.keras")
    save_weights(made, Path(out) / "commands.weights.h5")
    return made


def commands(
    out: str,
    learn: str = "",
    model: str = "ds_cnn",
    init: str = "none",
    compare: bool = False,
    kokoro: int = 1000,
    espeak: int = 8000,
    running: int = 0,
    epochs: int = 24,
    filters: int = 0,
    learning_rate: float = 3e-3,
    log: Callable = print,
) -> list[dict]:
    """Trains into `out`, and gives the accuracy of each word on people held out from training. `learn` is a folder of v0.01. With
    `compare`, once each: without a real take of the words of which there are many, with ten of each, and with all.
    """
    place, rows = f",source={learn}" if learn else "", []
    for real in (0, 10, -1) if compare else (-1,):
        where = f"{out}/{real}" if compare else out
        made = learn_words(
            model, where, init, place, real, kokoro, espeak, running, epochs, filters, learning_rate, log
        )
        for word in (*MANY.split("+"), KNOWN):
            found = zoo.evaluate(made, f"commands:validation,words={word}{place}")[0]
            about = {"model": model, "real": real, "word": "other words" if word == KNOWN else word}
            rows.append(about | {"value": found.value, "low": found.low, "high": found.high, "clips": found.utterances})
            log(rows[-1])
    return rows


if __name__ == "__main__":
    main(commands)
