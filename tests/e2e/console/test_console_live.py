"""A case that trains, publishes and serves, followed and used in the browser while it runs."""

import json
import os
import re
import urllib.request
from collections.abc import Callable, Iterator

import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs
from playwright.sync_api import Browser, Page, expect

from howdah.client.files import Files
from howdah.client.pachd import Address, Pachd
from howdah.daemon.house import House
from howdah.daemon.options import Options

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
LONG_MS = 120_000
IMAGE = "howdah/tabular:0.1.0"
TRAIN = (
    "python -m howdah.steps.train --name cars --data /pfs/cars-raw --schema /pfs/cars-schema "
    "--target price --task regression --family ridge --folds 2"
)
PUBLISH = (
    "python -m howdah.steps.publish --model /pfs/cars-model --manifest /pfs/cars-manifest --repo cars-model"
)
SCHEMA = {
    "columns": [
        {"name": "size", "kind": "number"},
        {"name": "maker", "kind": "category"},
        {"name": "price", "kind": "number"},
    ]
}
MODEL = {"modelUri": "s3://master.cars-model.default", "envSecretRefName": "howdah-pachd"}
SERVER = {"name": "cars", "image": "howdah/bundle-server:0.1.0"}
MANIFEST = {
    "apiVersion": "machinelearning.seldon.io/v1",
    "kind": "SeldonDeployment",
    "metadata": {"name": "cars", "namespace": "default"},
    "spec": {
        "protocol": "v2",
        "predictors": [
            {
                "name": "champion",
                "graph": {"name": "cars", "type": "MODEL", "logger": {"mode": "all"}, **MODEL},
                "componentSpecs": [{"spec": {"containers": [SERVER]}}],
                "explainer": {"type": "KernelShap", **MODEL},
            }
        ],
    },
}


def rows(first: int) -> bytes:
    lines = (f"{size},{'ab'[size % 2]},{3 * size + 5 * (size % 2)}" for size in range(first, first + 40))
    return "\n".join(("size,maker,price", *lines, "")).encode()


class Live:
    def __init__(self, house: House) -> None:
        self.house = house
        self.files = Files.at(house.running.pachd)
        pachd = Pachd(Address.parse(house.running.pachd))
        client = Client.from_pachd_address(house.running.pachd)
        for name in ("raw", "schema", "manifest"):
            client.pfs.create_repo(repo=pfs.Repo(name=f"cars-{name}"))
        self.files.put("cars-schema@master", {"/schema.json": json.dumps(SCHEMA).encode()})
        self.files.put("cars-manifest@master", {"/deployment.yaml": json.dumps(MANIFEST).encode()})
        secret = {"name": "howdah-kubeconfig", "key": "kubeconfig", "env_var": "HOWDAH_KUBECONFIG"}
        for name, command, reads, secrets in (
            ("model", TRAIN, ("raw", "schema"), []),
            ("publish", PUBLISH, ("model", "manifest"), [secret]),
        ):
            spec = {
                "pipeline": {"name": f"cars-{name}"},
                "input": {"cross": [{"pfs": {"repo": f"cars-{each}", "glob": "/"}} for each in reads]},
                "transform": {"image": IMAGE, "cmd": command.split(), "secrets": secrets},
            }
            pachd.call("pps_v2.API/CreatePipelineV2", create_pipeline_request_json=json.dumps(spec))

    @property
    def url(self) -> str:
        return self.house.running.http

    def deployment(self) -> dict:
        path = "/apis/machinelearning.seldon.io/v1/namespaces/default/seldondeployments"
        with urllib.request.urlopen(self.url + path) as answer:
            found = json.load(answer)["items"]
        return found[0] if found else {}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    ports = {"pachd_port": 0, "s3_port": 0, "http_port": 0, "ingress_port": 0}
    house = House(Options(state=tmp_path_factory.mktemp("live"), environment=dict(os.environ), **ports))
    yield Live(house)
    house.close()


@pytest.fixture
def page(live: Live, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=True)
    yield context.new_page()
    context.close()


@pytest.fixture
def served(live: Live, page: Page) -> Page:
    """The deployment's own page, once it is available."""
    if not live.deployment():
        live.files.put("cars-raw@master", {"/a.csv": rows(0)})
    page.goto(f"{live.url}/deployments/default/cars")
    expect(page.locator("header.page .state.good")).to_contain_text("available", timeout=LONG_MS)
    return page


def test_one_id_is_walked_from_a_put_to_the_live_deployment_without_a_reload(live: Live, page: Page) -> None:
    page.goto(f"{live.url}/dag")
    expect(page.locator('[data-node="default/cars-raw"]')).to_be_visible(timeout=LONG_MS)
    page.evaluate("() => { window.same = true; }")
    head = live.files.put("cars-raw@master", {"/walk.csv": rows(100)})
    page.get_by_label("Filter by global ID").fill(head)
    for name in ("cars-model", "cars-publish"):
        expect(page.get_by_role("button", name=f"pipeline {name}, success")).to_be_visible(timeout=LONG_MS)
    node = page.get_by_role("button", name="deployment cars, available")
    expect(node).to_be_visible(timeout=LONG_MS)
    expect(node).not_to_have_class(re.compile("faded"))
    assert live.deployment()["metadata"]["annotations"]["howdah/model-commit"] == head
    node.click()
    expect(page.get_by_role("complementary", name="About cars")).to_contain_text(head[:12])
    page.get_by_role("link", name="Open deployment").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("cars")
    assert page.evaluate("() => window.same") is True


def test_a_model_is_tried_explained_and_its_answer_looked_up(
    served: Page, for_everyone: Callable[[Page], None]
) -> None:
    form = served.locator("form.try")
    form.get_by_label("size").fill("7")
    form.get_by_label("maker").fill("b")
    form.get_by_role("button", name="Explain").click()
    expect(form.get_by_role("table", name="Adds")).to_contain_text("size", timeout=LONG_MS)
    form.get_by_role("button", name="Predict").click()
    answer = form.get_by_role("status").last
    expect(answer).to_contain_text(re.compile(r"price.*\d"), timeout=LONG_MS)
    served.evaluate("() => { window.same = true; }")
    answer.get_by_role("link").click()
    id = served.url.rpartition("/")[2]
    main = served.locator("main")
    expect(main).to_contain_text("cars-model", timeout=LONG_MS)  # once it is in the inference log
    expect(main).to_contain_text(re.compile(r"/(a|walk)\.csv"))
    for_everyone(served)
    served.get_by_role("navigation", name="Views").get_by_role("link", name="Predictions").click()
    row = served.get_by_role("row", name=id)
    expect(row).to_contain_text("price", timeout=LONG_MS)
    assert served.evaluate("() => window.same") is True
    for_everyone(served)


def test_what_a_pod_says_and_uses_is_shown(served: Page, for_everyone: Callable[[Page], None]) -> None:
    pods = served.get_by_role("table", name="Pods")
    expect(pods).to_contain_text("MiB", timeout=LONG_MS)
    pods.get_by_role("button").first.click()
    expect(served.get_by_role("log")).to_contain_text(re.compile(r"\w"), timeout=LONG_MS)
    for_everyone(served)
    served.get_by_label("Search the logs").fill("no such words")
    expect(served.locator("main")).to_contain_text("No line says “no such words”.")
    served.reload()  # the pod and what was searched for stand in the address
    expect(served.locator("main")).to_contain_text("No line says “no such words”.", timeout=LONG_MS)
