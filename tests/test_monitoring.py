"""What comes in: measured, compared with what is usual, and the command that reports it."""

import json

import numpy as np
import pytest
from cli_runner import refusal, run, run_json
from conftest import refused

import zoo
from zoo import monitoring
from zoo.errors import DataError, MissingFileError, ZooError
from zoo.monitoring import measure

RATE = 16000


def speech(seconds: float = 2.0, seed: int = 0) -> np.ndarray:
    """Bursts of tones of random pitch over a little hiss."""
    rng, n = np.random.default_rng(seed), round(seconds * RATE)
    times = np.arange(n) / RATE
    tones = sum(np.sin(2 * np.pi * f * times) for f in rng.uniform(200, 3000, 5)) / 10
    return (tones * (times % 0.7 > 0.3) + 1e-3 * rng.standard_normal(n)).astype("float32")


def test_a_gain_moves_the_level_alone():
    loud, quiet = measure(speech(), RATE), measure(0.1 * speech(), RATE)
    assert loud["level"] - quiet["level"] == pytest.approx(20, abs=0.01)
    for name in ("snr", "seconds", "bandwidth", "clipped"):
        assert loud[name] == pytest.approx(quiet[name], rel=1e-3), name


def test_noise_lowers_the_snr_and_clipping_shows():
    rng, clean = np.random.default_rng(0), speech()
    found = [measure(clean + level * rng.standard_normal(len(clean)), RATE)["snr"] for level in (0, 0.01, 0.1)]
    assert found[0] > found[1] + 5 > found[2] + 10
    assert measure(np.clip(5 * clean, -0.5, 0.5), RATE)["clipped"] > 0.05 > 100 * measure(clean, RATE)["clipped"]


def test_the_bandwidth_is_that_of_the_sound_at_any_rate():
    for rate in (8000, 16000, 44100):
        tone = np.sin(2 * np.pi * 1500 * np.arange(rate) / rate)
        assert measure(tone, rate)["bandwidth"] == pytest.approx(1500, abs=50)


@pytest.mark.parametrize("clip", [np.zeros(0), np.zeros(1), np.zeros(RATE), np.ones(3), 1e-30 * np.ones(RATE)])
def test_whatever_comes_in_is_measured(clip):
    found = measure(clip, RATE)
    assert set(found) == {"level", "snr", "seconds", "bandwidth", "clipped"} and np.isfinite([*found.values()]).all()


def test_an_hour_takes_no_hour():
    assert measure(np.resize(speech(), 600 * RATE), RATE)["seconds"] == 600


# --- drift


