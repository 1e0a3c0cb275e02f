"""Pictures of the console's main views for docs/console.md, from a running demo.

    make demo                                  # in one terminal, until it says that it stays up
    scripts/screenshots.py [http://127.0.0.1:4000]

Drives Debian's Chromium (apt-get install chromium). Colours are reduced, so that the pictures stay small.
"""

import shutil
import sys
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

OUT = Path(__file__).resolve().parent.parent / "docs" / "console"
SIZE = {"width": 1280, "height": 800}
COLOURS = 96
VIEWS = {
    "home": ("/", "light"),
    "graph": ("/dag?node=default%2Fmileage-model", "light"),
    "model": ("/models/default/mileage", "light"),
    "monitoring-dark": ("/monitoring/default/mileage", "dark"),
    "deployment": ("/deployments/default/mileage", "light"),
    "compare": ("/compare/default/mileage", "light"),
    "catalog": ("/catalog?find=year", "light"),
    "changes": ("/repos/default/mileage-decisions/master?against=parent", "light"),
}


def main() -> int:
    url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:4000"
    chromium = shutil.which("chromium")
    if chromium is None:
        print("Pictures are taken with Debian's Chromium: apt-get install chromium")
        return 1
    OUT.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for name, (path, scheme) in VIEWS.items():
            taken = picture(browser, url + path, scheme)
            (OUT / f"{name}.png").write_bytes(taken)
            print(f"{name}.png  {len(taken) >> 10} KiB")
        browser.close()
    return 0


def picture(browser: Browser, address: str, scheme: str) -> bytes:
    page = browser.new_page(viewport=SIZE, color_scheme=scheme)
    page.goto(address)
    page.locator(".waiting").first.wait_for(state="detached")
    page.wait_for_timeout(1500)  # plots and logs come after what they stand beside
    drawn = Image.open(BytesIO(page.screenshot())).convert("RGB")
    page.close()
    reduced = drawn.quantize(COLOURS, dither=Image.Dither.NONE)
    packed = BytesIO()
    reduced.save(packed, "PNG", optimize=True)
    return packed.getvalue()


if __name__ == "__main__":
    sys.exit(main())
