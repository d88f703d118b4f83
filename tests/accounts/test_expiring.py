"""Licences that end soon are told of once at each step."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from flask import Flask

from shop.accounts import employing, expiring
from shop.accounts.models import Licence
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from tests.people import a_licence, dr_chen, eva, mona


@pytest.fixture(autouse=True)
def _app(app: Flask) -> None:
    """Every test here speaks with the database."""


def today() -> date:
    return now().date()


def ending(days: int, **given: object) -> Licence:
    """A licence that ends in so many days."""
    return a_licence(dr_chen(states=()), valid_until=today() + timedelta(days=days), **given)


def told(licence: Licence) -> list[int]:
    """The steps that were told of it."""
    return [event.facts["step"] for event in events.of(licence.id) if "step" in event.facts]


def test_each_step_is_told_once_whenever_the_job_runs() -> None:
    licence = ending(61)

    for day in (0, 1, 1, 2, 31, 47, 54, 58, 60, 60, 61, 70):
        expiring.tell(at=now() + timedelta(days=day))
        db.session.commit()

    assert told(licence) == [60, 30, 14, 7, 1]


def test_after_a_long_silence_only_the_step_of_today_is_told() -> None:
    licence = ending(10)

    assert expiring.tell(at=now()) == [licence]
    assert expiring.tell(at=now()) == []

    assert told(licence) == [14]
    (event,) = events.of(licence.id)
    assert event.facts == {
        "step": 14,
        "until": licence.valid_until.isoformat(),
        "state": "CA",
    }


STEPS = {60: 60, 59: 60, 31: 60, 30: 30, 15: 30, 14: 14, 8: 14, 7: 7, 2: 7, 1: 1, 0: 1}


@pytest.mark.parametrize("left", STEPS)
def test_a_step_is_the_last_that_is_not_over(left: int) -> None:
    assert expiring.step(left) == STEPS[left]


def test_what_nobody_needs_to_know_is_not_told() -> None:
    ending(61)
    ending(0)
    renewed = ending(10)
    a_licence(
        renewed.person,
        valid_from=renewed.valid_until,
        valid_until=renewed.valid_until + timedelta(days=365),
    )
    over = ending(10)
    over.ended_on, over.ended_by_id = today(), mona().id
    employing.disable(ending(10).person, by=mona(), at=now())
    db.session.flush()

    assert expiring.tell(at=now()) == []


def test_a_renewal_with_a_gap_is_told() -> None:
    licence = ending(10)
    a_licence(
        licence.person,
        valid_from=licence.valid_until + timedelta(days=1),
        valid_until=licence.valid_until + timedelta(days=365),
    )

    assert expiring.tell(at=now()) == [licence]


def test_an_esthetician_is_told_of_hers() -> None:
    licence = a_licence(eva(), kind="esthetician", valid_until=today() + timedelta(days=5))

    assert expiring.tell(at=now()) == [licence]
