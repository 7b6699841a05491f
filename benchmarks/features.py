"""Log-mel frames: the zoo's compiled layer against librosa and kaldi-native-fbank, same settings, one run.

    python benchmarks/features.py [--backend tensorflow|jax] [--threads 2] [--rounds 9] [--json out.json]

Three jobs: (a) 3,000 short clips, one by one and in batches; (b) ten-second clips in batches. Every contestant does
each job once in each round, in turn, so that whatever else the machine does falls on all; the medians over rounds are
compared. What is timed starts with float32 arrays in memory and ends with float32 arrays in memory: compiling and
reading are done before, sorting into batches and padding are part of it.

Settings: 16 kHz, 25 ms Hann windows every 10 ms, 512 points, 80 bands. librosa and kaldi-native-fbank take a clip at a
time, as their users call them (librosa: melspectrogram and power_to_db; kaldi-native-fbank: its own 80 log bands, with
pre-emphasis off). The layer is compiled, by XLA (TensorFlow) or jax.jit (JAX): the bars are for these. As a TensorFlow
graph, operation after operation, it stands beside them.
NumPy's own threads are switched off: librosa is up to six times as fast without them on two busy cores.
"""

import argparse
import json
import os
import statistics
import sys
import time

# About 20 to 40 s of audio in a batch: its frames still fit a processor's cache.
SECONDS_LONG, N_LONG, BATCH_LONG = 10, 32, 4
N_SHORT, BATCH_SHORT = 3000, 48
RATE, N_FFT, HOP, WINDOW, BANDS = 16000, 512, 160, 400, 80


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", choices=["tensorflow", "jax"], default="tensorflow")
    parser.add_argument("--threads", type=int, default=0, help="of TensorFlow (default: its own choice, all cores)")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--short", type=int, default=N_SHORT, help="number of short clips")
    parser.add_argument("--json", help="file for the figures")
    args = parser.parse_args()
    # Keras reads its backend when it is imported, so nothing that imports it may be imported before.
    os.environ["KERAS_BACKEND"] = args.backend
    os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if args.backend == "tensorflow" and args.threads:
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(args.threads)

    short, where = short_clips(args.short)
    long = noise([SECONDS_LONG * RATE] * N_LONG)
    compilers = ["graph", "XLA"] if args.backend == "tensorflow" else ["jax.jit"]
    zoos = {f"zoo ({compiler})": Zoo(compiler) for compiler in compilers}
    contestants = zoos | {"librosa": Librosa()}
    try:
        contestants["kaldi-native-fbank"] = Kaldi()
    except ImportError:
        print("kaldi-native-fbank is not installed (pip install kaldi-native-fbank): left out.")
    for zoo in zoos.values():
        agree(zoo, contestants["librosa"], short[:20] + long[:2])

    jobs = {
        f"(a) {len(short)} {where}, one by one": lambda who: who.one_by_one(short),
        f"(a) {len(short)} {where}, in batches": lambda who: who.batches(short, BATCH_SHORT),
        f"(b) {len(long)} clips of {SECONDS_LONG} s, in batches": lambda who: who.batches(long, BATCH_LONG),
    }
    results = []
    for job, run in jobs.items():
        clips = long if job.startswith("(b)") else short
        seconds = {name: [] for name in contestants}
        for who in contestants.values():
            run(who)  # compiles, fills caches
        for _ in range(args.rounds):
            for name, who in contestants.items():
                start = time.perf_counter()
                run(who)
                seconds[name].append(time.perf_counter() - start)
        medians = {name: statistics.median(times) for name, times in seconds.items()}
        results.append({"job": job, "clips": len(clips), "seconds": medians})
        report(results[-1])
    if args.json:
        with open(args.json, "w") as file:
            json.dump({"backend": args.backend, "rounds": args.rounds, "results": results}, file, indent=2)
    print()
    missed = 0
    for result, bar in ((results[1], 10.0), (results[2], 2.5)):
        for name in zoos.keys() - {"zoo (graph)"}:
            ratio = result["seconds"]["librosa"] / result["seconds"][name]
            print(
                f"{result['job']}: {name} is {ratio:.1f} x librosa, {'reaches' if ratio >= bar else 'MISSES'} {bar:g} x"
            )
            missed += ratio < bar
    return 1 if missed else 0


def report(result: dict) -> None:
    print(f"\n{result['job']}\n  {'':<24}{'clips/s':>10}{'ms/clip':>10}{'librosa / it':>14}")
    for name, seconds in result["seconds"].items():
        ratio = result["seconds"]["librosa"] / seconds
        print(
            f"  {name:<24}{result['clips'] / seconds:>10,.0f}{1000 * seconds / result['clips']:>10.3f}{ratio:>14.2f}",
            flush=True,
        )


