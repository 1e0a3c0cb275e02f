"""What a person does in the console, and what stands in the repositories after it."""

import json
import threading

import pytest
from playwright.sync_api import expect

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
