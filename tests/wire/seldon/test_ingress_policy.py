"""What annotations ask of the ingress, and what it does by itself when Envoy is killed."""

import json
import os
import signal
import threading
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

MOODY = """
import collections, pathlib, time

HERE = pathlib.Path({here!r})


class Busy(Exception):
    status_code = 503


class Moody:
    def __init__(self):
        self.asked = collections.Counter()

    def predict(self, X, names):
        what = str(X[0][0])
        self.asked[what] += 1
        if what == "busy twice" and self.asked[what] <= 2:
            raise Busy("not now")
        if what == "late once" and self.asked[what] == 1 or what == "held":
            (HERE / what).touch()
            while not (HERE / "released").exists():
                time.sleep(0.02)
        return [[self.asked[what]]]
"""
PATH = "/seldon/around/moody/api/v1.0/predictions"


@pytest.fixture
def here(engine, tmp_path: Path):
    """Where the component of this test says what it holds, until the file `released` is there."""
    folder = engine.folder / "images" / f"moody-{tmp_path.name}"
    folder.mkdir(parents=True)
    (folder / "Moody.py").write_text(MOODY.format(here=str(tmp_path)))
    (folder / "Dockerfile").write_text("CMD seldon-core-microservice Moody\n")
    yield tmp_path
    (tmp_path / "released").touch()
    engine.kubectl("delete", "sdep", "moody", "-n", "around")


def serve(engine, here: Path, **annotations: str) -> None:
    containers = [{"name": "m", "image": f"team/moody-{here.name}:1"}]
    graph = {"name": "m", "type": "MODEL"}
    engine.apply(engine.deployment("moody", graph, containers, "seldon", annotations))
    engine.until_ready("moody", "around")


def ask(engine, what: str) -> tuple[int, dict]:
    return engine.post(PATH, {"data": {"ndarray": [[what]]}})[:2]


@pytest.mark.parametrize("annotation", ["seldon.io/istio-retries", "seldon.io/ambassador-retries"])
def test_a_busy_model_is_asked_again_as_often_as_the_manifest_says(engine, here, annotation):
    serve(engine, here, **{annotation: "2"})
    status, answer = ask(engine, "busy twice")
    assert (status, answer["data"]["ndarray"]) == (200, [[3]])


def test_the_access_log_tells_of_every_request_and_its_tries(engine, here):
    serve(engine, here, **{"seldon.io/ambassador-retries": "2"})
    body = {"data": {"ndarray": [["busy twice"]]}}
    _, _, headers = engine.post(PATH, body, Seldon_Puid="for the log")
    assert headers["seldon-puid"] == "for the log"
    log = engine.folder / "state" / "envoy" / "access.log"

    def line() -> dict:
        lines = [json.loads(text) for text in log.read_text().splitlines()]
        return next((line for line in lines if line["id"] == "for the log"), {})

    engine.until(lambda: bool(line()), "Envoy to write its log")
    said = line()
    assert (said["method"], said["path"], said["status"], said["attempts"]) == ("POST", PATH, 200, 3)
    assert said["upstream"] == "around/moody/p/http"
    assert said["bytes_in"] == len(json.dumps(body))


def test_a_models_own_refusal_is_passed_on_where_nobody_asks_for_retries(engine, here):
    serve(engine, here)
    assert [ask(engine, "busy twice")[0] for _ in range(3)] == [503, 503, 200]


def test_each_try_has_its_time(engine, here):
    serve(engine, here, **{"seldon.io/istio-retries": "1", "seldon.io/istio-retries-timeout": "1"})
    status, answer = ask(engine, "late once")
    assert (status, answer["data"]["ndarray"]) == (200, [[2]])


def test_more_than_a_circuit_breaker_lets_through_is_answered_at_once(engine, here):
    serve(engine, here, **{"seldon.io/ambassador-circuit-breakers-max-requests": "1"})
    answered: list[int] = []
    first = threading.Thread(target=lambda: answered.append(ask(engine, "held")[0]))
    first.start()
    engine.until((here / "held").exists, "the first request to be under way")
    status, answer = ask(engine, "another")
    assert (status, "overflow" in answer["error"]) == (503, True)
    (here / "released").touch()
    first.join()
    assert answered == [200]
    assert ask(engine, "another")[0] == 200


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seldon.io/istio-retries", "often"),
        ("seldon.io/rest-timeout", "5s"),
        ("howdah/requests-per-second", "0"),
        ("howdah/log-sample", "1.5"),
    ],
)
def test_an_annotation_that_means_nothing_is_refused(engine, key, value):
    document = engine.deployment("moody", {"name": "m"}, [{"name": "m", "image": "team/any:1"}])
    document["metadata"]["annotations"] = {key: value}
    told = engine.kubectl("apply", "-f", "-", stdin=document, check=False)
    assert f"metadata.annotations[{key}]" in told
    assert "must be a" in told


def test_envoy_comes_back_on_its_port_with_what_it_led_to(engine, here):
    serve(engine, here)
    assert ask(engine, "anything")[0] == 200
    killed = envoy_of(engine)
    os.kill(killed, signal.SIGKILL)

    def answers() -> bool:
        try:
            return ask(engine, "anything")[0] == 200
        except OSError:
            return False

    engine.until(answers, "an ingress on the same port")
    assert envoy_of(engine) != killed
    assert [ask(engine, "anything")[0] for _ in range(50)] == [200] * 50


def envoy_of(engine) -> int:
    """The process that was started with this engine's bootstrap."""
    (found,) = [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and str(engine.folder / "state/envoy/bootstrap.json") in _command(entry)
    ]
    return found


def _command(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
