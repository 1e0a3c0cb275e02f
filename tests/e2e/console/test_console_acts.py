"""What a person does in the console, and what stands in the repositories after it."""

import json
import threading

import pytest
from pachyderm_sdk.api import pfs, pps
from playwright.sync_api import Page, expect

from howdah.daemon.house import House
from howdah.daemon.options import Options

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
LONG_MS = 60_000


def test_an_upload_becomes_a_commit_and_runs_what_follows(opens, scene):
    page = opens("/repos/default/scores-raw")
    data = b"age,origin\n60,Europe\n"
    page.locator("input[type=file]").set_input_files(
        {"name": "b.csv", "mimeType": "text/csv", "buffer": data}
    )
    expect(page.get_by_role("dialog")).to_contain_text("b.csv")
    page.get_by_role("button", name="Upload").click()
    expect(page.locator(".sending")).to_contain_text("stored", timeout=LONG_MS)
    assert scene.files.read("scores-raw@master", "/b.csv") == data
    head = scene.files.finished_head("scores-raw@master")
    assert {job.job.pipeline.name for job in scene.jobs(head)} >= {"scores-clean", "scores-model"}


def test_a_put_is_followed_through_its_jobs_without_a_reload(opens, scene):
    page = opens("/dag")
    page.evaluate("() => { window.same = true; }")
    head = scene.put("scores-raw", "/walk.csv", "age,origin\n20,USA\n")
    page.get_by_label("Filter by global ID").fill(head)
    for name in ("scores-clean", "scores-model", "scores-drift"):
        expect(page.get_by_role("button", name=f"pipeline {name}, success")).to_be_visible(timeout=LONG_MS)
    expect(page.locator('[data-node="default/hostile"]')).to_have_class("node repo quiet faded")
    assert page.evaluate("() => window.same") is True
    assert f"set={head}" in page.url


def test_a_promotion_by_mouse_is_on_record_and_carried_out(opens, scene):
    head = scene.put("scores-raw", "/c.csv", "age,origin\n50,USA\n50,USA\n")
    scene.jobs(head)
    page = opens("/models/default/scores")
    page.get_by_role("row", name=head[:12]).get_by_role("button", name="Promote").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("becomes the champion in place of")
    dialog.get_by_label("Your name").fill("Ada")
    dialog.get_by_label("Reason").fill("it knows the newest rows")
    dialog.get_by_role("button", name="Promote").click()
    expect(page.locator(".timeline")).to_contain_text("by Ada", timeout=LONG_MS)
    expect(page.get_by_role("row", name=head[:12])).to_contain_text("champion")
    written = [
        json.loads(scene.files.read("scores-decisions@master", path))
        for path in scene.files.paths("scores-decisions@master")
    ]
    assert [(one["kind"], one["subject"], one["actor"]) for one in written if one["actor"] == "Ada"] == [
        ("promoted", head, "Ada")
    ]
    carried_out = threading.Event()
    for _ in range(100):
        if scene.files.finished_head("scores-model@champion") == head:
            break
        carried_out.wait(0.1)
    assert scene.files.finished_head("scores-model@champion") == head


def decisions(scene) -> list[dict]:
    branch = "scores-decisions@master"
    return [json.loads(scene.files.read(branch, path)) for path in scene.files.paths(branch)]


def decide(page: Page, action: str, reason: str) -> None:
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Your name").fill("Grace")
    dialog.get_by_label("Reason").fill(reason)
    dialog.get_by_role("button", name=action).click()
    expect(dialog).not_to_be_visible(timeout=LONG_MS)


def test_a_challenger_is_made_champion_where_it_is_watched_and_rolled_back_by_mouse(opens, scene):
    head = scene.put("scores-raw", "/d.csv", "age,origin\n51,USA\n52,USA\n")
    scene.jobs(head)
    page = opens(f"/monitoring/default/scores?version={head}")
    before = decisions(scene)
    champion = [one["subject"] for one in before if one["kind"] in ("promoted", "rolled_back")][-1]
    page.get_by_role("button", name="Make champion").click()
    decide(page, "Promote", "seen on live rows")
    expect(page.locator(".timeline")).to_contain_text("by Grace", timeout=LONG_MS)
    expect(page.get_by_role("button", name="Make champion")).to_have_count(0)
    page.get_by_role("link", name="Model", exact=True).click()
    page.get_by_role("row", name=champion[:12]).get_by_role("button", name="Roll back").click()
    expect(page.get_by_role("dialog")).to_contain_text("becomes the champion in place of " + head[:12])
    decide(page, "Roll back", "worse after all")
    expect(page.get_by_role("row", name=champion[:12])).to_contain_text("champion", timeout=LONG_MS)
    made = [(one["kind"], one["subject"]) for one in decisions(scene) if one["actor"] == "Grace"]
    assert made == [("promoted", head), ("rolled_back", champion)]


