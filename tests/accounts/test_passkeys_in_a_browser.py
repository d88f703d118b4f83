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
import sqlalchemy as sa
from flask import Flask
from werkzeug.serving import make_server

from shop import create_app
from shop.accounts import passwords
from shop.core.db import act_as, db
from shop.prescriptions.models import Prescription
from tests import people
from tests.accounts.test_api import WORD
from tests.conftest import Database, config_for
from tests.ports import a_free_port
from tests.prescriptions.builders import a_claimed_request

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


def at_a_device(browser: Any, address: str) -> tuple[Any, Any, list[str]]:
    """A browser with a device in it, its page, and what its console will say of errors."""
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
    return context, page, said


def sign_in(page: Any, email: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("Mail address").fill(email)
    page.get_by_label("Password").fill(WORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: "/sign-in" not in url)


def add_a_passkey(page: Any) -> None:
    page.goto("/account/security")
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Password").fill(WORD)
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url("**/account/security")
    page.get_by_label("Name of the new passkey").fill("My laptop")
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_text("Not used yet.").wait_for()


def test_a_passkey_from_the_page_to_the_signature(served: tuple[Flask, str], browser: Any) -> None:
    app, address = served
    with app.app_context():
        act_as("system:test")
        alice = people.alice(password_hash=passwords.hash_of(WORD))
        db.session.commit()
        email = alice.email
        db.session.remove()
    context, page, said = at_a_device(browser, address)

    sign_in(page, email)
    add_a_passkey(page)
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


def test_a_statement_is_signed_with_a_passkey_in_its_dialog(
    served: tuple[Flask, str], browser: Any
) -> None:
    """Her password is asked of who has none; the statement stays the one she read."""
    app, address = served
    with app.app_context():
        act_as("system:test")
        chen = people.dr_chen(password_hash=passwords.hash_of(WORD))
        number, email = a_claimed_request(people.alice(), by=chen).number, chen.email
        db.session.commit()
        db.session.remove()
    context, page, said = at_a_device(browser, address)
    sign_in(page, email)
    add_a_passkey(page)
    context.clear_cookies()  # a sign-in with a passkey is fresh, one with a password is not
    sign_in(page, email)

    page.goto(f"/review/{number}")
    page.get_by_label("Directions").fill("A pea-sized amount in the evening.")
    page.get_by_label("Indication").fill("Acne vulgaris")
    page.get_by_role("button", name="Read and sign").click()
    dialog = page.locator("dialog[open]")
    dialog.get_by_label("Your password").wait_for()
    dialog.get_by_role("button", name="Sign with a passkey instead").click()

    page.wait_for_url("**/prescriptions/RX-*")
    with app.app_context():
        signed = db.session.scalars(sa.select(Prescription)).one()
        assert signed.factors == ["passkey"]
        db.session.remove()
    assert said == []
    context.close()