def noise(lengths):
    import numpy as np

    rng = np.random.default_rng(0)
    return [(0.1 * rng.standard_normal(n)).astype("float32") for n in lengths]


def short_clips(count: int):
    """Spoken digits where FSDD is at hand, else noise of their lengths."""
    import numpy as np

    from zoo import datasets
    from zoo.errors import ZooError

    if os.environ.get("ZOO_DATA"):
        try:
            utterances = [u for split in ("train", "test") for u in datasets.load("fsdd", split=split)]
            return [u.audio(RATE) for u in utterances[:count]], "spoken digits"
        except ZooError as error:
            print(f"FSDD could not be read, noise takes its place: {error}")
    lengths = np.random.default_rng(0).normal(0.44, 0.14, count).clip(0.15, 2.0) * RATE
    return noise(lengths.astype(int)), "noise clips"


class Zoo:
    """LogMel, compiled. Clips of a batch are of like length; widths are rounded up, so that few programs are made."""

    def __init__(self, compiler: str):
        from zoo.layers import LogMel

        layer = LogMel(RATE, N_FFT, HOP, WINDOW, BANDS)
        if compiler == "jax.jit":
            import jax

            self.layer = jax.jit(lambda waveform, lengths: layer(waveform, lengths)[0])
        else:
            import tensorflow as tf

            # A graph serves any shape; XLA makes a program for each, as JAX does.
            signature = [tf.TensorSpec((None, None), "float32"), tf.TensorSpec((None,), "int32")]
            how = {"jit_compile": True} if compiler == "XLA" else {"input_signature": signature}
            self.layer = tf.function(lambda waveform, lengths: layer(waveform, lengths)[0], **how)

    def features(self, clips, step: int):
        import numpy as np

        width = -(-max(len(clip) for clip in clips) // step) * step
        waveform = np.zeros((len(clips), width), "float32")
        for row, clip in zip(waveform, clips, strict=True):
            row[: len(clip)] = clip
        frames = np.asarray(self.layer(waveform, np.array([len(clip) for clip in clips], "int32")))
        return [row[: 1 + len(clip) // HOP] for row, clip in zip(frames, clips, strict=True)]

    def one_by_one(self, clips):
        return [self.features([clip], RATE // 10)[0] for clip in clips]

    def batches(self, clips, size: int):
        order = sorted(range(len(clips)), key=lambda i: len(clips[i]))
        results = [None] * len(clips)
        for group in (order[i : i + size] for i in range(0, len(order), size)):
            for i, frames in zip(group, self.features([clips[i] for i in group], RATE // 20), strict=True):
                results[i] = frames
        return results


class Librosa:
    def __init__(self):
        import librosa

        self.librosa = librosa

    def one_by_one(self, clips):
        return [self.features(clip) for clip in clips]

    def features(self, clip):
        mel = self.librosa.feature.melspectrogram(
            y=clip, sr=RATE, n_fft=N_FFT, hop_length=HOP, win_length=WINDOW, n_mels=BANDS, pad_mode="constant"
        )
        return self.librosa.power_to_db(mel).T

    def batches(self, clips, size: int):
        return self.one_by_one(clips)


class Kaldi:
    def __init__(self):
        import kaldi_native_fbank

        options = kaldi_native_fbank.FbankOptions()
        options.frame_opts.samp_freq = RATE
        options.frame_opts.dither = 0.0
        options.frame_opts.frame_length_ms, options.frame_opts.frame_shift_ms = 1000 * WINDOW / RATE, 1000 * HOP / RATE
        options.frame_opts.preemph_coeff, options.frame_opts.remove_dc_offset = 0.0, False
        options.frame_opts.window_type, options.frame_opts.snip_edges = "hanning", False
        options.mel_opts.num_bins, options.mel_opts.low_freq = BANDS, 0.0
        self.options, self.make = options, kaldi_native_fbank.OnlineFbank

    def one_by_one(self, clips):
        return [self.features(clip) for clip in clips]

    def features(self, clip):
        import numpy as np

        fbank = self.make(self.options)
        fbank.accept_waveform(RATE, clip)
        fbank.input_finished()
        return np.stack([fbank.get_frame(i) for i in range(fbank.num_frames_ready)])

    def batches(self, clips, size: int):
        return self.one_by_one(clips)


def agree(zoo: Zoo, librosa: Librosa, clips) -> None:
    """What is compared in speed must be equal in value."""
    import numpy as np

    for ours, theirs in zip(zoo.batches(clips, 4), librosa.one_by_one(clips), strict=True):
        assert ours.shape == theirs.shape and np.abs(ours - theirs).max() <= 1e-4 * np.abs(theirs).max()


if __name__ == "__main__":
    sys.exit(main())
