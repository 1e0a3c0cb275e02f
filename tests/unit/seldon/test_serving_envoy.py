"""Envoy's configuration against golden files. `UPDATE_GOLDEN=1` writes them anew; then read the diff."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from howdah.seldon.envoy.bootstrap import bootstrap
from howdah.seldon.envoy.clusters import clusters
from howdah.seldon.envoy.routes import route_configuration
from howdah.seldon.ingress import Backend, Endpoint, Ingress, Limits, Mirror, Retries, Route, Target
from howdah.seldon.proxy import envoy_binary

GOLDEN = Path(__file__).parent / "golden"
MAIN = Backend("models/iris/main", (Endpoint(9000, 9500),))
CANARY = Backend("models/iris/canary", (Endpoint(9001, 9501), Endpoint(9002, 9502)))
EMPTY = Backend("models/iris/canary", ())
EXPLAINER = Backend("models/iris/main/explainer", (Endpoint(9003, 9503),))


def iris(*targets: Target, **more: object) -> Route:
    return Route("models", "iris", targets, **more)  # type: ignore[arg-type]


SCENARIOS = {
    "nothing": Ingress((), ()),
    "one": Ingress((iris(Target(MAIN.name, 100)),), (MAIN,)),
    "weights": Ingress((iris(Target(MAIN.name, 75), Target(CANARY.name, 25)),), (MAIN, CANARY)),
    "canary-not-ready": Ingress((iris(Target(MAIN.name, 75), Target(CANARY.name, 25)),), (MAIN, EMPTY)),
    "shadow": Ingress((iris(Target(MAIN.name, 100), mirror=Mirror(CANARY.name, 20)),), (MAIN, CANARY)),
    "header": Ingress(
        (iris(Target(MAIN.name, 100), Target(CANARY.name, 0, ("location", "london"))),), (MAIN, CANARY)
    ),
    "explainer": Ingress(
        (iris(Target(MAIN.name, 100), explainers=(("main", EXPLAINER.name),)),), (MAIN, EXPLAINER)
    ),
    "limits": Ingress(
        (iris(Target(MAIN.name, 100), rest_timeout_s=1.5, grpc_timeout_s=2.0, requests_per_second=50),),
        (MAIN,),
    ),
    "retries-and-breakers": Ingress(
        (iris(Target(MAIN.name, 100), retries=Retries(5, 2)),),
        (Backend(MAIN.name, MAIN.endpoints, Limits(100, 10, 50, 5)),),
    ),
    "two-deployments": Ingress(
        (iris(Target(MAIN.name, 100)), Route("models", "iris-b", (Target(CANARY.name, 100),))), (MAIN, CANARY)
    ),
}


def configuration(ingress: Ingress) -> dict:
    return {"clusters": clusters(ingress.backends), "routes": route_configuration(ingress)}


@pytest.mark.parametrize("name", SCENARIOS)
def test_configuration_is_as_golden(name: str):
    text = json.dumps(configuration(SCENARIOS[name]), indent=1, sort_keys=True) + "\n"
    path = GOLDEN / f"{name}.json"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


def test_the_bootstrap_is_as_golden():
    text = json.dumps(bootstrap(Path("/state/envoy"), Path("/state/admin.sock"), 8003), indent=1) + "\n"
    path = GOLDEN / "bootstrap.json"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_envoy_itself_accepts_it(name: str, tmp_path: Path):
    whole = bootstrap(tmp_path, tmp_path / "admin.sock", 18003)
    made = configuration(SCENARIOS[name])
    del whole["dynamic_resources"]
    resources = whole["static_resources"]
    assert isinstance(resources, dict)
    for entry in [*made["clusters"], made["routes"]]:
        del entry["@type"]
    resources["clusters"] = made["clusters"]
    manager = resources["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    del manager["rds"]
    manager["route_config"] = made["routes"]
    path = tmp_path / "envoy.json"
    path.write_text(json.dumps(whole))
    words = [str(envoy_binary()), "--mode", "validate", "-c", str(path), "--log-level", "error"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
