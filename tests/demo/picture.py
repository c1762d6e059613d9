"""`make picture`: the README's picture of the dashboard, taken from the demo."""

import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.demo.company import PASSWORD
from tests.pages import chromium

PORT = os.environ.get("HORIZON_PORT", "8017")
ADDRESS = f"http://127.0.0.1:{PORT}"
PICTURE = Path(__file__).resolve().parents[2] / "docs" / "dashboard.png"
SETTLED = 25_000  # milliseconds: every project was read, the first release is open


def main() -> None:
    environment = os.environ | {
        "HORIZON_PORT": PORT,
        "HORIZON_ADMIN_PASSWORD": PASSWORD,
        "DEMO_FOLDER": ".demo-picture",
    }
    demo = subprocess.Popen([sys.executable, "-m", "tests.demo"], env=environment, stdout=subprocess.DEVNULL)
    try:
        wait_until_filled()
        with sync_playwright() as playwright:
            browser = chromium.launch(playwright)
            take(browser.new_page(viewport={"width": 1280, "height": 860}, device_scale_factor=1.5))
            browser.close()
    finally:
        demo.terminate()
        demo.wait()
    print(f"wrote {PICTURE.name}")


def wait_until_filled() -> None:
    pause = threading.Event()
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"{ADDRESS}/healthz", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            pause.wait(0.5)
    raise TimeoutError("the demo did not start within 150 seconds")


def take(page: Page) -> None:
    page.goto(ADDRESS)
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{ADDRESS}/")
    page.wait_for_timeout(SETTLED)
    page.reload()
    page.screenshot(path=PICTURE)


if __name__ == "__main__":
    main()
