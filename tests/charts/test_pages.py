"""Her own page: what the clinic knows, changed without JavaScript; and who looked."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.charts import charting, reading
from shop.charts.facts import Allergy, Fitzpatrick, Phototype, Pregnancy, PregnancyStatus
from shop.charts.models import ChartEntry
from shop.core.clock import now
from shop.core.db import act_as, db
from tests.accounts.test_api import somebody
from tests.people import alice, dr_chen
from tests.prescriptions.test_pages import Reader

PAGE = "/account/health"

# What is typed on the form of each kind, and what the page then says.
TYPED: dict[str, tuple[dict[str, str], str]] = {
    "allergy": ({"substance": "Wool wax", "reaction": "Hives", "severity": "mild"}, "Wool wax: Hives (mild)"),
    "condition": ({"code": "other", "text": "Vitiligo"}, "Vitiligo"),
    "pregnancy": ({"status": "trying", "due_on": ""}, "Trying to become pregnant"),
    "medicine": ({"name": "Accutane", "last_taken_on": "2025-03-01"}, "last taken on Sat 1 Mar 2025"),
    "fitzpatrick": ({"phototype": "IV"}, "IV: rarely burns, tans well"),
    "concern": ({"concern": "melasma"}, "Melasma"),
    "guardian": ({"name": "Rosa Moreno", "relationship": "mother"}, "Rosa Moreno (mother)"),
}  # fmt: skip


@pytest.fixture
def her(app: Flask) -> Person:
    return somebody(alice)


@pytest.fixture
def reader(app: Flask, her: Person) -> Reader:
    return Reader(app, her)


def entries() -> list[ChartEntry]:
    return list(db.session.scalars(sa.select(ChartEntry).order_by(ChartEntry.stated_at)))


def tell(reader: Reader, kind: str, **typed: str) -> str:
    reader.get(PAGE)
    return reader.send(PAGE, kind=kind, **{f"{kind}.{name}": text for name, text in typed.items()})


@pytest.mark.parametrize("kind", TYPED)
def test_what_she_types_is_noted_and_shown(reader: Reader, kind: str) -> None:
    typed, shown = TYPED[kind]
    text = tell(reader, kind, **typed)

    assert (reader.status, reader.path) == (200, PAGE)
    assert f'<th scope="row">{shown}' in text or f"{shown}</th>" in text
    assert "by you" in text
    assert [entry.kind for entry in entries()] == [kind]


def test_she_knows_of_no_allergy(reader: Reader) -> None:
    reader.get(PAGE)
    assert "None known" in reader.send(PAGE, none_known="allergy")


def test_what_cannot_be_used_is_shown_beside_its_field(reader: Reader) -> None:
    text = tell(reader, "pregnancy", status="pregnant", due_on="2020-01-01")

    assert reader.status == 422
    assert 'id="e-pregnancy.due_on"' in text
    assert 'value="2020-01-01"' in text
    assert entries() == []


@pytest.mark.parametrize("typed", [{}, {"kind": "horoscope"}, {"none_known": "pregnancy"}])
def test_a_form_of_her_own_making_is_refused(reader: Reader, typed: dict[str, str]) -> None:
    reader.get(PAGE)
    reader.send(PAGE, **typed)
    assert (reader.status, entries()) == (422, [])


@pytest.mark.parametrize(
    ("button", "ending", "shown"),
    [({}, "resolved", "true no longer"), ({"mistaken": "yes"}, "entered_in_error", "never was so")],
)
def test_she_ends_what_she_said_and_it_is_kept(
    reader: Reader, button: dict[str, str], ending: str, shown: str
) -> None:
    tell(reader, "allergy", substance="Wool wax")
    (entry,) = entries()
    text = reader.send(f"{PAGE}/{entry.id}/end", **button)

    assert shown in text
    assert "Allergies: Wool wax" in text
    (entry,) = entries()
    assert entry.ending == ending


def test_what_the_physician_noted_has_no_button_but_a_new_word_on_pregnancy(
    app: Flask, her: Person, reader: Reader
) -> None:
    act_as("system:test")
    chen = dr_chen()
    noted = charting.state(her, Allergy("Nickel"), by=chen, at=now())
    unsure = charting.state(her, Pregnancy(PregnancyStatus.TRYING), by=chen, at=now())
    db.session.commit()

    text = reader.get(PAGE)

    assert "by Dr Wei Chen" in text
    assert f"{PAGE}/{noted.id}/end" not in text
    assert f"{PAGE}/{unsure.id}/end" in text


def test_the_physicians_phototype_has_no_form(app: Flask, her: Person, reader: Reader) -> None:
    assert "fitzpatrick.phototype" in reader.get(PAGE)
    act_as("system:test")
    charting.state(her, Fitzpatrick(Phototype.IV), by=dr_chen(), at=now())
    db.session.commit()
    assert "fitzpatrick.phototype" not in reader.get(PAGE)


def test_she_sees_who_opened_her_record(app: Flask, her: Person, reader: Reader) -> None:
    assert "Nobody but you has opened your record." in reader.get(PAGE)
    act_as("system:test")
    reading.open_record(dr_chen(), her, record="chart", purpose=reading.TREATMENT)
    db.session.commit()
    assert "Dr Wei Chen (physician)" in reader.get(PAGE)


def test_a_minor_is_asked_for_her_guardian(app: Flask) -> None:
    born = date(now().year - 15, 1, 1)
    assert "Guardian" not in Reader(app, somebody(alice)).get(PAGE)
    young = Reader(app, somebody(alice, birth_date=born))
    assert "please tell us who answers for you" in young.get(PAGE)
    tell(young, "guardian", name="Rosa Moreno", relationship="mother")
    assert "please tell us who answers for you" not in young.text


def test_her_words_are_escaped_and_the_page_is_kept_nowhere(reader: Reader) -> None:
    text = tell(reader, "allergy", substance="<script>alert(1)</script>")
    assert "<script>alert" not in text
    assert reader.page.headers["Cache-Control"] == "no-store"


def test_the_account_leads_to_it(reader: Reader) -> None:
    assert f'href="{PAGE}"' in reader.get("/account")
