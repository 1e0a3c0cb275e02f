"""Every view, drawn by a real browser from a real daemon."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

VIEWS = {
    "/": "Newest jobs",
    "/dag": "scores-clean",
    "/repos": "scores-raw",
    "/repos/default/scores-raw": "Drop files here",
    "/repos/default/scores-raw/master": "a.csv",
    "/repos/default/scores-raw/master?path=%2Fa.csv": "3 rows, 2 columns",
    "/repos/default/scores-model/master?path=%2Fmodel.json": '"family": "linear"',
    "/pipelines": "scores-model",
    "/pipelines/default/scores-clean": "Specification",
    "/jobs": "scores-drift",
    "/models": "scores",
    "/models/default/scores": "the first model: there is no champion yet",
    "/deployments": "scores",
    "/deployments/default/scores": "Predictor champion",
    "/monitoring": "age",
    "/monitoring/default/scores": "age moved",
    "/predictions": "Why was this predicted?",
}


@pytest.mark.parametrize("path", VIEWS)
def test_a_view_shows_what_is_there(opens, path):
    expect(opens(path).locator("main")).to_contain_text(VIEWS[path], timeout=20_000)


@pytest.mark.parametrize("path", VIEWS)
def test_a_view_fits_a_telephone(opens, path):
    page = opens(path, width=390)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", VIEWS)
def test_a_view_has_no_serious_fault_of_accessibility(opens, path, scheme):
    page = opens(path, color_scheme=scheme, bypass_csp=True)  # the checker is a script of its own
    found = Axe().run(page).response["violations"]
    serious = [
        (rule["id"], [node["html"] for node in rule["nodes"]][:3])
        for rule in found
        if rule["impact"] in ("serious", "critical")
    ]
    assert serious == []


def test_the_look_follows_the_system(opens):
    looks = {
        scheme: opens("/", color_scheme=scheme).evaluate(
            "() => getComputedStyle(document.body).backgroundColor"
        )
        for scheme in ("light", "dark")
    }
    assert looks == {"light": "rgb(246, 246, 244)", "dark": "rgb(20, 24, 26)"}


def test_ctrl_k_jumps_by_a_few_letters(opens):
    page = opens("/")
    page.keyboard.press("Control+k")
    page.get_by_role("combobox").fill("scraw")
    expect(page.get_by_role("option").first).to_contain_text("scores-raw")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("scores-raw")


def test_a_node_opens_its_panel_by_keyboard(opens):
    page = opens("/dag")
    node = page.get_by_role("button", name="pipeline scores-clean")
    node.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("complementary", name="About scores-clean")).to_contain_text("Open pipeline")
    assert "node=" in page.url


def test_what_repositories_hold_never_runs(opens):
    for path, shown in (
        ("/repos/default/hostile", "onerror"),
        ("/repos/default/hostile/master?path=%2Fpage.html", "<script>"),
        ("/repos/default/hostile/master?path=%2Ftable.csv", "onerror"),
    ):
        page = opens(path)
        expect(page.locator("main")).to_contain_text(shown)
        assert page.locator("main img, main script").count() == 0
        assert page.title() != "owned"


def test_what_does_not_exist_is_said_so(opens):
    page = opens("/repos/default/nowhere")
    expect(page.get_by_role("alert")).to_contain_text("repo default/nowhere not found")
    page = opens(f"/repos/default/scores-raw/{'0' * 32}")
    expect(page.get_by_role("alert")).to_contain_text("not found")
