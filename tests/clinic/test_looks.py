"""How the clinic looks: chosen by a manager, readable, shown on every page; and in which language."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from shop.accounts.models import Person
from shop.clinic import choosing, colours, queries
from shop.clinic.errors import BadLook
from shop.clinic.pages import KEPT
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.events import Kind
from shop.core.languages import Language
from tests.accounts.test_pages import somebody
from tests.clinic.logos import a_logo
from tests.people import alice, mona
from tests.prescriptions.test_pages import Reader


@pytest.fixture(autouse=True)
def _fresh(app: Flask) -> Any:
    """What a process remembers of a look goes with the test."""
    app.extensions.pop(KEPT, None)
    yield
    app.extensions.pop(KEPT, None)


def choose(**given: Any) -> Any:
    return choosing.choose(**({"name": "Clear Clinic", "by": mona(), "at": now()} | given))


# Worked by hand from WCAG 2.2: black on white is 21, a colour on itself 1.
@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#0e5e5a", "#0e5e5a", 1.0),
        ("#777777", "#ffffff", 4.48),
        ("#767676", "#ffffff", 4.54),
    ],
)
def test_contrast_is_as_the_guidelines_reckon_it(one: str, other: str, ratio: float) -> None:
    assert round(colours.contrast(one, other), 2) == ratio
    assert colours.contrast(one, other) == colours.contrast(other, one)


@pytest.mark.parametrize("accent", ["#0e5e5a", "#7a1f3d", "#000000", "#3b2f8f", "#005a9c"])
def test_an_accent_has_a_twin_that_is_read_in_the_dark(accent: str) -> None:
    assert colours.contrast(colours.for_the_dark(accent), colours.DARK_PAPER) >= colours.READABLE
    assert f"--accent: {accent}" in colours.stylesheet(accent)


def test_a_look_is_kept_told_and_the_last_one_counts(app: Flask) -> None:
    manager = mona()
    choose(hero_title="Care that goes on at home", accent="#7A1F3D", logo=a_logo(), by=manager)
    look = choose(name="  Clear   Skin ", accent="", by=manager)
    assert (look.name, look.logo_type, look.hero_title) == ("Clear Skin", "image/png", "")
    assert queries.shown("x").name == "Clear Skin"
    assert [one.name for one in queries.looks()] == ["Clear Skin", "Clear Clinic"]
    told = events.of(manager.id)[-1]
    assert (told.kind, told.facts["fields"]) == (
        Kind.CLINIC_LOOK_CHOSEN,
        ["name", "hero_title", "accent"],
    )
    assert choose(keep_logo=False).logo is None


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "white words on yellow": ({"accent": "#ffe66d"}, "accent"),
    "no picture": ({"logo": b"hello"}, "file"),
    "a JPEG": ({"logo": a_logo(kind="JPEG")}, "file"),
    "too wide": ({"logo": a_logo(401)}, "file"),
    "too large": ({"logo": bytes(200_001)}, "file"),
}


@pytest.mark.parametrize("why", BAD)
def test_what_cannot_be_shown_is_refused_by_field(app: Flask, why: str) -> None:
    given, field = BAD[why]
    with pytest.raises(BadLook) as caught:
        choose(**given)
    assert list(caught.value.fields) == [field]
    assert queries.latest() is None


def test_every_page_shows_it_and_only_a_manager_may_choose(app: Flask) -> None:
    page, client = Reader(app, somebody(mona)), Reader(app, somebody(alice))
    assert "Luminescence" in page.get("/manage/clinic")
    page.send("/manage/clinic", name="", accent="red")
    assert page.status == 422
    assert 'href="#f-accent"' in page.text
    page.send("/manage/clinic", name="Clear Clinic", accent="#7a1f3d")
    text = client.get("/")
    assert "Clear Clinic" in text
    assert "/clinic.css?v=" in text
    assert "#7a1f3d" in app.test_client().get("/clinic.css").text
    assert app.test_client().get("/clinic/logo").status_code == 404
    client.get("/manage/clinic")
    assert client.status == 403
    assert "Icons" in page.get("/manage/style")


def test_a_language_is_chosen_kept_and_told(app: Flask) -> None:
    client = somebody(alice)
    reader = Reader(app, client)
    assert '<html lang="en">' in reader.get("/account")
    reader.send("/language", language="es")
    assert reader.path == "/account"
    assert _language(client) == "es"
    assert '<html lang="es">' in reader.text
    assert events.of(client.id)[-1].kind == Kind.LANGUAGE_CHOSEN
    reader.send("/language", language="tlh", next="https://elsewhere.example/")
    assert reader.path == "/"
    assert _language(client) == Language.SPANISH


def _language(person: Person) -> str:
    db.session.expire_all()
    return db.session.get_one(Person, person.id).language


def test_a_visitor_is_answered_in_what_the_browser_asks_for(app: Flask) -> None:
    page = app.test_client().get("/", headers={"Accept-Language": "es-MX,es;q=0.9,en;q=0.5"})
    assert '<html lang="es">' in page.text
    assert "Accept-Language" in page.headers["Vary"]
    assert '<html lang="en">' in app.test_client().get("/", headers={"Accept-Language": "fr"}).text


def test_words_are_explained_once(app: Flask) -> None:
    text = app.test_client().get("/words").text
    assert "With our physicians" in text
    assert "It waits for a physician to take it." in text
