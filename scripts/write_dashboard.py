"""Writes the Grafana dashboard of `zoo serve`: `python scripts/write_dashboard.py`."""

import json
from pathlib import Path

PATH = Path(__file__).parents[1] / "deploy" / "grafana" / "dashboards" / "zoo.json"
QUANTILE = "histogram_quantile({q}, sum by (le) (rate(zoo_{name}_bucket[5m])))"
SHARE = "sum by (model) (rate(zoo_{name}_answers_total[15m])) / sum by (model) (rate(zoo_answers_total[15m]))"


def quantiles(name: str, *shares: float) -> list[tuple[str, str]]:
    """Queries of quantiles of a histogram, each with its legend."""
    return [(QUANTILE.format(q=share, name=name), f"{100 * share:g} %") for share in shares]


PANELS = (  # title, unit of Grafana, (query, legend) of each line
    ("Requests a second", "reqps", [("sum by (status) (rate(zoo_requests_total[5m]))", "{{status}}")]),
    ("Seconds of sound a second", "short", [("sum by (model) (rate(zoo_audio_seconds_total[5m]))", "{{model}}")]),
    ("Seconds from request to answer", "s", quantiles("latency_seconds", 0.5, 0.95, 0.99)),
    (
        "Waiting",
        "short",
        [("zoo_queue_clips", "clips"), ("zoo_requests_in_progress", "requests"), ("zoo_streams", "streams")],
    ),
    ("Clips answered together", "short", quantiles("batch_clips", 0.5, 0.95)),
    ("Length of what comes in", "s", quantiles("clip_seconds", 0.05, 0.5, 0.95)),
    ("Speech level", "dB", quantiles("speech_level_dbfs", 0.05, 0.5, 0.95)),
    ("Signal-to-noise ratio", "dB", quantiles("snr_db", 0.05, 0.5, 0.95)),
    ("Confidence", "percentunit", quantiles("confidence", 0.05, 0.5)),
    ("Doubtful answers", "percentunit", [(SHARE.format(name="doubtful"), "{{model}}")]),
    ("Empty answers", "percentunit", [(SHARE.format(name="empty"), "{{model}}")]),
)


def panel(number: int, title: str, unit: str, queries: list[tuple[str, str]]) -> dict:
    source = {"type": "prometheus", "uid": "prometheus"}
    targets = [
        {"refId": chr(65 + i), "expr": query, "legendFormat": legend, "datasource": source}
        for i, (query, legend) in enumerate(queries)
    ]
    place = {"h": 8, "w": 8, "x": 8 * (number % 3), "y": 8 * (number // 3)}
    fields = {"defaults": {"unit": unit, "min": None if unit == "dB" else 0}, "overrides": []}
    about = {"id": number + 1, "title": title, "type": "timeseries", "datasource": source}
    return about | {"gridPos": place, "fieldConfig": fields, "targets": targets}


def dashboard() -> dict:
    """The dashboard, as Grafana imports it."""
    return {
        "uid": "zoo-serve", "title": "zoo serve", "schemaVersion": 41, "version": 1, "editable": True, "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"}, "tags": ["speech"], "templating": {"list": []}, "annotations": {"list": []},
        "panels": [panel(i, *about) for i, about in enumerate(PANELS)],
    }  # fmt: skip


if __name__ == "__main__":
    PATH.write_text(json.dumps(dashboard(), indent=1) + "\n", encoding="utf-8")
