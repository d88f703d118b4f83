"""Every letter in words: one template, two forms, two languages, and nothing that others may not read."""

from __future__ import annotations

import re
from datetime import date
from html import unescape
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from flask import Flask

from shop.clinic.colours import READABLE, contrast
from shop.notifications import samples, writing
from shop.notifications.mailer import postbox
from shop.notifications.models import Template
from shop.notifications.topics import ENDABLE, FOR_STAFF, OF_CARE, OF_THE_HOUSE, why

TEMPLATES = Path(writing.__file__).parents[1] / "templates" / "letters"
DAY = date(2027, 1, 31)
LANGUAGES = ("en", "es")
# What would tell a stranger what somebody has, uses or was told, in both languages.
TELLING = re.compile(
    r"prescri|doctor|physician|medic|approv|declin|refus|treat|clinical|health|skin|allerg|patient"
    r"|drug|\brx\b|refill|\bfill|cream|product|diagnos|condition|pharma"
    r"|receta|m[eé]dic|aprob|rechaz|tratam|cl[ií]nic[oa]s|salud|\bpiel\b|alerg|paciente|f[aá]rmac"
    r"|recambi|\bcrema|producto|diagn[oó]s|enfermed|dermat",
    re.IGNORECASE,
)
EACH = [(template, language) for template in Template for language in LANGUAGES]


@pytest.fixture(autouse=True)
def _post(app: Flask) -> None:
    postbox.load(app.config["SHOP"])


def said(template: Template, language: str = "en") -> writing.Words:
    return samples.sample(template, language=language, day=DAY)


def read(html: str) -> str:
    """What a person reads of it: no markup, no sheet."""
    body = re.sub(
        r"<(style|title)>.*?</\1>|<div style=\"display:none.*?</div>", "", html, flags=re.DOTALL
    )
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_a_subject_is_one_short_line_that_tells_a_stranger_nothing() -> None:
    subjects = {each: said(*each).subject for each in EACH}
    assert {each: one for each, one in subjects.items() if not 5 < len(one) <= 78} == {}
    assert {each: one for each, one in subjects.items() if "\n" in one} == {}
    assert {each: one for each, one in subjects.items() if TELLING.search(one)} == {}


def test_the_words_of_a_letter_tell_a_stranger_nothing() -> None:
    for each in EACH:
        letter = said(*each)
        for words in (letter.text, read(letter.html)):
            assert TELLING.findall(words.replace(postbox.clinic, "")) == [], each


def test_a_telling_subject_would_be_seen() -> None:
    for words in ("Your prescription", "Su receta", "Sobre su tratamiento", "Your cream"):
        assert TELLING.findall(words)


@pytest.mark.parametrize("which", Template)
def test_both_forms_say_the_same_and_lead_to_one_place(which: Template) -> None:
    letter = said(which)
    buttons = re.findall(r'<a href="([^"]+)"[^>]*class="button"', letter.html)
    assert len(buttons) == 1
    (link,) = [line for line in re.split(r"\s+", letter.text) if line == unescape(buttons[0])] or [
        ""
    ]
    assert link
    shown = read(letter.html)
    for paragraph in letter.text.split("\n\n")[1:-1]:
        sentence = " ".join(paragraph.split())
        words = re.sub(r": http\S+$", "", sentence)
        assert words in shown, words


@pytest.mark.parametrize("which", Template)
def test_every_link_leads_to_a_page(app: Flask, which: Template) -> None:
    (link,) = re.findall(r'<a href="([^"]+)"[^>]*class="button"', said(which).html)
    doors = app.url_map.bind("localhost")
    assert doors.test(unescape(link).removeprefix(postbox.base_url), method="GET")