def rows(count: int, snr: float, seed: int = 0, **more) -> list[dict]:
    """Requests by users of whom each has a room."""
    rng = np.random.default_rng(seed)
    rooms = rng.normal(snr, 4, 1 + count // 10)
    about = {"model": "lstm_ctc", "status": 200, "level": -25.0, "doubtful": False, "empty": False} | more
    return [about | {"snr": float(rooms[i // 10] + rng.normal(0, 2)), "group": i // 10} for i in range(count)]


@pytest.fixture(scope="module")
def usual() -> monitoring.Reference:
    clips = rows(1000, 32)
    return monitoring.reference(clips, [row["group"] for row in clips], "a test")


def alarms(found, usual, **options) -> set[str]:
    return {one.feature for one in monitoring.drift(found, usual, **options) if one.alarm}


@pytest.mark.parametrize("seed", range(1, 6))
def test_new_users_of_the_same_kind_raise_no_alarm_and_noisy_ones_do(usual, seed):
    assert alarms(rows(200, 32, seed), usual) == set()
    assert alarms(rows(200, 12, seed), usual) == {"snr"}


def test_doubt_and_empty_answers_raise_one(usual):
    good, bad = rows(150, 32, 1), rows(50, 32, 1, doubtful=True)
    assert alarms(good + bad, usual) == {"doubtful"}
    assert alarms(good + rows(50, 32, 1, empty=True), usual) == {"empty"}
    assert alarms(bad + good, usual, window=100) == set()  # it is over


def test_few_requests_raise_none(usual):
    assert alarms(rows(monitoring.FEWEST - 1, 0), usual) == set()


def test_what_a_row_lacks_is_left_out(usual):
    found = monitoring.drift([{"snr": None, "level": -25.0}] * 60, usual)
    assert [one.feature for one in found] == ["level"]
    with refused("window", ZooError):
        monitoring.drift([], usual, window=0)


def test_windows_hold_each_request_once():
    for count in (1, 199, 200, 201, 1000):
        parts = [*monitoring.windows(range(count))]
        assert [i for part in parts for i in part] == [*range(count)] and len(parts[-1]) == min(
            count, monitoring.WINDOW
        )


def test_a_reference_is_kept(usual, tmp_path):
    usual.save(tmp_path / "usual.json")
    again = monitoring.Reference.read(tmp_path / "usual.json")
    assert alarms(rows(200, 12), again) == {"snr"} and again.data == usual.data
    for text in ("{}", "[1]", '{"features": 3}', "not JSON"):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(DataError):
            monitoring.Reference.read(tmp_path / "bad.json")


@pytest.mark.parametrize("name", [name for name in zoo.list_models() if zoo.card(name).reference])
def test_the_cards_references_fit(name):
    found = monitoring.find_reference(name)
    for feature, about in found.features.items():
        assert len(about.counts) == len(monitoring.BINS[feature]) + 1 and sum(about.counts) == found.clips
        assert about.low <= about.median <= about.high and about.limit >= monitoring.LEAST_LIMIT


def test_a_card_without_a_reference():
    with refused("reference", ZooError):
        monitoring.find_reference("vad")


# --- the log and the command


@pytest.fixture
def log(tmp_path):
    """A log in which the last 200 requests are noisy; among them a refused one, another model's, and a line that was cut off."""
    lines = [*rows(400, 36), *rows(200, 10, 1), {"model": "lstm_ctc", "status": 413, "level": None}, {"model": "gru"}]
    path = tmp_path / "requests.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)) + '\n{"model": "lstm_')
    return path


def test_the_log_is_read(log, tmp_path):
    assert len(monitoring.read_log(log)) == 600
    (tmp_path / "other.jsonl").write_text("hello\n[1]\n3\n")
    for path, model in ((tmp_path / "other.jsonl", ""), (log, "ds_cnn")):
        with refused("log", DataError):
            monitoring.read_log(path, model)


def test_monitor_reports_and_fails_only_if_asked(log, tmp_path):
    result = run("monitor", log, "--plot", tmp_path / "report.png")
    assert "ALARM" in result.stdout and "snr" in result.stdout and (tmp_path / "report.png").stat().st_size > 10_000
    run("monitor", log, "--fail", code=3)
    found = run_json("monitor", log)
    assert "snr" in found["alarms"] and found["requests"] == 600 and found["window"] == 200


def test_monitor_compares_with_better_days(log, tmp_path):
    lines = log.read_text().splitlines()
    (tmp_path / "june.jsonl").write_text("\n".join(lines[:400]))
    run("monitor", tmp_path / "june.jsonl", "--keep", tmp_path / "june.json")
    for reference in ("june.jsonl", "june.json"):
        assert run_json("monitor", log, "--reference", tmp_path / reference)["alarms"] == ["snr"]
        assert not run_json("monitor", tmp_path / "june.jsonl", "--reference", tmp_path / reference)["alarms"]
    (tmp_path / "few.jsonl").write_text("\n".join(lines[-30:]))
    assert "too few" in run("monitor", tmp_path / "few.jsonl").stdout


def test_monitor_refuses_what_is_no_log(tmp_path):
    (tmp_path / "log").write_text("")
    for path, kind in ((tmp_path / "log", DataError), (tmp_path / "none", MissingFileError)):
        assert refusal("monitor", path).argument == "log", kind


def test_the_command_s_window_is_the_module_s():
    from zoo.cli import monitor

    assert monitor.WINDOW == monitoring.WINDOW


def test_a_reference_of_a_log_needs_two_whole_windows_and_no_part_of_one():
    usual = monitoring.reference_of_log(rows(401, 36), "a log")
    assert usual.features["snr"].limit < 0.7  # the one request of the third window belongs to the second
    with refused("reference", DataError):
        monitoring.reference_of_log(rows(399, 36), "a log")


def test_few_requests_of_what_is_usual_raise_no_alarm():
    rng = np.random.default_rng(0)
    clips = [{"level": float(level)} for level in rng.normal(-25, 8, 1000)]
    usual = monitoring.reference(clips, [i // 100 for i in range(1000)], "a test")
    drawn = [[{"level": float(level)} for level in rng.normal(-25, 8, 50)] for _ in range(100)]
    assert sum(monitoring.drift(few, usual)[0].alarm for few in drawn) < 3
    assert monitoring.drift([{"level": -45.0}] * 50, usual)[0].alarm
