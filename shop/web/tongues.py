"""In which language, and by whose clock, a page or a letter speaks.

A person's own choice goes first, then the visitor's cookie, then what the browser asks for.
Messages are written in English in the code and translated by gettext catalogues in
`shop/translations`; what a catalogue does not know is shown in English. Days and money are written
as the United States write them in that language (CLDR en_US, es_US).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from babel import Locale
from babel.messages.mofile import read_mo
from flask import Flask, Response, has_request_context, request
from flask_babel import Babel, force_locale, get_locale
from markupsafe import Markup

from shop.core.languages import Language
from shop.web.extracting import pattern_of

COOKIE = "language"
FOLDER = Path(__file__).parents[1] / "translations"
SENTENCES = re.compile(r"(?<=[.?]) (?=[A-Z“])")


Pattern = tuple[re.Pattern[str], str]

NAMES = {Language.ENGLISH: "English", Language.SPANISH: "Español"}
LOCALES = {Language.ENGLISH: Locale("en", "US"), Language.SPANISH: Locale("es", "US")}
DEFAULT = Language.ENGLISH


def init_app(app: Flask, *, time_zone: str, chosen: Callable[[], str | None]) -> None:
    """Speak the reader's language. `chosen` is what the signed-in person has said, if she has."""

    def locale() -> Locale:
        return LOCALES[_wanted(chosen)]

    Babel(
        app,
        default_locale=str(LOCALES[DEFAULT]),
        default_timezone=time_zone,
        default_translation_directories="translations",
        locale_selector=locale,
    )
    app.jinja_env.globals["language"] = spoken
    app.jinja_env.filters["told"] = told

    @app.after_request
    def by_language(response: Response) -> Response:
        if request.endpoint != "static":
            response.vary.add("Accept-Language")
        return response


def spoken() -> Language:
    """The language of the page or letter that is being written."""
    locale = get_locale()
    return Language(locale.language) if locale is not None else DEFAULT


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Write in this language inside: letters, and what a job makes for somebody."""
    with force_locale(str(LOCALES[Language(language)])):
        yield


def told(text: str) -> str:
    """What a verb said in English, in the reader's language; as it is where nobody translated it.

    A sentence made of parts is known again by its pattern ("Choose 1 to {0}."), and its parts are
    translated where they are words of ours.
    """
    language = spoken()
    if language is DEFAULT or not text or isinstance(text, Markup):  # that is translated already
        return text
    return _told(str(text), language)


def _told(text: str, language: Language) -> str:
    """Sentence by sentence where each is known so: a pattern could take two of them for one."""
    sentences = SENTENCES.split(text)
    told_each = [_translated(one, language) for one in sentences]
    if all(told_each):
        return " ".join(one for one in told_each if one)
    return _translated(text, language) or " ".join(
        known or one for known, one in zip(told_each, sentences, strict=True)
    )


def _translated(text: str, language: Language) -> str | None:
    words, patterns = _catalogue(language)
    if text in words:
        return words[text]
    for first in dict.fromkeys((_first(text), "")):
        for pattern, translation in patterns.get(first, ()):
            if found := pattern.fullmatch(text):
                return translation.format(*(words.get(part, part) for part in found.groups()))
    return None


@functools.cache
def _catalogue(language: Language) -> tuple[dict[str, str], dict[str, list[Pattern]]]:
    """The messages of a language as they are, and those with parts by their first word."""
    words: dict[str, str] = {}
    patterns: dict[str, list[Pattern]] = {}
    path = FOLDER / language.value / "LC_MESSAGES" / "messages.mo"
    with path.open("rb") as file:
        for message in read_mo(file):
            if not isinstance(message.id, str) or not message.id or not message.string:
                continue
            words[message.id] = str(message.string)
            if "{0}" in message.id:
                known = (pattern_of(message.id), str(message.string))
                patterns.setdefault(_first(message.id), []).append(known)
    for several in patterns.values():  # what says most is tried first
        several.sort(key=lambda one: len(one[0].pattern), reverse=True)
    return words, patterns


def _first(text: str) -> str:
    """The first word, where a space ends it: what follows may be a part."""
    word, space, _ = text.partition(" ")
    return word if space and "{" not in word else ""


def _wanted(chosen: Callable[[], str | None]) -> Language:
    if not has_request_context():
        return DEFAULT
    for wish in (chosen(), request.cookies.get(COOKIE)):
        if wish in list(Language):
            return Language(wish)
    best = request.accept_languages.best_match([each.value for each in Language])
    return Language(best) if best else DEFAULT
