"""One training step of `lstm_ctc` against the same network written directly in PyTorch, same machine, one run.

    pip install torch
    python benchmarks/training_step.py [--backends tensorflow,jax] [--batch 32] [--seconds 3] [--threads 2]

A step starts with waveforms and ends with new weights: log-mel, normalisation, SpecAugment, convolution, three
bidirectional LSTMs, CTC, backward pass, gradients clipped to norm 5, AdamW. Each side is a process of its own that
waits for its turn; rounds alternate between them, and the medians over rounds are compared. In PyTorch the LSTM is
nn.LSTM without packed sequences, the quickest way to write it, although its backward pass then starts in the padding.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

BAR = 1.3  # Keras' step may take so many times PyTorch's
N_LABELS = 24


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backends", default="tensorflow,jax")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of the longest clip")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--steps", type=int, default=4, help="in each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", help="file for the figures")
    parser.add_argument("--side", help=argparse.SUPPRESS)  # of a child: torch, tensorflow or jax
    args = parser.parse_args()
    if args.side:
        return take_turns(args)

    sides = {}
    for name in ["torch", *args.backends.split(",")]:
        side = start(name)
        ready = side.stdout.readline()
        if side.poll() is None and ready:
            sides[name] = side
            print(f"{name}: {json.loads(ready)['parameters']:,} parameters", flush=True)
        else:
            print(f"{name} could not be started: {side.stderr.read().strip().splitlines()[-1]}")
    seconds = {name: [] for name in sides}
    for _ in range(args.rounds):
        for name, side in sides.items():
            side.stdin.write("go\n")
            side.stdin.flush()
            seconds[name].append(json.loads(side.stdout.readline())["seconds"])
    for side in sides.values():
        side.stdin.close()
        side.wait()

    print(
        f"\nOne step, {args.batch} clips of up to {args.seconds:g} s, {args.threads} threads, median of {args.rounds} rounds"
    )
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    missed = "torch" not in medians
    for name, median in medians.items():
        ratio = f"{median / medians['torch']:.2f} x torch" if "torch" in medians and name != "torch" else ""
        print(f"  {name:<12}{median:>8.3f} s   (from {min(seconds[name]):.3f} to {max(seconds[name]):.3f})   {ratio}")
        missed |= bool(ratio) and median > BAR * medians["torch"]
    print(f"{'MISSES' if missed else 'Reaches'} the bar: at most {BAR} x.")
    if args.json:
        with open(args.json, "w") as file:
            json.dump({"medians": medians, "rounds": seconds, "settings": vars(args)}, file, indent=2)
    return int(missed)


def start(name: str) -> subprocess.Popen:
    environment = os.environ | {"KERAS_BACKEND": name, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, *sys.argv, "--side", name]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment)


def take_turns(args) -> int:
    """In a child: build, warm up, then do `steps` steps for each line on stdin."""
    threads = str(args.threads)
    os.environ |= {"OMP_NUM_THREADS": threads, "NPROC": threads}
    parameters, step = (torch_step if args.side == "torch" else keras_step)(args)
    for _ in range(3):  # compiles, fills caches
        loss = step()
    assert loss == loss and loss < 1e4, loss
    print(json.dumps({"parameters": parameters}), flush=True)
    for _ in sys.stdin:
        begin = time.perf_counter()
        for _ in range(args.steps):
            step()
        print(json.dumps({"seconds": (time.perf_counter() - begin) / args.steps}), flush=True)
    return 0


def batch(args):
    """Noise of different lengths, and letters."""
    import numpy as np

    rng = np.random.default_rng(0)
    width = int(args.seconds * 16000)
    lengths = rng.integers(int(0.8 * width), width + 1, size=args.batch).astype("int32")
    lengths[0] = width
    waveform = (0.1 * rng.standard_normal((args.batch, width))).astype("float32")
    waveform *= np.arange(width)[None, :] < lengths[:, None]
    return waveform, lengths, rng.integers(1, 29, size=(args.batch, N_LABELS)).astype("int32")


def keras_step(args):
    if args.side == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(args.threads)
        tf.config.threading.set_inter_op_parallelism_threads(args.threads)
    import zoo

    model = zoo.load("lstm_ctc", weights=None)
    waveform, lengths, labels = batch(args)
    inputs = {"waveform": waveform, "lengths": lengths}
    return model.count_params(), lambda: float(model.train_on_batch(inputs, labels))


def torch_step(args):
    """The same network, sizes and order as in zoo/models/lstm_ctc.py."""
    import torch
    from torch import nn

    from zoo.layers import Normalise, SpecAugment, mel_filters
    from zoo.registry import architecture

    torch.set_num_threads(args.threads)
    torch.set_default_device("cuda" if torch.cuda.is_available() else "cpu")
    config, masks = architecture("lstm_ctc").config, SpecAugment().get_config()

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            filters = mel_filters(config.sample_rate, config.n_fft, config.n_mels)
            self.register_buffer("filters", torch.tensor(filters))
            self.register_buffer("window", torch.hann_window(config.win_length))
            self.conv = nn.Conv1d(
                config.n_mels, config.units, config.kernel_size, config.stride, config.kernel_size // 2
            )
            self.lstm = nn.LSTM(
                config.units, config.units, config.layers, batch_first=True, bidirectional=True, dropout=config.dropout
            )
            self.dropout = nn.Dropout(config.dropout)
            self.dense = nn.Linear(2 * config.units, len(config.vocabulary) + 1)

        def features(self, waveform, lengths):
            spectrum = torch.stft(
                waveform, config.n_fft, config.hop_length, config.win_length, self.window, pad_mode="constant", return_complex=True
            )  # fmt: skip
            mel = spectrum.abs().square().transpose(1, 2) @ self.filters  # (batch, frames, n_mels)
            decibel = 10 * torch.log10(mel.clamp_min(1e-10))
            valid = (torch.arange(mel.shape[1])[None, :] < lengths[:, None])[:, :, None]
            loudest = decibel.masked_fill(~valid, -100.0).amax(dim=(1, 2), keepdim=True)
            decibel = torch.maximum(decibel, loudest - 80)
            level = decibel.masked_fill(~valid, -1e9).amax(dim=2, keepdim=True)
            counted = valid & (level > level.amax(dim=1, keepdim=True) - Normalise().silence_db)
            count = counted.sum(dim=1, keepdim=True)
            centred = (decibel - (decibel * counted).sum(dim=1, keepdim=True) / count) * valid
            variance = (centred.square() * counted).sum(dim=1, keepdim=True) / count
            return centred / (variance + Normalise.EPSILON**2).sqrt()

        def augment(self, frames, lengths):
            n, bins = len(frames), frames.shape[2]
            position = torch.arange(bins) * (1 + masks["warp"] * (2 * torch.rand(n, 1) - 1))
            position = position.clamp(0, bins - 1.001)[:, None, :]
            index = position.long().expand(-1, frames.shape[1], -1)
            part = position - position.floor()
            frames = frames.gather(2, index) * (1 - part) + frames.gather(2, index + 1) * part
            for _ in range(masks["freq_masks"]):
                frames = frames * hole(bins, float(bins), float(masks["freq_width"]), n)[:, None, :]
            widest = (lengths * masks["max_time_share"]).clamp(max=masks["time_width"])[:, None]
            for _ in range(masks["time_masks"]):
                frames = frames * hole(frames.shape[1], lengths[:, None].float(), widest, n)[:, :, None]
            return frames

        def forward(self, waveform, lengths):
            lengths = 1 + lengths // config.hop_length
            with torch.no_grad():
                frames = self.augment(self.features(waveform, lengths), lengths)
            x = torch.relu(self.conv(frames.transpose(1, 2))).transpose(1, 2)  # (batch, frames / stride, units)
            x, _ = self.lstm(self.dropout(x))
            return self.dense(self.dropout(x)), (lengths + config.stride - 1) // config.stride

    def hole(size, length, widest, n):
        width = torch.rand(n, 1) * widest
        begin = torch.rand(n, 1) * (length - width)
        position = torch.arange(size)[None, :]
        return ((position < begin) | (position >= begin + width)).float()

    network = Network()
    optimizer = torch.optim.AdamW(network.parameters(), 3e-4, weight_decay=1e-4)
    ctc = nn.CTCLoss(blank=0, reduction="none")
    waveform, lengths, labels = (torch.tensor(array) for array in batch(args))
    label_lengths = torch.full((args.batch,), N_LABELS)

    def step() -> float:
        optimizer.zero_grad()
        logits, frames = network(waveform, lengths)
        losses = ctc(logits.log_softmax(-1).transpose(0, 1), labels, frames, label_lengths)
        losses.mean().backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        return losses.mean().item()

    return sum(p.numel() for p in network.parameters()), step


if __name__ == "__main__":
    sys.exit(main())
