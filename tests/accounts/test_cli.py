"""`flask accounts …`"""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts import passwords
from shop.accounts.models import Licence, Person
from shop.core.db import db
from tests import people


def run(app: Flask, *words: str, typed: str = "") -> Any:
    return app.test_cli_runner().invoke(args=["accounts", *words], input=typed)


def test_create_reads_the_password_from_standard_input(app: Flask) -> None:
    npi = people.an_npi()

    done = run(
        app,
        *("create", "--role", "physician", "--email", "n@example.test", "--npi", npi),
        "--password-stdin",
        typed="gray plum 12\n",
    )

    assert done.exit_code == 0, done.output
    person = db.session.scalars(sa.select(Person)).one()
    assert (person.role, person.npi) == ("physician", npi)
    assert passwords.matches(person.password_hash, "gray plum 12")


def test_create_asks_for_the_password_twice(app: Flask) -> None:
    words = ("create", "--role", "manager", "--email", "m@example.test", "--name", "Mo")

    assert run(app, *words, typed="gray plum 12\nother plum 1\n").exit_code != 0
    assert run(app, *words, typed="gray plum 12\ngray plum 12\n").exit_code == 0


REFUSED = {
    "a wrong NPI": ("physician", "n@example.test", "1234567890", "npi"),
    "no mail address": ("staff", "n", "", "email"),
    "somebody else's address": ("staff", "sam@example.test", "", "email"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_create_names_what_is_wrong(app: Flask, case: str) -> None:
    role, email, npi, field = REFUSED[case]
    people.sam(email="sam@example.test")
    db.session.commit()

    done = run(
        app,
        *("create", "--role", role, "--email", email, "--npi", npi, "--password-stdin"),
        typed="gray plum 12\n",
    )

    assert done.exit_code == 1
    assert f"{field}:" in done.output
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Person)) == 1


def test_licence(app: Flask) -> None:
    people.dr_chen(states=(), email="chen@example.test")
    db.session.commit()
    words = (
        *("licence", "--email", "chen@example.test", "--kind", "MD", "--state", "CA"),
        *("--number", "A1", "--from", "2026-01-01", "--until", "2028-01-01"),
    )

    first, second = run(app, *words), run(app, *words)

    assert (first.exit_code, second.exit_code) == (0, 1)
    assert "covers some of these days" in second.output
    assert db.session.scalars(sa.select(Licence.number)).all() == ["A1"]


def test_licence_of_nobody(app: Flask) -> None:
    done = run(
        app,
        *("licence", "--email", "x@example.test", "--kind", "MD", "--state", "CA", "--number", "A"),
        *("--from", "2026-01-01", "--until", "2028-01-01"),
    )

    assert done.exit_code == 1
    assert "x@example.test" in done.output
