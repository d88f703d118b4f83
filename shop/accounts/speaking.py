"""Choose the language in which the shop speaks and writes to somebody."""

from __future__ import annotations

from shop.accounts.models import Person
from shop.core import events
from shop.core.events import Kind
from shop.core.languages import Language


def speak(person: Person, language: Language) -> None:
    """From now on pages and letters are in `language`. Safe to repeat."""
    if person.language != language:
        person.language = language.value
        events.record(Kind.LANGUAGE_CHOSEN, person, language=language.value)
