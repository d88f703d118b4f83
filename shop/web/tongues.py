"""In which language, and by whose clock, a page or a letter speaks.

A person's own choice goes first, then the visitor's cookie, then what the browser asks for.
Messages are written in English in the code and translated by gettext catalogues in
`shop/translations`; what a catalogue does not know is shown in English. Days and money are written
as the United States write them in that language (CLDR en_US, es_US).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from babel import Locale
from flask import Flask, Response, has_request_context, request
from flask_babel import Babel, force_locale, get_locale

from shop.core.languages import Language

COOKIE = "language"


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


def _wanted(chosen: Callable[[], str | None]) -> Language:
    if not has_request_context():
        return DEFAULT
    for wish in (chosen(), request.cookies.get(COOKIE)):
        if wish in list(Language):
            return Language(wish)
    best = request.accept_languages.best_match([each.value for each in Language])
    return Language(best) if best else DEFAULT
