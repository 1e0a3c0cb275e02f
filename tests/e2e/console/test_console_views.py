"""Every view, drawn by a real browser from a real daemon."""

import re

import pytest
from pachyderm_sdk.api import pfs
from playwright.sync_api import expect

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

VIEWS = {
    "/": "Decisions waiting",
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
    "/monitoring/default/scores?column=origin": "Historic and live",
    "/predictions": "Nothing has been answered yet",
    "/dag?node=default%2Fscores-clean": "Run again",
    "/catalog": "data set",
    "/catalog?find=nothing-like-it": "Nothing fits",
    "/compare/default/scores": "scores, compared",
    "/repos/default/scores-raw/master?against=parent": "1 added",
    "/repos/default/hostile/master?path=%2Fpage.html": "Report",
    "/repos/default/hostile/master?path=%2Ftable.parquet": "3 rows, 2 columns",
    "/settings": "Name that your decisions go on record with",
}


@pytest.mark.parametrize("path", VIEWS)
def test_a_view_is_there_for_everyone(opens, for_everyone, path):
    page = opens(path, bypass_csp=True)
    expect(page.locator("main")).to_contain_text(VIEWS[path], timeout=20_000)
    for_everyone(page)


def test_a_job_with_datums_and_lines_and_its_global_id_are_there_for_everyone(opens, for_everyone, scene):
    job = next(job.job for job in scene.pachd.pps.list_job() if job.job.pipeline.name == "scores-clean")
    page = opens(f"/jobs/default/scores-clean/{job.id}", bypass_csp=True)
    datums = page.get_by_role("table", name="Datums")
    expect(datums).to_contain_text("success")
    datums.get_by_role("button").first.click()
    expect(page.get_by_role("button", name="All datums")).to_be_visible()
    expect(page.get_by_role("log")).to_contain_text("sorted", timeout=60_000)
    for_everyone(page)
    page.goto(f"{scene.url}/sets/{job.id}")
    expect(page.get_by_role("table", name="Jobs")).to_contain_text("scores-clean")
    expect(page.get_by_role("table", name="Commits")).to_contain_text("scores-raw")
    for_everyone(page)


def test_a_split_and_a_shadow_are_shown_for_everyone(opens, for_everyone, scene):
    scene.deploy(
        "divided",
        {"name": "champion", "traffic": 75},
        {"name": "challenger", "traffic": 25},
        {"name": "trial", "shadow": True},
    )
    page = opens("/deployments/default/divided", bypass_csp=True)
    for name, share in (
        ("champion", "75% of requests"),
        ("challenger", "25% of requests"),
        ("trial", "shadow"),
    ):
        expect(page.get_by_role("region", name=f"Predictor {name}")).to_contain_text(share)
    expect(page.get_by_role("region", name="Try it")).to_contain_text("is decided by the split")
    for_everyone(page)


def test_a_deployment_shows_its_own_pods_only(opens):
    pods = [
        {
            "metadata": {"name": f"{name}-pod", "labels": {"seldon-deployment-id": name}},
            "status": {"phase": "Running"},
        }
        for name in ("scores", "scores-eu")
    ]
    page = opens("/settings")
    page.route("**/api/v1/namespaces/default/pods", lambda route: route.fulfill(json={"items": pods}))
    page.goto(f"{page.url.removesuffix('settings')}deployments/default/scores")
    table = page.get_by_role("table", name="Pods")
    expect(table).to_contain_text("scores-pod")
    expect(table.locator("tbody tr")).to_have_count(1)


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


def test_a_report_is_drawn_in_a_frame_that_may_do_nothing(opens, scene):
    page = opens("/repos/default/hostile/master?path=%2Fpage.html")
    frame = page.locator("iframe.report")
    expect(frame).to_have_attribute("sandbox", "")
    address = frame.get_attribute("src")
    answer = page.request.get(scene.url + address)
    policy = answer.headers["content-security-policy"].split("; ")
    assert {"sandbox", "default-src 'none'", "frame-ancestors 'self'"} <= set(policy)
    inside = page.frame_locator("iframe.report")
    expect(inside.locator("img")).to_have_count(1)  # it is drawn, and its script and handler did not run
    assert page.title() != "owned"
    page.get_by_role("button", name="Source").click()
    expect(page.locator("main pre")).to_contain_text("<script>")
    assert page.request.get(f"{scene.url}/console/preview/{'x' * 32}").status == 404


def test_a_commit_is_compared_with_any_other(opens, scene):
    first = scene.put("compared", "/rows.txt", "one\ntwo\nthree\n")
    scene.put("compared", "/rows.txt", "one\n2\nthree\n")
    scene.put("compared", "/more.txt", "new\n")
    page = opens(f"/repos/default/compared/master?against={first}")
    expect(page.locator("main")).to_contain_text("1 added, 1 changed, 0 removed")
    page.get_by_role("button", name="/rows.txt").click()
    expect(page.locator(".difference .removed")).to_have_text("− two")
    expect(page.locator(".difference .added")).to_have_text("+ 2")
    page.goto(f"{scene.url}/repos/default/compared/master?path=%2Frows.txt")
    page.get_by_label("version").select_option(index=1)
    expect(page.locator("main pre")).to_contain_text("two")


def test_what_follows_a_node_is_folded_away(opens):
    page = opens("/dag?node=default%2Fscores-clean")
    page.get_by_role("button", name="Hide what follows").click()
    expect(page.locator('[data-node="default/scores-model"]')).to_have_count(0)
    expect(page.locator('[data-node="default/scores-clean"]')).to_contain_text("+")
    assert "folded=" in page.url
    page.get_by_role("button", name="that follow").click()
    expect(page.locator('[data-node="default/scores-model"]')).to_have_count(1)


