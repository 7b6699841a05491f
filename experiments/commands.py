"""Commands by real and synthetic voices: `python -m experiments.commands RUN --learn FOLDER [--real 10] [--json FILE]`.

Two stages. Taught at once that bed and cat (real voices) are `unknown` and yes and stop (synthetic voices, mostly) are not, a
network learns to hear who speaks: whatever is real is unknown. So it first learns all words of Speech Commands, each a class of its
own, and then a last layer with the 12 classes.
"""

from collections.abc import Callable

import zoo
from experiments._common import main
from zoo.datasets.speech_commands import COMMANDS, OTHERS
from zoo.tasks.classifier import WORDS
from zoo.training import AugmentConfig, train

WIDE = {"sample_rate": 16000, "n_fft": 512, "win_length": 400, "hop_length": 160}
# The recordings of a crowd are in rooms, and not as noisy as what the models of digits learn from.
AUGMENTATION = AugmentConfig(**WORDS | {"noise_prob": 0.5, "snr_db": (0.0, 30.0), "reverb_prob": 0.3})
MANY = "left+right+up+down+go"  # commands of which there are hundreds of takes to learn from
FEW = "yes+no+on+off+stop"  # ten takes each
KNOWN = set("backward follow forward learn visual".split())  # of v0.02 only


def sets(learn: str, task: str, real: int, kokoro: int, espeak: int) -> list[str]:
    """What an epoch shows: real takes (`real` of each of MANY, or all of them), words of AN4 and of learners, synthetic voices."""
    at, others = f"task={task}" + (f",source={learn}" if learn else ""), "+".join(w for w in OTHERS if w not in KNOWN)
    found = [
        f"commands:train=0.4,words={others},{at}",
        f"spoken_words:train=0.3,task={task}",
        f"spoken_words:train=4,task={task},words=yes+no+on+stop+go",
        "background:train=0.6",
    ]
    if real != 0:
        most = f"most={real}," if real > 0 else ""
        found.append(f"commands:train={10 if real > 0 else 1},words={MANY},{most}{at}")
        found.append(f"commands:train=12,words={FEW},{at}")
    if espeak:
        found.append(f"synthetic_commands:train=0.5,count={espeak},task={task}")
    if kokoro:
        found.append(f"kokoro_words:train,task={task}")
        found.append(f"synthetic_commands:train,count={kokoro},task={task},engine=kokoro")
    return found


def commands(
    out: str,
    learn: str = "",
    model: str = "ds_cnn",
    real: int = -1,
    kokoro: int = 3000,
    espeak: int = 8000,
    epochs: int = 24,
    head_epochs: int = 6,
    filters: int = 0,
    learning_rate: float = 3e-3,
    log: Callable = print,
) -> dict:
    """Trains both stages into `out`, and gives accuracies on people held out from training. `learn` is a folder of v0.01; `real` is how
    many takes of the words of which there are many are shown, -1 for all and 0 for none.
    """
    config = WIDE | ({"filters": filters} if filters else {})
    held_out = [f"commands:validation,words={words},task={{}}" + (f",source={learn}" if learn else "") for words in
                (MANY, "+".join(w for w in OTHERS if w not in KNOWN))]  # fmt: skip
    shared = {"augmentation": AUGMENTATION, "batch_size": 64, "resume": True, "log": log}
    train(model, sets(learn, "35", real, kokoro, espeak), f"{out}/words", init="none", model_config=config, epochs=epochs,
          learning_rate=learning_rate, validation=[spec.format("35") for spec in held_out], **shared)  # fmt: skip
    labels = (*COMMANDS, "silence", "unknown")
    made = train(model, sets(learn, "12", real, kokoro, espeak), f"{out}/commands", init=f"{out}/words/best.weights.h5",
                 model_config=config | {"labels": labels}, epochs=head_epochs, learning_rate=learning_rate / 6, freeze=True,
                 validation=[spec.format("12") for spec in held_out], **shared)  # fmt: skip
    rows = [zoo.evaluate(made, spec.format("12"))[0] for spec in held_out]
    return {"out": out, "real": real, "kokoro": kokoro, "espeak": espeak, "rows": [vars(row) for row in rows]}


if __name__ == "__main__":
    main(commands)
