"""Lists longer than one range: read on as they are scrolled, begun anywhere."""

import json

import pytest
from pachyderm_sdk.api import pfs, pps
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
LONG_MS = 60_000
LINES = 5000
FILES = 2500


def scroll(page: Page, selector: str) -> None:
    page.locator(selector).evaluate("box => { box.scrollTop = box.scrollHeight; }")


@pytest.fixture(scope="module")
def printed(scene):
    scene.pachd.pfs.create_repo(repo=pfs.Repo(name="start"))
    scene.pachd.pps.create_pipeline(
        pipeline=pps.Pipeline(name="printer"),
        input=pps.Input(pfs=pps.PfsInput(repo="start", glob="/")),
        transform=pps.Transform(cmd=["sh"], stdin=[f"seq 1 {LINES} | sed s/^/line-/"]),
    )
    head = scene.put("start", "/now", "x")
    scene.jobs(head)
    return head


def test_a_log_is_read_on_as_it_is_scrolled(opens, printed):
    page = opens(f"/jobs/default/printer/{printed}")
    log = page.get_by_role("log")
    expect(log).to_contain_text("line-1", timeout=LONG_MS)
    bar = page.locator(".filebar")
    while "+" in (shown_so_far := bar.inner_text()):
        scroll(page, ".log")
        expect(bar).not_to_have_text(shown_so_far, timeout=LONG_MS)
    expect(page.locator(".filebar")).not_to_contain_text("+", timeout=LONG_MS)
    scroll(page, ".log")
    expect(log).to_contain_text(f"line-{LINES}")
    shown = int(page.locator(".filebar .quiet").inner_text().split()[0].replace(",", ""))
    assert LINES <= shown <= LINES + 10  # what the worker itself says stands there too, and nothing twice


def test_a_log_may_be_begun_at_its_end_and_searched_where_it_is_stored(opens, printed):
    page = opens(f"/jobs/default/printer/{printed}")
    expect(page.get_by_role("log")).to_contain_text("line-1", timeout=LONG_MS)
    page.get_by_role("button", name="End").click()
    expect(page.get_by_role("log")).to_contain_text(f"line-{LINES}")
    page.get_by_label("Search the logs").fill("LINE-432")
    expect(page.locator(".filebar")).to_contain_text("11 lines")
    expect(page.get_by_role("log")).to_contain_text("line-4329")


def test_a_folder_is_read_on_and_begun_at_a_name(opens, scene):
    scene.pachd.pfs.create_repo(repo=pfs.Repo(name="many"))
    scene.files.put("many@master", {f"/{number:04}": b"x" for number in range(FILES)})
    page = opens("/repos/default/many/master")
    expect(page.locator("main")).to_contain_text("1,000+ here")
    scroll(page, ".tall")
    expect(page.locator("main")).to_contain_text("2,000+ here")
    scroll(page, ".tall")
    expect(page.locator("main")).to_contain_text("2,500 here")
    scroll(page, ".tall")
    expect(page.locator("main")).to_contain_text("2499")
    page.get_by_label("Begin at a name").fill("1234")
    expect(page.locator("tbody tr:not(.spacer)").first).to_contain_text("1234")
    assert "from=1234" in page.url


def test_datums_far_down_are_read_again_where_they_are_looked_at(opens, scene, printed):
    """So many real datums would take minutes: their list is the test's own, and so is how many are done."""
    told = {"state": "STARTING", "done": "0"}
    asked: list[int] = []

    def datums(route):
        marker = route.request.post_data_json.get("paginationMarker")
        asked.append(int(marker, 10) + 1 if marker else 0)
        part = range(asked[-1], min(asked[-1] + 1000, FILES))
        lines = (json.dumps({"result": {"datum": {"id": f"{n:012}"}, "state": told["state"]}}) for n in part)
        route.fulfill(body="\n".join(lines))

    def job(route):
        found = route.fetch()
        route.fulfill(json={**found.json(), "dataProcessed": told["done"]})

    page = opens("/settings")
    page.route("**/pps_v2.API/ListDatum", datums)
    page.route("**/pps_v2.API/InspectJob", job)
    page.goto(f"{scene.url}/jobs/default/printer/{printed}")
    for loaded in (1000, 2000, FILES):
        page.wait_for_function(
            f"() => document.querySelector('.tall')?.scrollHeight >= 36 * {loaded}", timeout=LONG_MS
        )
        scroll(page, ".tall")
    last = page.get_by_role("row").filter(has_text=f"{FILES - 1:012}")
    expect(last).to_contain_text("starting")
    told.update(state="SUCCESS", done=str(FILES))
    scene.put("start", "/later", "x")
    expect(last).to_contain_text("success", timeout=LONG_MS)
    assert asked[:3] == [0, 1000, 2000]
    assert all(first > 2400 for first in asked[3:])
