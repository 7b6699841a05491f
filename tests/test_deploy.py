"""The files in deploy/: they parse, fit together, and ask for figures that the server has."""

import importlib.util
import json
import re
from pathlib import Path

import pytest
import yaml

DEPLOY = Path(__file__).parent.parent / "deploy"


def read(name: str):
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))


def queries() -> list[str]:
    panels = json.loads((DEPLOY / "grafana/dashboards/zoo.json").read_text(encoding="utf-8"))["panels"]
    rules = [rule for group in read("alarms.yaml")["groups"] for rule in group["rules"]]
    return [target["expr"] for panel in panels for target in panel["targets"]] + [rule["expr"] for rule in rules]


def test_compose_mounts_files_that_exist():
    services = read("compose.yaml")["services"]
    mounts = [place.split(":")[0] for about in services.values() for place in about["volumes"]]
    assert all((DEPLOY / path).exists() for path in mounts if path.startswith("."))
    assert all(re.search(r":v?\d+\.\d+", about["image"]) for about in services.values())  # a version, not the latest
    assert all(port.startswith("127.0.0.1:") for about in services.values() for port in about["ports"])


def test_prometheus_reads_the_rules():
    config = read("prometheus.yaml")
    assert all((DEPLOY / name).exists() for name in config["rule_files"])
    assert [job["metrics_path"] for job in config["scrape_configs"]] == ["/metrics"]
    for group in read("alarms.yaml")["groups"]:
        assert all({"alert", "expr", "annotations"} <= set(rule) for rule in group["rules"])


def test_the_dashboard_is_the_one_that_the_script_writes(monkeypatch):
    spec = importlib.util.spec_from_file_location("write_dashboard", DEPLOY.parent / "scripts" / "write_dashboard.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = json.loads((DEPLOY / "grafana/dashboards/zoo.json").read_text(encoding="utf-8"))
    assert written == module.dashboard()
    assert len({panel["id"] for panel in written["panels"]}) == len(written["panels"])
    source = read("grafana/provisioning/datasources/prometheus.yaml")["datasources"][0]
    assert all(panel["datasource"]["uid"] == source["uid"] for panel in written["panels"])


def test_queries_are_balanced():
    for query in queries():
        assert all(query.count(a) == query.count(b) for a, b in ("()", "{}", "[]")), query


def test_queries_ask_for_what_the_server_has():
    watch = pytest.importorskip("zoo.serve.watch")
    pytest.importorskip("prometheus_client")
    found = watch.Watch()
    found.record(watch.Record(model="m", seconds=1.0, milliseconds=1.0, batch=1, level=-20.0, snr=30.0, confidence=0.9))
    names = set(re.findall(r"^(zoo_\w+)", found.metrics().decode(), re.M))
    asked = {name for query in queries() for name in re.findall(r"zoo_\w+", query)}
    assert asked <= names, asked - names
