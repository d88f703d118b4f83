"""The physician's pages of what became known after she signed, and what her client reads."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts import delegating
from shop.accounts.models import Person
from shop.charts import charting
from shop.charts.facts import Pregnancy, PregnancyStatus
from shop.charts.models import Access
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.orders import rechecking
from shop.prescriptions.models import HealthReview, Prescription
from shop.prescriptions.states import PrescriptionStatus
from tests.accounts.test_api import somebody
from tests.people import alice, dr_chen
from tests.prescriptions.builders import a_prescription
from tests.prescriptions.test_checking import a_formula, hydroquinone, tretinoin
from tests.prescriptions.test_pages import Reader

WHY = "She stops in a week; we spoke on the phone."
UNSAFE = "A retinoid in or before pregnancy"


@pytest.fixture
def cast(app: Flask) -> dict[str, Person]:
    cast = {"alice": somebody(alice)}
    return cast | {name: somebody(dr_chen) for name in ("chen", "lee", "ruiz")}


def held(cast: dict[str, Person], **given: Any) -> str:
    """Signed, then she says that she is pregnant; its number."""
    act_as("system:test")
    formula = a_formula(given.pop("active", tretinoin)(), name="Nightly")
    client = cast["alice"]
    one = a_prescription(client, formula, by=cast["chen"], **given)
    db.session.commit()
    with rechecking.following(client, at=now()):
        charting.state(client, Pregnancy(PregnancyStatus.PREGNANT), by=client, at=now())
    db.session.commit()
    return one.number


def test_she_finds_it_on_her_desk_reads_it_and_lets_it_go(
    app: Flask, cast: dict[str, Person]
) -> None:
    number = held(cast)
    road = f"/prescriptions/{number}/health-review"
    chen = Reader(app, cast["chen"])
    assert "Health news (1)" in chen.get("/review")
    listed = chen.get("/review/health-news")
    assert cast["alice"].name in listed
    assert road in listed
    assert UNSAFE not in listed  # that is read one by one, and each reading is written down
    assert f'href="{road}"' in chen.get(f"/prescriptions/{number}")
    assert UNSAFE in chen.get(road)
    opened = sa.select(Access.record).where(Access.reader_id == cast["chen"].id)
    assert f"prescription {number}" in set(db.session.scalars(opened))

    again = chen.send(road, reason="ok")
    assert (chen.status, "at least 10 letters" in again) == (422, True)
    assert status_of(number) is PrescriptionStatus.ON_HOLD
    done = chen.send(road, reason=WHY)
    assert f"{number} goes on." in done
    assert "No prescription waits for you" in done
    assert status_of(number) is PrescriptionStatus.ACTIVE
    assert [one.reason for one in db.session.scalars(sa.select(HealthReview))] == [WHY]
    assert "Nothing that was not seen before." in chen.get(road)
    assert "Look at it and resume" not in chen.text
    assert "Health news</a>" in chen.get("/review")


def test_who_stands_in_finds_it_and_a_stranger_does_not(
    app: Flask, cast: dict[str, Person]
) -> None:
    number, today = held(cast), now().date()
    delegating.delegate(cast["chen"], cast["lee"], starts_on=today, ends_on=today, today=today)
    db.session.commit()
    road = f"/prescriptions/{number}/health-review"
    ruiz = Reader(app, cast["ruiz"])
    assert "No prescription waits for you" in ruiz.get("/review/health-news")
    ruiz.get(road)
    assert ruiz.status == 404

    lee = Reader(app, cast["lee"])
    assert number in lee.get("/review/health-news")
    assert UNSAFE in lee.get(road)
    lee.send(road, reason=WHY)
    assert status_of(number) is PrescriptionStatus.ACTIVE


def test_a_hard_stop_shows_no_form(app: Flask, cast: dict[str, Person]) -> None:
    number = held(cast, active=hydroquinone, fills=1)
    road = f"/prescriptions/{number}/health-review"
    chen = Reader(app, cast["chen"])
    page = chen.get(road)
    assert "nobody may override this" in page
    assert f'action="{road}"' not in page

    sent = chen.client.post(road, data={"reason": WHY, **token(chen)})
    assert sent.status_code == 409
    assert "Nobody may override" in sent.get_data(as_text=True)
    assert status_of(number) is PrescriptionStatus.ON_HOLD


def test_her_client_reads_that_her_physician_will_look(app: Flask, cast: dict[str, Person]) -> None:
    number = held(cast)
    reader = Reader(app, cast["alice"])
    page = reader.get(f"/prescriptions/{number}")
    assert "Your physician will look at it." in page
    assert "health-review" not in page
    reader.get(f"/prescriptions/{number}/health-review")
    assert reader.status == 403


def status_of(number: str) -> PrescriptionStatus:
    """As it is committed now."""
    query = sa.select(Prescription.status).where(Prescription.number == number)
    return db.session.scalars(query).one()


def token(reader: Reader) -> dict[str, str]:
    """What every form of hers carries."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', reader.text)
    return {"csrf_token": found.group(1)} if found else {}
