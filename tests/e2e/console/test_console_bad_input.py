"""What is wrong is shown for what it is."""

import io
import json
import urllib.error
import urllib.request

import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs
from playwright.sync_api import expect

from howdah.client.pachd import Address, Pachd
from howdah.client.uploads import Opened, put
from howdah.daemon.house import House
from howdah.daemon.options import Options

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
LONG_MS = 60_000
GIB = 1 << 30


class Zeros(io.RawIOBase):
    """A file of nothing but zeros, as long as it says."""

    def __init__(self, size: int) -> None:
        self._left = size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        taken = self._left if size < 0 else min(size, self._left)
        self._left -= taken
        return bytes(taken)


def test_names_that_look_like_html_are_names(opens, scene):
    for address in (
        "/repos/default/%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E",
        "/models/default/%3Cscript%3E",
    ):
        page = opens(address)
        assert page.locator("main img, main script").count() == 0
        expect(page.get_by_role("heading", level=1)).to_contain_text("<")
    answer = page.request.post(
        f"{scene.url}/api/pfs_v2.API/CreateRepo", data={"repo": {"name": "<b>bold</b>", "type": "user"}}
    )
    assert answer.status == 400


def test_an_address_that_is_no_text_is_shown_as_it_stands(opens):
    expect(opens("/repos/%").get_by_role("heading", level=1)).to_have_text("Data")
    page = opens("/repos/default/%")
    expect(page.get_by_role("heading", level=1)).to_have_text("%")
    expect(page.get_by_role("alert")).to_contain_text("%")


def test_of_two_gib_only_the_beginning_is_fetched(opens, scene):
    scene.pachd.pfs.create_repo(repo=pfs.Repo(name="large"))
    pachd = Pachd(Address.parse(scene.house.running.pachd))
    repo = pachd.message("pfs_v2.Repo", name="large", type="user", project={"name": "default"})
    branch = pachd.message("pfs_v2.Branch", repo=repo, name="master")
    target = pachd.message("pfs_v2.Commit", repo=repo, branch=branch)
    put(pachd, target, [Opened("/zeros.csv", lambda: Zeros(2 * GIB), 2 * GIB)])
    page = opens("/repos/default/large/master")
    fetched = []
    page.on("response", lambda answer: fetched.append(answer) if "/console/file" in answer.url else None)
    page.get_by_role("link", name="zeros.csv").click()
    expect(page.locator(".filebar")).to_contain_text("2.0 GiB; the first 1.0 MiB are shown", timeout=LONG_MS)
    expect(page.locator("main")).to_contain_text("Not text")
    assert [int(answer.headers["content-length"]) for answer in fetched] == [1 << 20]


def test_a_commit_that_is_deleted_while_looked_at_is_said_to_be_gone(opens, scene):
    scene.pachd.pfs.create_repo(repo=pfs.Repo(name="fleeting"))
    head = scene.put("fleeting", "/a.txt", "a")
    page = opens(f"/repos/default/fleeting/{head}")
    expect(page.locator("main")).to_contain_text("a.txt")
    scene.pachd.pfs.drop_commit_set(commit_set=pfs.CommitSet(id=head))
    expect(page.get_by_role("alert")).to_contain_text("not found", timeout=LONG_MS)


def test_a_dead_deployment_is_shown_dead_with_its_reason(opens):
    page = opens("/deployments/default/scores")
    expect(page.locator("main")).to_contain_text("no-such-server", timeout=LONG_MS)
    expect(page.locator("header.page .state.bad")).to_contain_text("failed", timeout=LONG_MS)


def test_a_token_is_asked_for_and_asked_for_again_once_it_no_longer_holds(browser, tmp_path):
    ports = {"pachd_port": 0, "s3_port": 0, "ingress_port": 0}
    house = House(Options(state=tmp_path, http_port=0, new_token=True, **ports))
    url, token = house.running.http, house.token
    client = Client.from_pachd_address(house.running.pachd, auth_token=token)
    client.pfs.create_repo(repo=pfs.Repo(name="guarded"))
    page = browser.new_context().new_page()
    page.goto(f"{url}/repos/default/guarded")
    field = page.get_by_label("Token")
    field.fill("not the token")
    page.get_by_role("button", name="Enter").click()
    expect(field).to_be_visible(timeout=LONG_MS)
    expect(page.get_by_role("alert")).to_contain_text("not the one")
    field.fill(token)
    page.get_by_role("button", name="Enter").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("guarded", timeout=LONG_MS)
    house.close()
    house = House(Options(state=tmp_path, http_port=int(url.rpartition(":")[2]), new_token=True, **ports))
    expect(field).to_be_visible(timeout=LONG_MS)
    field.fill(house.token)
    page.get_by_role("button", name="Enter").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("guarded", timeout=LONG_MS)
    page.context.close()
    house.close()


def test_without_the_token_nothing_is_told(tmp_path):
    ports = {"pachd_port": 0, "s3_port": 0, "ingress_port": 0}
    house = House(Options(state=tmp_path, http_port=0, new_token=True, **ports))
    try:
        for path in (
            "/console/events",
            "/console/file?repo=a&commit=master&path=/a",
            "/console/logs?pipeline=a&job=b",
            "/console/why/x",
        ):
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(house.running.http + path)
            assert refused.value.code == 401, path
            assert "token" in json.load(refused.value)["message"]
    finally:
        house.close()