def test_the_catalog_finds_by_column_and_kind(opens):
    page = opens("/catalog?find=age&kind=model")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("regression of score")


def test_the_catalog_finds_by_owner_once_one_is_named(opens):
    page = opens("/repos/default/compared")
    page.get_by_role("button", name="Name an owner").click()
    page.get_by_role("dialog").get_by_label("Owner").fill("Ada Lovelace")
    page.get_by_role("dialog").get_by_role("button", name="Keep").click()
    expect(page.get_by_role("region", name="About")).to_contain_text("Ada Lovelace")
    page = opens("/catalog?find=lovelace")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("compared")


def test_what_waits_for_a_person_is_on_the_first_page(opens, scene):
    scene.jobs(scene.put("scores-raw", "/moved.csv", "age,origin\n70,Europe\n"))
    page = opens("/")
    waiting = page.get_by_role("region", name="Decisions waiting")
    expect(waiting).to_contain_text("retrain?", timeout=60_000)
    expect(waiting).to_contain_text("the budget of 0 retrainings a day is spent")
    waiting.get_by_role("link", name="scores").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("scores")
    assert "/monitoring/" in page.url


def test_figures_are_historic_and_live_for_the_chosen_version(opens, scene):
    page = opens("/monitoring/default/scores")
    table = page.get_by_role("table", name="Historic and live")
    expect(table).to_contain_text("Historic, held out")
    expect(table.get_by_role("row", name="mae")).to_contain_text("1.5")
    choice = page.get_by_label("version")
    other = choice.locator("option").last.get_attribute("value")
    choice.select_option(other)
    assert f"version={other}" in page.url
    expect(choice).to_have_value(other)


def test_another_version_is_chosen_without_losing_place_or_focus(opens, scene):
    scene.jobs(scene.put("scores-raw", "/other.csv", "age,origin\n33,Japan\n"))
    page = opens("/monitoring/default/scores")
    page.set_viewport_size({"width": 390, "height": 500})
    choice = page.get_by_label("version")
    other = choice.locator("option:not(:checked)").first.get_attribute("value")
    choice.focus()
    page.evaluate("() => { scrollTo(0, 400); window.shown = document.querySelector('main .columns'); }")
    with page.expect_response(lambda answer: "reference.csv" in answer.url and other in answer.url):
        choice.evaluate(
            """(select, id) => { select.value = id;
            select.dispatchEvent(new Event('change', { bubbles: true })); }""",
            other,
        )
    expect(page.locator("main .columns")).to_have_attribute("aria-busy", "false")
    expect(choice).to_have_value(other)
    expect(choice).to_be_focused()
    assert page.evaluate("() => window.shown.isConnected && scrollY > 200")


def test_of_a_long_window_the_first_rows_are_drawn(opens, scene):
    row = b"31,Japan\n"
    body = b"age,origin\n" + row * ((4 << 20) // len(row)) + b"3"

    def cut(route):
        headers = {"x-file-size": str(len(body) + 1), "content-type": "application/octet-stream"}
        route.fulfill(body=body, headers=headers)

    page = opens("/settings")
    page.route(re.compile("/console/file.*scores-clean"), cut)
    page.goto(f"{scene.url}/monitoring/default/scores?column=age")
    card = page.get_by_role("region", name="Historic against live")
    expect(card).to_contain_text("Of the live rows the first 4.0 MiB are shown.")
    drawn = card.get_by_role("img", name="age, historic against live").locator("text")
    expect(drawn.first).to_have_text("27")


def test_drift_is_shown_over_time(opens):
    page = opens("/monitoring/default/scores")
    card = page.get_by_role("region", name="Drift over time").first
    expect(card.get_by_role("img")).to_have_accessible_name(re.compile("^Distance of age"))
    page.get_by_role("button", name="origin").click()
    expect(card).to_contain_text("origin")


def test_a_page_reads_again_only_what_changed(opens, scene):
    scene.pachd.pfs.create_repo(repo=pfs.Repo(name="early"))
    early = opens("/repos/default/early")
    scene.put("early", "/a.txt", "x")
    expect(early.get_by_role("table", name="Commits").locator("tbody tr").first).to_be_visible(timeout=60_000)
    page = opens("/dag")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    node = page.locator('[data-node="default/alone"]')
    scene.pachd.pfs.create_repo(repo=pfs.Repo(name="alone"))
    expect(node).to_be_visible(timeout=60_000)
    scene.pachd.pfs.delete_repo(repo=pfs.Repo(name="alone"))
    expect(node).to_have_count(0, timeout=60_000)
    assert "InspectRepo" in asked
    assert not {"ListRepo", "ListPipeline"} & set(asked)


def test_ten_pages_share_one_channel(scene, browser):
    """A browser opens six connections to one server; a channel for each page would use them up."""
    context = browser.new_context()
    pages = [context.new_page() for _ in range(10)]
    for page in pages:
        page.goto(f"{scene.url}/repos/default/shared")
        expect(page.get_by_role("heading", level=1)).to_have_text("shared")
    scene.put("shared", "/here.txt", "x")
    for page in pages:
        expect(page.get_by_role("table", name="Commits").locator("tbody tr")).to_have_count(1, timeout=60_000)
    pages[0].close()  # whoever listens for all may leave
    scene.put("shared", "/there.txt", "x")
    for page in pages[1:]:
        expect(page.get_by_role("table", name="Commits").locator("tbody tr")).to_have_count(2, timeout=60_000)
    context.close()
