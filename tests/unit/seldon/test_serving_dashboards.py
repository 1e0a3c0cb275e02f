"""Every metric that a dashboard or an alert asks for is one that a server has."""

import json
import re
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest

from howdah.runtimes.front.metrics import Metrics
from howdah.runtimes.front.place import Place

FOLDER = Path(__file__).parents[3] / "seldon" / "monitoring"
NAME = re.compile(r"\b((?:seldon|howdah|process)_[a-z_]+)\b")
ELSEWHERE = {
    # prometheus_client's own, from every process.
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
    "process_open_fds",
}


def expressions() -> list[str]:
    found = []
    for path in FOLDER.glob("*.json"):
        for panel in json.loads(path.read_text())["panels"]:
            found += [target["expr"] for target in panel["targets"]]
    rules = yaml.safe_load((FOLDER / "alerts.yaml").read_text())
    return found + [rule["expr"] for group in rules["groups"] for rule in group["rules"]]


def served() -> str:
    registry = CollectorRegistry()
    metrics = Metrics(Place(1, 2, deployment="d", predictor="p"), registry=registry)
    metrics.answered("predictions", "post", "200", 0.1)
    metrics.called("/predict", 200, 0.1, "m", "i")
    text = generate_latest(registry).decode()
    sources = Path(__file__).parents[3] / "src" / "howdah" / "runtimes"
    named = [(sources / name).read_text() for name in ("front/app.py", "detecting.py")]
    return text + "".join(named)


@pytest.mark.parametrize("expression", expressions())
def test_what_is_asked_for_is_there(expression: str):
    known = served()
    for name in set(NAME.findall(expression)) - ELSEWHERE:
        family = name.removesuffix("_total") if "counter" in name else name
        stem = re.sub(r"seldon_metric_(drift|outlier)_(?!counter).*", r"seldon_metric_\1_", family)
        assert stem in known, f"{name} is served by nobody"
        for label in re.findall(r'(\w+)=~?"', expression):
            assert label in ("deployment_name", "service", "code"), label