def test_a_letter_reads_by_daylight_and_at_night_and_fetches_nothing() -> None:
    html = said(Template.ORDER_SHIPPED).html
    assert "prefers-color-scheme: dark" in html
    assert 'name="color-scheme" content="light dark"' in html
    assert not re.findall(r"<(?:img|script|link|iframe)\b|url\(|@import", html)
    assert len(html.encode()) < 20_000  # longer mails are cut off by some programs


def test_days_and_sums_are_the_readers_languages() -> None:
    english, spanish = (said(Template.REFILL_NOTICE, language) for language in LANGUAGES)
    assert "$48.00 on January 31, 2027" in english.subject
    assert "31 de enero de 2027" in spanish.subject
    assert 'lang="es"' in spanish.html


def test_only_what_can_be_ended_says_how() -> None:
    for template in Template:
        letter = said(template)
        ends = template in ENDABLE
        assert ("/letters/end/" in letter.text) is ends
        assert ("/letters/end/" in letter.html) is ends
        if template not in ("account_confirmation", "account_exists"):
            assert ("cannot be switched off" in " ".join(letter.text.split())) is not ends


def test_facts_are_never_read_as_markup() -> None:
    told = {
        **dict.fromkeys(("clinic", "base_url", "number", "carrier"), "x"),
        "name": "*A* [b](http://evil) <i>c</i> & `d` \\",
        "tracking": "1Z_9_9",
        "base_url": "http://localhost",
    }
    letter = writing.write(Template.ORDER_SHIPPED, told, language="en", why="Because.")
    assert told["name"] in letter.text
    assert f"Hello {told['name']}," in read(letter.html)
    assert "evil" not in "".join(re.findall(r'href="([^"]*)"', letter.html))
    assert "1Z_9_9" in letter.html


def test_the_clinics_accent_is_the_buttons_light_and_dark() -> None:
    told = {**dict.fromkeys(("clinic", "name", "number", "carrier", "tracking"), "x")}
    facts = told | {"base_url": "http://localhost"}
    plain, chosen = (
        writing.write(Template.ORDER_SHIPPED, facts, language="en", why="Because.", accent=accent)
        for accent in ("", "#7a1f4b")
    )
    assert f"background:{writing.ACCENT};" in plain.html
    assert f"background: {writing.DARK_ACCENT} !important" in plain.html
    assert "background:#7a1f4b;" in chosen.html
    dark = re.search(r"background: (#[0-9a-f]{6}) !important; color: #08201F", chosen.html)
    assert dark is not None
    assert contrast(dark[1], "#08201f") >= READABLE
    assert writing.ACCENT not in chosen.html


def test_every_letter_is_somebodys_to_see() -> None:
    assert set(Template) == FOR_STAFF | OF_CARE | OF_THE_HOUSE
    assert not FOR_STAFF & (OF_CARE | OF_THE_HOUSE)


def sentences() -> set[str]:
    """Every sentence of the letters' templates and feet, as gettext asks for it."""
    found = {
        sentence.replace('\\"', '"')
        for path in TEMPLATES.iterdir()
        for sentence in re.findall(r'_\("((?:[^"\\]|\\.)*)"', path.read_text(encoding="utf-8"))
    }
    with writing.speaking("en"):
        found |= {str(why(template, None)) for template in Template}
    return found


def spanish() -> dict[str, str]:
    """What the catalogues say, from their sources."""
    said: dict[str, str] = {}
    for path in sorted((TEMPLATES.parents[1] / "translations" / "es").rglob("*.po")):
        with path.open("rb") as file:
            said |= {str(one.id): str(one.string) for one in read_po(file) if one.string}
    return said


def test_every_sentence_of_a_letter_is_there_in_spanish_and_tells_no_more() -> None:
    known = spanish()
    asked = sentences()
    assert len(asked) > 80
    assert sorted(asked - set(known)) == []
    facts = re.compile(r"%\((\w+)\)s")
    for sentence in asked:
        assert set(facts.findall(sentence)) == set(facts.findall(known[sentence])), sentence
        assert TELLING.findall(known[sentence]) == [], sentence
