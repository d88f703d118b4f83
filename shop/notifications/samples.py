"""What letters look like: each with invented facts, for whoever looks at them before readers do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date

from flask_babel import format_currency, format_date

from shop.accounts.models import Person
from shop.clinic import queries as clinic
from shop.notifications import writing
from shop.notifications.mailer import postbox
from shop.notifications.models import Template
from shop.notifications.topics import ENDABLE, why
from shop.notifications.writing import Words

LANGUAGES = ("en", "es")


def sample(template: Template, *, language: str, day: date, reader: Person | None = None) -> Words:
    """The letter with invented facts; `day` is the one it names. Its links lead nowhere real."""
    with writing.speaking(language):
        facts = {name: made(day) for name, made in FACTS.items()}
    look = clinic.shown(postbox.clinic)
    facts |= {"clinic": look.name, "base_url": postbox.base_url}
    end_url = f"{postbox.base_url}/letters/end/sample" if template in ENDABLE else ""
    said = writing.write(
        template,
        facts,
        language=language,
        why=why(template, reader),
        end_url=end_url,
        accent=look.accent,
    )
    return replace(said, text=f"{said.subject}\n\n{said.text}")


FACTS: Mapping[str, Callable[[date], str]] = {
    "name": lambda _: "Alice Moreno",
    "number": lambda _: "A-7Q4KXT",
    "order": lambda _: "A-7Q4KXT",
    "amount": lambda _: format_currency("48.00", "USD"),
    "charge_on": lambda day: format_date(day, "long"),
    "until": lambda day: format_date(day, "long"),
    "carrier": lambda _: "UPS",
    "tracking": lambda _: "1Z 999 AA1 01 2345 6784",
    "secret": lambda _: "sample",
    "urgent": lambda _: "yes",
    "rises": lambda _: "yes",
    "moved": lambda _: "yes",
}
