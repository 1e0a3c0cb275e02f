"""A daemon with a small case of real commits, jobs and decisions, and Debian's Chromium before it."""

import io
import json
import os
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from axe_playwright_python.sync_playwright import Axe
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps
from playwright.sync_api import Browser, Page, sync_playwright

from howdah.client.files import Files
from howdah.daemon.house import House
from howdah.daemon.options import Options

QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

ROWS = "age,origin\n31,Japan\n27,USA\n45,USA\n"
MANIFEST = {
    "name": "scores", "family": "linear", "parameters": {}, "seed": 0, "rows": 3, "model_file": "model.onnx",
    "metrics": {"held_out": {"mae": 1.5, "rmse": 2.0}}, "sources": {},
    "signature": {
        "task": "regression", "target": "score", "outputs": [],
        "inputs": [{"name": "age", "kind": "number", "shape": []}],
    },
}  # fmt: skip
DRIFT = {
    "window": {"id": "WINDOW", "name": "a.csv"}, "champion": "", "drifted": ["age"], "note": "",
    "columns": [
        {"name": "age", "test": "kolmogorov_smirnov", "distance": 0.8, "p_value": 0.001, "drifted": True},
        {"name": "origin", "test": "chi_squared", "distance": 0.1, "p_value": 0.7, "drifted": False},
    ],
}  # fmt: skip
COMPARISON = {
    "window": "a.csv", "rows": 3, "kind": "offline", "champion": None,
    "challenger": {"commit": "MODEL", "metrics": {"mae": 1.5}}, "comparison": None,
}  # fmt: skip
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
PIPELINES = {
    "scores-clean": (
        "scores-raw",
        "mkdir -p /pfs/out/clean; cp /pfs/scores-raw/* /pfs/out/clean/; echo sorted",
    ),
    "scores-model": (
        "scores-clean",
        f"cp /pfs/scores-clean/clean/a.csv /pfs/out/reference.csv; echo '{json.dumps(MANIFEST)}' > "
        "/pfs/out/model.json; echo '# Scores' > /pfs/out/card.md; "
        "wc /pfs/scores-clean/clean/* > /pfs/out/model.onnx",
    ),
    "scores-drift": (
        "scores-clean",
        f"window=$(cat /pfs/scores-clean/clean/* | cksum | cut -d' ' -f1); "
        f"echo '{json.dumps(DRIFT)}' | sed s/WINDOW/$window/ > /pfs/out/drift.json",
    ),
    "scores-compare": (
        "scores-model",
        f"cat /pfs/scores-model/* > /dev/null; echo '{json.dumps(COMPARISON)}' | "
        "sed s/MODEL/$PACH_JOB_ID/ > /pfs/out/comparison.json",
    ),
}
PREDICTOR = {
    "graph": {"name": "scores", "type": "MODEL", "modelUri": "s3://master.scores-model.default"},
    "componentSpecs": [{"spec": {"containers": [{"name": "scores", "image": "howdah/no-such-server:1"}]}}],
}


@dataclass
class Scene:
    house: House
    pachd: Client
    files: Files

    @property
    def url(self) -> str:
        return self.house.running.http

    def put(self, repo: str, path: str, data: str) -> str:
        return self.files.put(f"{repo}@master", {path: data.encode()})

    def deploy(self, name: str, *predictors: dict[str, object]) -> None:
        """A deployment that never comes up: of a server that is not there."""
        manifest = {
            "apiVersion": "machinelearning.seldon.io/v1",
            "kind": "SeldonDeployment",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"protocol": "v2", "predictors": [{**PREDICTOR, **each} for each in predictors]},
        }
        path = "/apis/machinelearning.seldon.io/v1/namespaces/default/seldondeployments"
        json_type = {"content-type": "application/json"}
        asked = urllib.request.Request(self.url + path, json.dumps(manifest).encode(), json_type)
        urllib.request.urlopen(asked).close()

    def jobs(self, id: str) -> list[pps.JobInfo]:
        """Every job of one global ID, once all have ended."""
        return list(self.pachd.pps.inspect_job_set(job_set=pps.JobSet(id=id), wait=True))


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    ports = {"pachd_port": 0, "s3_port": 0, "http_port": 0, "ingress_port": 0}
    house = House(Options(state=tmp_path_factory.mktemp("console"), environment=dict(os.environ), **ports))
    made = Scene(house, Client.from_pachd_address(house.running.pachd), Files.at(house.running.pachd))
    for name in ("scores-raw", "scores-policy", "scores-retrain", "hostile", "compared", "shared"):
        made.pachd.pfs.create_repo(repo=pfs.Repo(name=name), description=HOSTILE if name == "hostile" else "")
    made.put("hostile", "/page.html", HOSTILE)
    made.put("hostile", "/table.csv", f"name\n{HOSTILE}\n")
    table = io.BytesIO()
    pq.write_table(pa.table({"age": [31, 27, None], "origin": ["Japan", HOSTILE, "USA"]}), table)
    made.files.put("hostile@master", {"/table.parquet": table.getvalue()})
    made.put("scores-policy", "/policy.yaml", "paused: false\nretrain: {per_day: 0}\n")
    for name, (reads, script) in PIPELINES.items():
        made.pachd.pps.create_pipeline(
            pipeline=pps.Pipeline(name=name),
            input=pps.Input(pfs=pps.PfsInput(repo=reads, glob="/")),
            transform=pps.Transform(cmd=["sh", "-e"], stdin=[script]),
        )
    made.jobs(made.put("scores-raw", "/a.csv", ROWS))
    made.deploy("scores", {"name": "champion"})
    yield made
    house.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Ends with each file: while it lives, an event loop runs in this thread, and `asyncio.run` refuses."""
    executable = shutil.which("chromium")
    assert executable, "the console's tests drive Debian's Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=executable, args=QUIET)
        yield found
        found.close()


@pytest.fixture
def for_everyone() -> Callable[[Page], None]:
    """Fails where a page is not for those who see it light or dark or hear it, on a telephone or on a wide
    screen. The page's policy must be bypassed: the checker is a script of its own."""

    def check(page: Page) -> None:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found = Axe().run(page).response["violations"]
            serious = [
                (rule["id"], [node["html"] for node in rule["nodes"]][:3])
                for rule in found
                if rule["impact"] in ("serious", "critical")
            ]
            assert serious == [], scheme
        for width in (390, 2560):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), width

    return check


Opens = Callable[..., Page]


@pytest.fixture
def opens(scene: Scene, browser: Browser) -> Iterator[Opens]:
    """`opens(path, **context)`: a page that has shown its object; broken scripts fail the test."""
    contexts = []
    trouble: list[str] = []

    def open_page(path: str, width: int = 1280, **context: object) -> Page:
        made = browser.new_context(viewport={"width": width, "height": 900}, **context)
        contexts.append(made)
        page = made.new_page()
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.goto(scene.url + path)
        page.locator("main h1").wait_for()
        page.locator(".waiting").first.wait_for(state="detached")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert trouble == []
