"""Words from 1, 5 or 10 examples of each: `python -m experiments.few_shot [--fast] [--json FILE]`."""

import itertools
from collections.abc import Callable
from functools import cache, partial

import numpy as np
from sklearn.neighbors import NearestCentroid

import zoo
from experiments._common import main, mean_of_speakers
from zoo import baselines, datasets
from zoo.datasets.fsdd import SPEAKERS
from zoo.tasks.few_shot import vectors

SHOTS = (1, 5, 10)
VOICES = ("five other voices", "one other voice", "the same voice")
MODELS = ("word_embedding", "conv_autoencoder", "autoencoder", "denoising_autoencoder")


def few_shot(fast: bool = False, log: Callable = print, seed: int = 0) -> list[dict]:
    """Accuracy on FSDD's ten digits from few examples of each, by nearest prototype, against MFCC and dynamic time warping.

    No model here was trained on FSDD's voices, and `word_embedding` on no number either. In an episode each digit has its
    examples, and 20 other clips of it are asked about. The examples are by five other voices, by one other voice, or by the
    same voice as the question. The interval is over the six speakers of the questions.
    """
    # An id is digit_speaker_take; the fast form has every seventh take.
    utterances = [u for u in datasets.load("fsdd", "train") if not fast or int(u.id.split("_")[2]) % 7 == 0]
    models, all_shots = (MODELS[:2], SHOTS[:2]) if fast else (MODELS, SHOTS)
    clips = [u.audio(baselines.RATE) for u in utterances]
    words, speakers = np.array([u.text for u in utterances]), np.array([u.speaker for u in utterances])
    embedded = {name: vectors(zoo.load(name), clips, baselines.RATE) for name in models}
    distance = dtw_distances(clips)
    log(f"embedded {len(clips)} clips by {len(models)} models")
    episodes, dtw_episodes, asked_each = (1, 1, 1) if fast else (5, 2, 20)  # DTW takes as long as all others together
    rows = []
    for voices, shots in itertools.product(VOICES, all_shots):
        scores = {name: np.zeros(len(SPEAKERS)) for name in (*models, "mfcc+dtw")}
        for i, speaker in enumerate(SPEAKERS):
            for episode in range(episodes):
                rng = np.random.default_rng((seed, i, episode, shots))
                shown, asked = draw(words, speakers, speaker, voices, shots, asked_each, rng)
                for name, values in embedded.items():
                    prototypes = NearestCentroid().fit(values[shown], words[shown])
                    scores[name][i] += np.mean(prototypes.predict(values[asked]) == words[asked]) / episodes
                if episode < dtw_episodes:
                    nearest = [min(shown, key=partial(distance, clip)) for clip in asked]
                    scores["mfcc+dtw"][i] += np.mean(words[nearest] == words[asked]) / dtw_episodes
        for name, shares in scores.items():
            found = {key: min(100.0, max(0.0, value)) for key, value in mean_of_speakers(100 * shares).items()}
            rows.append(
                {"model": name, "voices": voices, "shots": shots, **found, "clips": 10 * asked_each * len(SPEAKERS)}
            )
        log(f"{voices}, {shots} shots: " + ", ".join(f"{r['model']} {r['value']:.1f}" for r in rows[-len(scores) :]))
    return rows


def draw(words, speakers, speaker: str, voices: str, shots: int, asked_each: int, rng) -> tuple[list, list]:
    """Indices of the clips that are shown and of those that are asked about."""
    shown, asked, other = [], [], rng.choice([name for name in SPEAKERS if name != speaker])
    allowed = {"five other voices": speakers != speaker, "one other voice": speakers == other}
    for word in np.unique(words):
        own = rng.permutation(np.flatnonzero((words == word) & (speakers == speaker)))
        asked += list(own[:asked_each])
        known = own[asked_each:] if voices == "the same voice" else np.flatnonzero((words == word) & allowed[voices])
        shown += list(rng.permutation(known)[:shots])
    return shown, asked


def dtw_distances(clips: list[np.ndarray]) -> Callable[[int, int], float]:
    """A function of two clips' indices: their distance by MFCC and dynamic time warping."""
    frames = [baselines.features(clip) for clip in clips]
    spread = np.concatenate(frames).std(axis=0) + 1e-6
    directions = [f / spread for f in frames]
    directions = [f / (np.linalg.norm(f, axis=1, keepdims=True) + 1e-6) for f in directions]
    return cache(lambda i, j: baselines.dtw_distance(directions[i], directions[j]))


if __name__ == "__main__":
    main(few_shot)
