"""The console in Debian's Chromium before a real daemon: a large graph, long lists, many pages.

one daemon holds   300 nodes, a folder of 100,000 files, a job that printed 1,000,000 lines
times are          the page's own: from its navigation to the frame that shows what was asked for
frames are         the gaps between animation frames while a person pans or scrolls
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from bench_wire import Daemon, Raw, addition, new_repo, put, settle
from harness import Bench, progress
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps
from playwright.sync_api import Browser, Page, sync_playwright

from howdah.daemon.running import find

SOURCES, LENGTH = 60, 4  # 60 repos with chains of 4 pipelines: 300 nodes
FILES = 100_000
PRINTERS, LINES = 4, 250_000
PAGES = (
    "/", "/dag", "/repos", "/repos/default/raw-0", "/pipelines", "/jobs", "/pipelines/default/printing",
    "/deployments", "/models", "/monitoring",
)  # fmt: skip
PIECE, PIECES = 16 << 20, 12
SMALL_COMMITS = 60
SETTLE_S = 4.0
"""What is measured is pages that are open, not pages that open."""
FRAMES = """async () => {
  const gaps = [];
  const step = (n) => { ACT };
  let last = await new Promise(requestAnimationFrame);
  for (let n = 0; n < 240; n++) {
    step(n);
    const now = await new Promise(requestAnimationFrame);
    gaps.push(now - last);
    last = now;
  }
  gaps.sort((a, b) => a - b);
  return [gaps[Math.floor(gaps.length / 2)], gaps[Math.floor(gaps.length * 0.95)], gaps.at(-1)];
}"""
PAN = """document.querySelector('.canvas svg').dispatchEvent(new PointerEvent(
  n ? 'pointermove' : 'pointerdown',
  { clientX: 400 + (n % 120) * 2, clientY: 400 + n % 60, pointerId: 1, bubbles: true }))"""
ZOOM = """document.querySelector('.canvas svg').dispatchEvent(new WheelEvent(
  'wheel', { deltaY: n % 80 < 40 ? -20 : 20, clientX: 500, clientY: 400,
  bubbles: true, cancelable: true }))"""
SHOWN = """([selector, count]) => new Promise((resolve) => {
  const look = () => document.querySelectorAll(selector).length >= count
    ? requestAnimationFrame(() => resolve(performance.now())) : requestAnimationFrame(look);
  look();
})"""


def furnish(address: str, raw: Raw) -> tuple[str, str]:
    """Everything that is looked at; the ids of the commit with many files and of the job that prints."""
    client = Client.from_pachd_address(address)
    for source in range(SOURCES):
        progress(f"console: chain {source + 1} of {SOURCES}")
        client.pfs.create_repo(repo=pfs.Repo(name=f"raw-{source}"))
        before = f"raw-{source}"
        for place in range(LENGTH):
            name = f"step-{source}-{place}"
            pipe(client, name, before, "true")
            before = name
    progress("console: many files")
    files = new_repo(raw)
    put(raw, files, (addition(f"/d/{number:06}.csv", b"%06d" % number) for number in range(FILES)))
    settle(raw, files)
    progress("console: many lines")
    client.pfs.create_repo(repo=pfs.Repo(name="numbers"))
    with client.pfs.commit(branch=pfs.Branch.from_uri("numbers@master")) as commit:
        for number in range(PRINTERS):
            commit.put_file_from_bytes(f"/{number}", b"x")
    pipe(client, "printing", "numbers", f"seq {10**6} {10**6 + LINES - 1}", glob="/*")
    job = next(
        info.job for info in client.pps.inspect_job_set(job_set=pps.JobSet(id=branch_id(client)), wait=True)
    )
    return files, job.id


def branch_id(client: Client) -> str:
    return client.pfs.inspect_branch(branch=pfs.Branch.from_uri("printing@master")).head.id


def pipe(client: Client, name: str, reads: str, script: str, glob: str = "/") -> None:
    client.pps.create_pipeline(
        pipeline=pps.Pipeline(name=name),
        input=pps.Input(pfs=pps.PfsInput(repo=reads, glob=glob)),
        transform=pps.Transform(cmd=["sh"], stdin=[script]),
    )


def opened(browser: Browser, url: str) -> Page:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(url)
    return page


def smooth(bench: Bench, page: Page, what: str, act: str) -> None:
    half, most, worst = page.evaluate(FRAMES.replace("ACT", act))
    progress(f"{what}: {half:.1f} {most:.1f} {worst:.1f}")
    bench.value(f"{what}: frame, median", half, "ms", must="<= 34", aim="<= 17")
    bench.value(f"{what}: frame, 95 of 100", most, "ms", must="<= 50")


def shown(page: Page, selector: str, number: int = 1) -> float:
    """Seconds from the navigation until so many of it are on the screen."""
    return float(page.evaluate(SHOWN, [selector, number])) / 1000


def first(bench: Bench, browser: Browser, url: str) -> None:
    page = opened(browser, url)
    bench.value("first view", shown(page, ".tiles li", 4), "s", must="<= 1")
    page.close()


def graph(bench: Bench, browser: Browser, url: str) -> None:
    nodes = SOURCES * (LENGTH + 1)
    page = opened(browser, f"{url}/dag")
    bench.value(f"graph of {nodes} nodes drawn", shown(page, ".node", nodes), "s", must="<= 1")
    page.evaluate("() => { SVGElement.prototype.setPointerCapture = () => {}; }")
    smooth(bench, page, "panning it", PAN)
    smooth(bench, page, "zooming it", ZOOM)
    page.close()


def files(bench: Bench, browser: Browser, url: str, repo: str) -> None:
    page = opened(browser, f"{url}/repos/default/{repo}/master?path=%2Fd%2F")
    bench.value(f"{FILES:,} files: the first row", shown(page, "tbody tr", 20), "s", must="<= 1")
    smooth(bench, page, "scrolling them", "document.querySelector('.tall').scrollTop += 360")
    began = time.perf_counter()
    page.evaluate(
        """async (rows) => { const box = document.querySelector('.tall');
        while (!document.querySelector('[aria-rowindex="' + (rows + 1) + '"]')) {
          box.scrollTop = box.scrollHeight; await new Promise(requestAnimationFrame); } }""",
        FILES,
    )
    bench.value("down to the last of them", time.perf_counter() - began, "s", must="<= 60")
    page.close()


def lines(bench: Bench, browser: Browser, url: str, job: str) -> None:
    total = f"{PRINTERS * LINES:,}"
    page = opened(browser, f"{url}/jobs/default/printing/{job}")
    bench.value(f"{total} lines: the first", shown(page, ".line", 20), "s", must="<= 1")
    smooth(bench, page, "scrolling them", "document.querySelector('.log').scrollTop += 400")
    page.locator(".line").first.wait_for()
    began = time.perf_counter()
    page.get_by_role("button", name="End").click()
    page.get_by_text(f"{10**6 + LINES - 1}").first.wait_for()
    bench.value("the end of them, first time", time.perf_counter() - began, "s", must="<= 5")
    page.get_by_role("button", name="Beginning").click()
    page.get_by_text("1000001").first.wait_for()
    began = time.perf_counter()
    page.get_by_role("button", name="End").click()
    page.get_by_text(f"{10**6 + LINES - 1}").first.wait_for()
    bench.value("the end of them, again", time.perf_counter() - began, "s", must="<= 1")
    page.close()


def throughput(bench: Bench, browser: Browser, url: str, raw: Raw) -> None:
    numbers = count()

    def large() -> float:
        pieces = [[addition("/big", os.urandom(2 << 20)) for _ in range(PIECE >> 21)] for _ in range(PIECES)]
        repo = new_repo(raw)
        began = time.perf_counter()
        for requests in pieces:
            put(raw, repo, requests)
        return PIECES * (PIECE >> 20) / (time.perf_counter() - began)

    def small() -> float:
        repo = new_repo(raw)
        began = time.perf_counter()
        for _ in range(SMALL_COMMITS):
            put(raw, repo, [addition(f"/{next(numbers)}", os.urandom(1024))])
        return SMALL_COMMITS / (time.perf_counter() - began)

    sides = {}
    for name, work in (("large", large), ("small", small)):
        sides[f"{name}, nobody looks"] = work
        sides[f"{name}, {len(PAGES)} pages open"] = lambda work=work: watched(browser, url, work)
    got = bench.interleave(sides, rounds=3, warmups=1)
    for name, unit in (("large", "MiB/s"), ("small", "commits/s")):
        peer = ("nobody looks", got[f"{name}, nobody looks"])
        bench.ratio(
            f"put {name}, {len(PAGES)} pages open",
            got[f"{name}, {len(PAGES)} pages open"],
            unit,
            peer=peer,
            must=">= 0.9",
        )


def watched(browser: Browser, url: str, work: object) -> float:
    with looking(browser, url):
        return work()  # type: ignore[operator]


@contextmanager
def looking(browser: Browser, url: str) -> Iterator[None]:
    """Each page in a window of its own, seen, as before ten people: none waits for another's channel."""
    contexts = [browser.new_context(viewport={"width": 1280, "height": 900}) for _ in PAGES]
    for context, path in zip(contexts, PAGES, strict=True):
        page = context.new_page()
        page.goto(url + path)
        page.locator("main h1").wait_for()
        page.locator(".waiting").first.wait_for(state="detached")
    time.sleep(SETTLE_S)
    yield
    for context in contexts:
        context.close()


def main() -> None:
    bench = Bench("console")
    executable = shutil.which("chromium")
    if executable is None:
        sys.exit("the console is measured in Debian's Chromium: apt-get install chromium")
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        daemon = Daemon(Path(folder))
        daemon.start()
        try:
            url = find(daemon.state).http
            raw = Raw(daemon.address)
            repo, job = furnish(f"grpc://{daemon.address}", raw)
            with sync_playwright() as playwright:
                arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
                browser = playwright.chromium.launch(executable_path=executable, args=arguments)
                opened(browser, url).close()
                only = sys.argv[1:]
                if not only or "first" in only:
                    first(bench, browser, url)
                if not only or "graph" in only:
                    graph(bench, browser, url)
                if not only or "files" in only:
                    files(bench, browser, url, repo)
                if not only or "lines" in only:
                    lines(bench, browser, url, job)
                if not only or "puts" in only:
                    throughput(bench, browser, url, raw)
                browser.close()
        finally:
            daemon.stop()
    bench.finish()


if __name__ == "__main__":
    main()