def test_a_retraining_like_a_chosen_version_is_asked_for_by_mouse(opens, scene):
    page = opens("/monitoring/default/scores")
    version = page.get_by_label("version").input_value()
    page.get_by_role("button", name="Retrain").click()
    expect(page.get_by_role("dialog")).to_contain_text(f"of the kind of {version[:12]} (linear")
    decide(page, "Retrain", "the season changed")
    expect(page.locator(".timeline")).to_contain_text("the season changed", timeout=LONG_MS)
    asked = next(one for one in decisions(scene) if one["kind"] == "retrained")
    assert (asked["actor"], asked["like"]) == ("Grace", version)
    carried_out = threading.Event()
    for _ in range(100):
        if scene.files.finished_head("scores-retrain@master"):
            break
        carried_out.wait(0.1)
    why = json.loads(scene.files.read("scores-retrain@master", "/why.json"))
    assert why["like"] == {"model": version, "family": "linear", "parameters": {}, "seed": 0}


def test_who_stops_a_job_stands_in_its_reason(opens, scene):
    scene.pachd.pfs.create_repo(repo=pfs.Repo(name="awaited"))
    scene.pachd.pps.create_pipeline(
        pipeline=pps.Pipeline(name="sleeper"),
        input=pps.Input(pfs=pps.PfsInput(repo="awaited", glob="/")),
        transform=pps.Transform(cmd=["sleep", "600"]),
    )
    head = scene.put("awaited", "/now", "x")
    page = opens(f"/jobs/default/sleeper/{head}")
    page.get_by_role("button", name="Stop", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Your name").fill("Ada")
    dialog.get_by_role("button", name="Stop this job").click()
    expect(page.get_by_text("stopped in the console by Ada", exact=True)).to_be_visible(timeout=LONG_MS)
    assert [job.reason for job in scene.jobs(head)] == ["stopped in the console by Ada"]


def test_files_are_dropped_and_their_progress_is_shown(opens, scene):
    scene.pachd.pfs.create_repo(repo=pfs.Repo(name="dropped"))
    page = opens("/repos/default/dropped")
    channel = page.context.new_cdp_session(page)
    channel.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 2_000_000}
    channel.send("Network.emulateNetworkConditions", slow)
    dropped = page.evaluate_handle(
        """() => { const all = new DataTransfer();
        all.items.add(new File([new Uint8Array(6_000_000)], "dropped.bin")); return all; }"""
    )
    page.dispatch_event(".drop", "drop", {"dataTransfer": dropped})
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("dropped.bin (5.7 MiB)")
    dialog.get_by_role("button", name="Upload").click()
    page.wait_for_function(
        """() => { const bar = document.querySelector('.sending progress');
        return bar && bar.value > 0 && bar.value < bar.max; }"""
    )
    expect(page.locator(".sending")).to_contain_text("stored, 5.7 MiB", timeout=LONG_MS)
    assert len(scene.files.read("dropped@master", "/dropped.bin")) == 6_000_000


def test_who_decides_on_an_old_picture_is_asked_to_look_again(opens, scene):
    page = opens("/models/default/scores")
    asked = {
        "case": "scores",
        "kind": "promoted",
        "subject": "0" * 32,
        "actor": "Ada",
        "reason": "r",
        "entries": 99,
    }
    answer = page.request.post(f"{scene.url}/console/decisions", data=asked)
    assert answer.status == 409
    assert "decided on meanwhile" in answer.json()["message"]


def test_logs_are_shown_and_searched(opens, scene):
    job = next(job.job for job in scene.pachd.pps.list_job() if job.job.pipeline.name == "scores-clean")
    page = opens(f"/jobs/default/scores-clean/{job.id}")
    expect(page.get_by_role("log")).to_contain_text("sorted", timeout=LONG_MS)
    page.get_by_label("Search the logs").fill("no such words")
    expect(page.locator("main")).to_contain_text("No line says “no such words”.")
    page.get_by_label("Search the logs").fill("SORT")
    expect(page.get_by_role("log")).to_contain_text("sorted")
    page.get_by_label("Search the logs").fill("")
    page.get_by_role("button", name="End").click()
    expect(page.get_by_role("log")).to_contain_text("the command took")


def test_a_page_says_that_the_daemon_is_away_and_recovers_by_itself(browser, tmp_path):
    ports = {"pachd_port": 0, "s3_port": 0, "ingress_port": 0}
    house = House(Options(state=tmp_path, http_port=0, **ports))
    url = house.running.http
    port = int(url.rpartition(":")[2])
    page = browser.new_context().new_page()
    page.goto(url)
    expect(page.locator(".tiles")).to_be_visible()
    page.evaluate("() => { window.same = true; }")
    house.close()
    banner = page.get_by_text("Howdah does not answer")
    expect(banner).to_be_visible(timeout=LONG_MS)
    house = House(Options(state=tmp_path, http_port=port, **ports))
    expect(banner).not_to_be_visible(timeout=LONG_MS)
    assert page.evaluate("() => window.same") is True
    page.context.close()
    house.close()


def test_pages_of_others_and_scripts_of_others_are_refused(scene, opens):
    page = opens("/")
    policy = page.request.get(scene.url).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    headers = {"origin": "https://elsewhere.example"}
    assert page.request.post(f"{scene.url}/console/decisions", data={}, headers=headers).status == 403
    file = f"{scene.url}/console/file?project=default&repo=hostile&commit=master&path=/page.html"
    answer = page.request.get(file)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
