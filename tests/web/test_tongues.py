"""Translations: nothing on a page is bare, every sentence has its Spanish, patterns know their parts."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from flask import Flask
from flask_babel import refresh

from shop.web import extracting, tongues
from shop.web.tongues import told

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "shop"
SPANISH = SHOP / "translations" / "es" / "LC_MESSAGES" / "messages.po"

CHUNK = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
TAG = re.compile(r"""<!--.*?-->|<(?:[^<>"']|"[^"]*"|'[^']*')*>""", re.DOTALL)
SPOKEN_ATTRIBUTE = re.compile(r'\s(?:title|aria-label|placeholder|data-label|alt)="([^"]*)"')
LETTERS = re.compile(r"[A-Za-z]{3,}")
# Names and codes: the same in every language.
NAMES = {"SHA", "NDC", "GTIN", "SKU", "API", "NPI", "GPO", "CSV", "PDF", "FHIR"}


def bare(source: str) -> list[str]:
    """Words of a template that no translator sees."""
    source = CHUNK.sub("\0", re.sub(r'(%\}) class="working"(?=\{%)', r"\1", source))
    found = [text for tag in TAG.findall(source) for text in SPOKEN_ATTRIBUTE.findall(tag)]
    found += TAG.sub("\0", source).split("\0")
    said = (" ".join(text.replace("&nbsp;", " ").split()) for text in found)
    return [
        text
        for text in said
        if not text.startswith("aria-")
        and set(LETTERS.findall(re.sub(r"&[a-z]+;|https?:\S+", "", text))) - NAMES
    ]


def catalogue(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file)


def parts(text: str) -> list[str]:
    return sorted(re.findall(r"%\([a-z_0-9]+\)s|\{[0-9]+\}|%%", text))


def forms(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What the code and the templates say, gathered as `make words` does."""
    pot = tmp_path_factory.mktemp("words") / "messages.pot"
    subprocess.run(
        [
            *(sys.executable, "-m", "babel.messages.frontend", "-q", "extract", "--no-location"),
            *("-F", "babel.cfg", "-o", str(pot), "shop"),
        ],
        cwd=ROOT,
        check=True,
        timeout=120,
    )
    return {str(one.id) for one in catalogue(pot) if one.id}


@pytest.mark.parametrize("page", sorted((SHOP / "templates").rglob("*.html")), ids=lambda p: p.stem)
def test_no_page_holds_words_that_nobody_can_translate(page: Path) -> None:
    assert bare(page.read_text()) == []


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("<p>Hello there</p>", ["Hello there"]),
        ('<a title="Go back">{{ x }}</a>', ["Go back"]),
        ("{% if a > b %}yes indeed{% endif %}", ["yes indeed"]),
        ('<p class="long-name">{{ _("Hello") }} · 12 &nbsp;</p>', []),
    ],
)
def test_a_bare_word_would_be_seen(source: str, seen: list[str]) -> None:
    assert bare(source) == seen


# A field's value is a code: in Spanish, "cara" is no part of a body that the shop knows.
CODE_TRANSLATED = re.compile(r"""typed[\w.\[\]"']* or _\(["'][a-z_]+["']\)""")


def test_no_code_is_translated() -> None:
    pages = sorted((SHOP / "templates").rglob("*.html"))
    assert [page.name for page in pages if CODE_TRANSLATED.search(page.read_text())] == []


def test_a_translated_code_would_be_seen() -> None:
    assert CODE_TRANSLATED.search('typed.area or _("face")')
    assert not CODE_TRANSLATED.search('typed.text or _("Stop using it.")')


def test_every_sentence_has_its_spanish(said: set[str]) -> None:
    known = {str(one.id) for one in catalogue(SPANISH) if one.id and all(forms(one))}
    assert sorted(said - known)[:20] == []
    assert len(said) > 5000


def test_a_translation_keeps_every_part() -> None:
    wrong = []
    for one in catalogue(SPANISH):
        if one.id:
            ids = [one.id] if isinstance(one.id, str) else list(one.id)
            # One may be said in words: the first of several forms need not hold the number.
            told = forms(one)[len(ids) > 1 :]
            wrong += [ids[0] for text in told if text and parts(text) != parts(ids[-1])]
    assert wrong == []


def _single(message: Message) -> bool:
    return bool(message.id) and isinstance(message.id, str)


def test_what_is_compiled_is_what_is_written() -> None:
    with SPANISH.with_suffix(".mo").open("rb") as file:
        compiled = {str(one.id): one.string for one in read_mo(file) if _single(one)}
    written = {str(one.id): one.string for one in catalogue(SPANISH) if _single(one) and one.string}
    assert compiled == written


def test_a_sentence_made_of_parts_is_known_again(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = {"Gone": "Se fue", "Choose {0} to {1}.": "Elija de {0} a {1}."}
    pairs = [(extracting.pattern_of("Choose {0} to {1}."), "Elija de {0} a {1}.")]
    monkeypatch.setattr(tongues, "_catalogue", lambda language: (words, {"Choose": pairs}))
    with app.test_request_context(headers={"Accept-Language": "es"}):
        assert told("Choose 1 to 20.") == "Elija de 1 a 20."
        assert told("Choose 1 to Gone.") == "Elija de 1 a Se fue."
        assert told("Choose 1 to 20. Choose 3 to 4.") == "Elija de 1 a 20. Elija de 3 a 4."
        assert told("Unheard of. Gone") == "Unheard of. Se fue"
    refresh()  # the tests share one application context, which remembers the language
    with app.test_request_context():
        assert told("Choose 1 to 20.") == "Choose 1 to 20."


def test_f_strings_are_gathered_and_docstrings_are_not(tmp_path: Path) -> None:
    path = tmp_path / "verb.py"
    path.write_text(
        '"""A docstring. Really."""\nraise X(f"Take {n} of {m}.", fields={"a": ["Too many."]})\n'
    )
    with path.open("rb") as file:
        found = [text for _, _, text, _ in extracting.sentences(file, None, None, None)]
    assert sorted(found) == ["Take {0} of {1}.", "Too many."]
