"""A browser and a clinic for all tests of the package, made once and closed after its last test.

Chromium is the machine's own (`apt-get install chromium`). Without it these tests are skipped,
except where AFTERCARE_BROWSER=required says that it must be there, as `.ci/run` does.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser import clinic as clinics
from tests.browser import world
from tests.browser.clinic import Clinic
from tests.browser.watching import Watch, watched
from tests.browser.world import Lived

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
PATIENCE = 15_000  # milliseconds for whatever a page is to show


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The machine's Chromium, without a window."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        reason = "There is no Chromium here: apt-get install chromium"
        if os.environ.get("AFTERCARE_BROWSER") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def clinic(
    chromium: Browser, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Clinic]:
    """The demo clinic with its story told."""
    with clinics.opened(
        request.getfixturevalue("clone")(), tmp_path_factory.mktemp("browser") / "clinic"
    ) as opened:
        yield opened


@pytest.fixture(scope="package")
def lived(clinic: Clinic) -> Lived:
    """The clinic after all that tests/browser/world.py tells."""
    return world.lived(clinic)


Opening = Callable[..., Page]


@pytest.fixture
def visit(chromium: Browser, clinic: Clinic, request: pytest.FixtureRequest) -> Iterator[Opening]:
    """A function that opens a browser of somebody's own; what goes wrong in one fails the test."""
    contexts: list[BrowserContext] = []
    watches: list[Watch] = []

    def opened(who: str | None = None, **given: Any) -> Page:
        context = chromium.new_context(
            base_url=clinic.url, **({"viewport": {"width": 1280, "height": 800}} | given)
        )
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        if who is not None:
            sign_in(context, who)
        page = context.new_page()
        watches.append(watched(page))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [wrong for watch in watches for wrong in watch.faults] == []


def sign_in(context: BrowserContext, who: str) -> None:
    """Past the form, which has tests of its own."""
    signed = context.request.post(
        "/api/v1/session", data={"email": who, "password": clinics.PASSWORD}
    )
    assert signed.ok, signed.text()
