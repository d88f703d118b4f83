"""Her own page: what the clinic knows, changed without JavaScript; and who looked."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.charts import charting, reading
from shop.charts.facts import (
    Allergy,
    Fitzpatrick,
    Medicine,
    Phototype,
    Pregnancy,
    PregnancyStatus,
)
from shop.charts.models import Access, ChartEntry, Ending
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.prescriptions.models import ApprovalRequest
from tests.accounts.test_api import somebody
from tests.builders import a_cream
from tests.people import alice, dr_chen, eva
from tests.prescriptions.builders import a_draft, a_request
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
    assert f"<strong>{shown}" in text or f"{shown}</strong>" in text
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
    assert "Dr Wei Chen</strong> (physician)" in reader.get(PAGE)


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


# What those who treat her see.


@pytest.fixture
def treated(her: Person) -> dict[str, Person]:
    """Dr Chen may see a request of hers; Eva asked for her; both charted something."""
    chen, esthetician = somebody(dr_chen), somebody(eva)
    act_as("system:test")
    a_request(her)
    a_draft(her, a_cream(), by=esthetician)
    charting.state(her, Allergy("<b>Latex</b>"), by=esthetician, at=now())
    entry = charting.state(her, Medicine("Zinc"), by=chen, at=now())
    charting.end(entry, ending=Ending.ENTERED_IN_ERROR, by=chen, at=now())
    db.session.commit()
    return {"chen": chen, "eva": esthetician}


@pytest.mark.parametrize("who", ["chen", "eva"])
def test_who_treats_her_reads_her_chart(
    app: Flask, her: Person, treated: dict[str, Person], who: str
) -> None:
    text = Reader(app, treated[who]).get(f"/clients/{her.id}/chart")

    assert "&lt;b&gt;Latex&lt;/b&gt;" in text
    assert "by Eva Lind (esthetician)" in text
    assert "None of these" in text  # as she answered in a questionnaire
    assert "(in a questionnaire)" in text
    assert "Medicines: Zinc" in text
    assert "it never was so" in text
    opened = db.session.scalars(sa.select(Access).where(Access.client_id == her.id)).all()
    assert [(one.reader_id, one.record) for one in opened] == [(treated[who].id, "chart")]
    assert "<form" not in text.split("<main", 1)[1].split("</main>", 1)[0]


def test_the_case_leads_to_the_chart(app: Flask, her: Person, treated: dict[str, Person]) -> None:
    number = db.session.scalars(
        sa.select(ApprovalRequest.number).where(ApprovalRequest.submitted_at.is_not(None))
    ).one()
    text = Reader(app, treated["chen"]).get(f"/review/{number}")
    assert f'href="/clients/{her.id}/chart"' in text


def test_nobody_else_opens_it_and_nothing_is_written_down(
    app: Flask, her: Person, treated: dict[str, Person]
) -> None:
    texan = somebody(lambda **given: dr_chen(states=("TX",), **given))
    for person, status in ((texan, 404), (somebody(eva), 404), (somebody(alice), 403), (her, 403)):
        reader = Reader(app, person)
        reader.get(f"/clients/{her.id}/chart")
        assert reader.status == status
    reader = Reader(app, treated["chen"])
    reader.get(f"/clients/{treated['eva'].id}/chart")
    assert reader.status == 404
    assert app.test_client().get(f"/clients/{her.id}/chart").status_code in (303, 401)
    assert db.session.scalars(sa.select(Access)).all() == []
