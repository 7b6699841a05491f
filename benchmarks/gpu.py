"""What an accelerator makes of training: steps a second, batch by batch, and of an LSTM with and without cuDNN.

    KERAS_BACKEND=jax python benchmarks/gpu.py [--models conv2d,lstm,lstm_ctc,attention_ctc] [--seconds 3] [--json OUT]

A step starts with waveforms of noise, which cost as much as speech, and ends with new weights. The fastest of twenty counts:
other programs can make a step slower, never faster. Classifiers of words get clips of 0.6 s, as in notebook 08. It runs on
whatever Keras finds, a processor too, and says which that was.
"""

import argparse
import json
import time

import keras
import numpy as np

import zoo
from zoo.layers import recurrent

STEPS = 20
BATCHES = (32, 128)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="conv2d,lstm,lstm_ctc,attention_ctc")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of the clips that recognizers get")
    parser.add_argument("--json", help="file for the figures")
    args = parser.parse_args()
    names = args.models.split(",")
    for name in names:
        if zoo.card(name).task not in ("transcription", "classification"):
            parser.error(f"--models must be recognizers and classifiers; {name} is none")

    found = {"device": device(), "backend": keras.backend.backend(), "keras": keras.__version__, "steps": []}
    print(found["device"], "under", found["backend"], flush=True)
    for name in names:
        recognizer = zoo.card(name).task == "transcription"
        settings = [(batch, "cuDNN or a loop") for batch in BATCHES]
        if name == "lstm_ctc" and recurrent._has_fast_lstm():
            settings = [(batch, way) for batch in BATCHES for way in ("cuDNN", "a loop")]
        for batch, way in settings:
            # `lstm` as notebook 08 has it: small, so that what a step costs besides arithmetic can be seen
            config = {"units": 64, "layers": 1} if name == "lstm" else {}
            seconds = step(name, batch, args.seconds if recognizer else 0.6, config, loop=way == "a loop")
            row = {
                "model": name,
                "batch": batch,
                "lstm": way,
                "ms": 1000 * seconds,
                "clips_per_second": batch / seconds,
            }
            found["steps"].append(row)
            print(
                f"{name:<16} batch {batch:>4}  {way:<16} {row['ms']:8.1f} ms a step  {row['clips_per_second']:8.0f} clips/s",
                flush=True,
            )
            if args.json:  # after each row: a lent machine may be gone before the next
                with open(args.json, "w") as file:
                    json.dump(found, file, indent=2)


def device() -> str:
    """The name of what Keras computes on."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.devices()[0].device_kind
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        return tf.config.experimental.get_device_details(gpus[0])["device_name"] if gpus else "cpu"
    return keras.distribution.list_devices()[0]


def step(name: str, batch: int, seconds: float, config: dict, loop: bool) -> float:
    """Seconds of one training step; `loop` keeps cuDNN's LSTM out of it."""
    model, rng = zoo.load(name, weights=None, **config), np.random.default_rng(0)
    samples = int(seconds * model.config.sample_rate)
    x = {"waveform": rng.standard_normal((batch, samples), "float32"), "lengths": np.full(batch, samples, "int32")}
    if hasattr(model, "transcribe"):
        y = rng.integers(1, 1 + len(model.config.vocabulary), size=(batch, 24)).astype("int32")
    else:
        y = rng.integers(len(model.labels), size=(batch, 1))
    fast = recurrent._has_fast_lstm
    if loop:
        recurrent._has_fast_lstm = lambda: False
    try:
        times = []
        for _ in range(2 + STEPS):
            start = time.perf_counter()
            model.train_on_batch(x, y)  # gives the loss as a number, so it has waited
            times.append(time.perf_counter() - start)
        return min(times[2:])
    finally:
        recurrent._has_fast_lstm = fast


if __name__ == "__main__":
    main()
