"""The browser of the tests of the pages and of the README's picture."""

import shutil
from pathlib import Path

from playwright.sync_api import Browser, Playwright

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Missing(Exception):
    """There is no browser; the text says what to do."""


def launch(playwright: Playwright) -> Browser:
    """The system's Chromium, else the one that `playwright install chromium` brought. Raises Missing."""
    program = next((path for name in CHROMIUMS if (path := shutil.which(name))), playwright.chromium.executable_path)
    if not Path(program).exists():
        raise Missing("There is no Chromium. `make browser` installs one.")
    return playwright.chromium.launch(executable_path=program, args=FLAGS)
