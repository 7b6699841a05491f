"""How soon a streaming model writes a word, how much of a core that takes, and whether memory stays flat.

    python benchmarks/streaming.py [--data an4:test] [--chunk 0.1] [--minutes 10] [--json OUT]

Every recording of the data is fed in chunks, on one core. A word's delay is from its end (the last frame of its last letter)
to the end of the chunk after which it was first shown whole, and after which it was final (the space after it heard, or the
end); the time that the chunk took is added. Memory is that of the process after the first minute and after the last one of
ten minutes of recordings in one stream.
"""

import argparse
import json
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
BARS = {"real-time factor": 0.3, "memory growth, MB": 5.0}


def memory_mb() -> float:
    """What this process holds now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


class Timed:
    """Chunks, when the last one was given out, and how long all before it kept whoever asked for the next."""

    def __init__(self, chunks):
        self.chunks, self.given, self.spent = chunks, None, 0.0

    def __iter__(self):
        for chunk in self.chunks:
            if self.given is not None:
                self.spent += time.perf_counter() - self.given
            self.given = time.perf_counter()
            yield chunk


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="lstm_ctc_stream")
    parser.add_argument("--weights", default="bundled")
    parser.add_argument("--data", default="an4:test")
    parser.add_argument("--chunk", type=float, default=0.1, help="seconds")
    parser.add_argument("--minutes", type=float, default=10.0, help="of the one long stream")
    parser.add_argument("--json", help="file for the figures")
    args = parser.parse_args()
    if args.minutes < 2:
        parser.error("memory is compared after the first and the last of at least two --minutes")
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # before NumPy is imported
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

    import numpy as np

    import zoo
    from zoo.datasets.spec import DataSpec
    from zoo.tasks.streaming import Stream, StreamingGreedyDecoder

    model = zoo.load(args.model, weights=args.weights)
    rate = model.config.sample_rate
    clips = [utterance.audio(rate) for utterance in DataSpec.parse(args.data, "test").load()]
    size = round(args.chunk * rate)
    shown, final, spent = [], [], 0.0
    for clip in clips:
        seen: dict[int, float] = {}  # number of a word -> when it was first shown whole, with the time the chunk took
        partials: list[tuple[float, int, str]] = []
        words, chunks = [], Timed(clip[i : i + size] for i in range(0, len(clip), size))
        for heard in model.stream(chunks, rate):
            took = time.perf_counter() - chunks.given
            partials.append((heard.seconds + took, len(words) + len(heard.new), heard.partial))
            for word in heard.new:
                number = len(words)
                when = [at for at, n, partial in partials if n == number and partial == word.text]
                seen[number] = min([*when, heard.seconds + took])
                if not heard.last:  # the end of a recording is no delay of the model
                    final.append(heard.seconds + took - word.end)
                    shown.append(seen[number] - word.end)
                words.append(word)
        spent += chunks.spent + time.perf_counter() - chunks.given
    seconds = sum(map(len, clips)) / rate

    stream, listener = Stream(model), StreamingGreedyDecoder(model.vocabulary, model.config.frame_seconds)
    long, held, start = np.concatenate(clips), [], time.perf_counter()
    for i in range(round(args.minutes * 60 / args.chunk)):
        place = i * size % (len(long) - size)
        listener.hear(stream.advance(long[place : place + size]))
        if (i + 1) * args.chunk >= 60 * (len(held) + 1):
            held.append(memory_mb())
    factor = (time.perf_counter() - start) / (args.minutes * 60)

    found = {
        "data": args.data, "chunk, s": args.chunk, "look-ahead of the network, s": model.config.latency_seconds,
        "words": len(final),
        "word shown, median s": float(np.median(shown)), "word shown, 95 % s": float(np.quantile(shown, 0.95)),
        "word final, median s": float(np.median(final)), "word final, 95 % s": float(np.quantile(final, 0.95)),
        "real-time factor": spent / seconds, f"real-time factor, {args.minutes:g} minutes": factor,
        "memory after a minute, MB": held[0], "memory growth, MB": held[-1] - held[0],
    }  # fmt: skip
    for name, value in found.items():
        print(f"{name:<36}{value if isinstance(value, str | int) else f'{value:.3f}':>12}")
    missed = [name for name, most in BARS.items() if found[name] > most]
    print(f"{'MISSES ' + ', '.join(missed) if missed else 'Reaches'} the bars: {BARS}.")
    if args.json:
        with open(args.json, "w") as file:
            json.dump(found, file, indent=2)
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
