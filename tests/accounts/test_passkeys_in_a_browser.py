"""A real browser with a virtual authenticator (CDP WebAuthn): added, signed in with, proved afresh.

The software device of `authenticator.py` shows what is refused; here it shows that our page and the
browser's own WebAuthn speak the same language. Skipped where no Chromium is installed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from shop import create_app
from shop.accounts import passwords
from shop.core.db import act_as, db
from tests import people
from tests.accounts.test_api import WORD
from tests.conftest import Database, config_for
from tests.ports import a_free_port

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium here")
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def served(live: Database) -> Iterator[tuple[Flask, str]]:
    """The shop at an address of its own, and that address."""
    port = a_free_port()
    address = f"http://localhost:{port}"
    app = create_app(config_for(live, base_url=address))
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield app, address
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield chromium
        chromium.close()


def test_a_passkey_from_the_page_to_the_signature(served: tuple[Flask, str], browser: Any) -> None:
    app, address = served
    with app.app_context():
        act_as("system:test")
        alice = people.alice(password_hash=passwords.hash_of(WORD))
        db.session.commit()
        email = alice.email
        db.session.remove()
    context = browser.new_context(base_url=address)
    page = context.new_page()
    said: list[str] = []
    page.on(
        "console", lambda message: said.append(message.text) if message.type == "error" else None
    )
    page.on("pageerror", lambda error: said.append(str(error)))
    devices = context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})

    page.goto("/sign-in")
    page.get_by_label("Mail address").fill(email)
    page.get_by_label("Password").fill(WORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{address}/")
    page.goto("/account/security")
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Password").fill(WORD)
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url(f"{address}/account/security")
    page.get_by_label("Name of the new passkey").fill("My laptop")
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_text("Not used yet.").wait_for()
    assert page.locator("strong", has_text="My laptop").count() == 1

    context.clear_cookies()
    page.goto("/sign-in?next=/account/security")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"{address}/account/security")
    assert page.get_by_text("Last used").count() == 1

    page.goto("/sign-in/fresh?next=/account/privacy/closure")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(f"{address}/account/privacy/closure")
    assert page.get_by_text("We ask you first").count() == 0

    page.goto("/account/security")
    page.get_by_text("Change My laptop").click()
    page.get_by_role("button", name="Remove this passkey").click()
    page.get_by_text("Removed: My laptop").wait_for()
    context.clear_cookies()
    page.goto("/sign-in")
    page.get_by_role("button", name="Sign in with a passkey").click()
    wrong = page.locator("[data-wrong]")
    wrong.wait_for(state="visible")
    assert "did not work here" in wrong.inner_text()
    assert [text for text in said if "401" not in text] == []
    context.close()


def test_at_another_name_the_page_leads_to_ours(served: tuple[Flask, str], browser: Any) -> None:
    _, address = served
    elsewhere = address.replace("localhost", "127.0.0.1")
    context = browser.new_context()
    page = context.new_page()

    page.goto(f"{elsewhere}/sign-in")

    link = page.get_by_role("link", name="Open this page there.")
    assert link.get_attribute("href") == f"{address}/sign-in"
    assert not page.get_by_role("button", name="Sign in with a passkey").is_visible()
    context.close()


def test_without_javascript_the_password_stays(served: tuple[Flask, str], browser: Any) -> None:
    _, address = served
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()

    page.goto(f"{address}/sign-in")

    assert page.get_by_label("Password").is_visible()
    assert not page.get_by_role("button", name="Sign in with a passkey").is_visible()
    context.close()
