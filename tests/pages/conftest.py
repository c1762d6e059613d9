"""A real browser and a real web server for the tests of the pages."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.pages import chromium
from tests.pages.server import SiteServer

LIMIT = 10_000  # milliseconds for anything that a test waits for in a page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the tests of a file: the system's Chromium, else the one of `playwright install chromium`.

    Not for the whole run: while it is open, an event loop runs in this thread, and asynchronous tests need their own.
    """
    # Playwright's sync API keeps an event loop in this thread, which Django would take for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        try:
            found = chromium.launch(playwright)
        except chromium.Missing as error:
            pytest.fail(str(error))
        yield found
        found.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page without cookies of other tests. Script errors and refusals of the security policy fail the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(LIMIT)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console", lambda message: errors.append(message.text) if "Content Security Policy" in message.text else None
    )
    yield page
    context.close()
    assert errors == []


@pytest.fixture(scope="session")
def site_server(django_db_setup: None, _static_files_as_they_are: None) -> Iterator[SiteServer]:
    server = SiteServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def live_site(transactional_db: None, site_server: SiteServer) -> str:
    """The address, without the last slash, of the site over the database of the test."""
    return site_server.address
