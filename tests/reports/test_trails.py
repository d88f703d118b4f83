"""Events in sentences, the access log and that it is read, and what waits for a manager."""

from __future__ import annotations

import csv
import io
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from shop.accounts.models import Person, Role
from shop.accounts.returning import HOME
from shop.catalog.models import Variant
from shop.charts import reading
from shop.charts.models import Access
from shop.core import events
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.core.events import Event, Kind
from shop.notifications import letters
from shop.notifications.models import Letter, Template
from shop.prescriptions import reviewing
from shop.prescriptions.reviewing import RefusalReason
from shop.reports import opened, sentences, trail, waiting
from tests.builders import a_product, a_variant
from tests.inventory.lots import a_lot, today
from tests.orders.things import paid
from tests.people import a_browser, a_licence, alice, bob, dr_chen, mona, sam
from tests.prescriptions.builders import a_claimed_request


class Desk:
    """Mona's browser, and who she is."""

    def __init__(self, app: Flask) -> None:
        self.mona = mona(name="Mona Adams")
        self.browser: FlaskClient = a_browser(app, self.mona)

    def page(self, path: str) -> str:
        answer = self.browser.get(path)
        assert answer.status_code == 200, answer.text[:400]
        return re.sub(r"\s+", " ", answer.text)


@pytest.fixture
def desk(app: Flask) -> Desk:
    return Desk(app)


def test_every_kind_of_event_has_its_sentence() -> None:
    assert set(sentences.SENTENCES) == set(Kind)


def test_events_are_told_with_who_and_about_what(desk: Desk) -> None:
    soap = a_variant(a_product(name="Calm Soap"), cents=1_000)
    a_lot(soap, 5)
    client = alice()
    db.session.commit()
    act_as(client.actor)
    order = paid(client, {soap: 1})
    act_as("system:worker")
    events.record(Kind.PRODUCT_CHANGED, soap.product)
    db.session.commit()

    page = desk.page(f"/manage/events?subject={order.number}")
    assert f'<a href="/orders/{order.number}">{order.number}</a> · <span' in page
    assert "Alice Moreno" in page
    assert "Calm Soap" not in page
    changed = desk.page("/manage/events?subject=calm+soap&actor=system")
    assert f'<a href="/manage/products/{soap.product.slug}">Calm Soap</a>' in changed
    assert "data changed" in changed
    assert order.number not in changed
    only = desk.page("/manage/events?kind=order_paid")
    assert order.number in only
    assert "Calm Soap" not in only
    assert "Nothing is called so" in desk.page("/manage/events?subject=nobody-knows")
    yesterday = (now() - timedelta(days=9)).date()
    assert "Nothing happened" in desk.page(f"/manage/events?until={yesterday}&since={yesterday}")


def test_words_that_tell_of_health_are_not_among_the_facts(desk: Desk) -> None:
    physician = dr_chen()
    request = a_claimed_request(by=physician)
    reviewing.refuse(
        request,
        reason=RefusalReason.CONTRAINDICATED,
        message="Not with this.",
        by=physician,
        at=now(),
    )
    db.session.commit()
    (declined,) = db.session.scalars(
        sa.select(Event).where(Event.kind == Kind.REQUEST_DECLINED)
    ).all()
    assert declined.facts["reason"] == "contraindicated"
    page = desk.page(f"/manage/events?subject={request.number}")
    assert f"Request {request.number}" in page
    assert "contraindicated" not in page
    assert "Not with this" not in page
    assert request.variant.product.name not in page


def test_clinical_kinds_are_all_that_begin_so() -> None:
    told = {kind for kind in Kind if kind.value.startswith(trail.CLINICAL)}
    assert {Kind.REQUEST_DECLINED, Kind.PRESCRIPTION_HELD, Kind.CHART_ENTRY_STATED} <= told
    assert not {Kind.REFUND_DECLINED, Kind.ORDER_HELD, Kind.LOT_HELD} & told


def _opened(reader: Person, client: Person, record: str, **when: Any) -> None:
    reading.open_record(reader, client, record=record, purpose=reading.TREATMENT)
    db.session.flush()


def _readings(of: Person) -> list[Event]:
    query = sa.select(Event).where(Event.subject_id == of.id, Event.kind == Kind.ACCESS_LOG_READ)
    return list(db.session.scalars(query.order_by(Event.seq)))


def test_the_access_log_says_who_opened_what_for_what(desk: Desk) -> None:
    physician, first, second = dr_chen(), alice(), bob()
    _opened(physician, first, "approval_request Q-1")
    _opened(sam(), second, "plan P-2")
    db.session.commit()

    page = desk.page("/manage/access-log")
    for said in ("Dr Wei Chen", "Alice Moreno", "Request Q-1", "Treatment plan P-2", "Bob Ito"):
        assert said in page
    one = desk.page(f"/manage/access-log?client={first.email}")
    assert "Request Q-1" in one
    assert "Treatment plan P-2" not in one
    hers = desk.page(f"/manage/access-log?reader={physician.id}")
    assert "P-2" not in hers
    assert "Nobody opened" in desk.page("/manage/access-log?purpose=payment")
    assert "No client is called so" in desk.page("/manage/access-log?client=nobody")
    assert desk.browser.get("/manage/access-log?purpose=gossip").status_code == 422


def test_reading_the_log_is_written_down_and_of_one_client_in_her_record(desk: Desk) -> None:
    client = alice()
    _opened(dr_chen(), client, "chart")
    db.session.commit()
    desk.page("/manage/access-log")
    (general,) = _readings(desk.mona)
    assert (general.facts["clients"], general.facts["as_file"]) == (0, False)
    assert general.actor == desk.mona.actor
    count = sa.select(sa.func.count()).where(Access.reader_id == desk.mona.id)
    assert db.session.scalar(count) == 0

    desk.page("/manage/access-log?client=alice+moreno")
    (seen,) = db.session.scalars(sa.select(Access).where(Access.reader_id == desk.mona.id))
    assert (seen.client_id, seen.record, seen.purpose) == (client.id, "access_log", "operations")
    assert _readings(desk.mona)[-1].facts["clients"] == 1


def test_the_log_comes_as_a_file_and_a_spreadsheet_runs_nothing(desk: Desk) -> None:
    client = alice(name="=Alice")
    _opened(dr_chen(), client, "prescription R-1")
    db.session.commit()
    file = desk.browser.get("/manage/access-log.csv")
    rows = list(csv.reader(io.StringIO(file.text, newline="")))
    assert rows[0] == list(opened.COLUMNS)
    assert rows[1][1:] == ["Dr Wei Chen", "physician", "'=Alice", "prescription R-1", "treatment"]
    assert len(rows) == 2
    assert _readings(desk.mona)[-1].facts["as_file"] is True


@pytest.mark.parametrize("path", ["", "/events", "/access-log", "/access-log.csv"])
def test_nobody_else_looks(app: Flask, path: str) -> None:
    for who in (sam, dr_chen):
        assert a_browser(app, who()).get(f"/manage{path}").status_code == 403
    assert db.session.scalar(sa.select(sa.func.count()).where(Access.id.is_not(None))) == 0


def _soap() -> Variant:
    soap = a_variant(cents=1_000)
    a_lot(soap, 5)
    return soap


def _waits(reader: Person) -> dict[str, tuple[int, str]]:
    found = waiting.list_for(reader, today=today(), at=now())
    return {one.name: (one.count, one.kind) for one in found}


def test_licences_wait_that_end_soon_or_were_not_looked_up(desk: Desk) -> None:
    assert _waits(desk.mona) == {}
    physician = dr_chen(states=())
    soon = today() + timedelta(days=20)
    a_licence(physician, state="CA", valid_until=soon, verified_on=today())
    a_licence(physician, state="NV", verified_on=None)
    assert _waits(desk.mona) == {"licences": (1, "warn"), "unverified": (1, "warn")}
    a_licence(
        physician,
        state="CA",
        valid_from=soon,
        valid_until=soon + timedelta(days=365),
        verified_on=today(),
    )
    assert _waits(desk.mona) == {"unverified": (1, "warn")}


def test_failed_letters_wait_where_they_are_seen_to(desk: Desk) -> None:
    order = paid(alice(), {_soap(): 1})
    letters.send(Template.ORDER_PAID, order, events.of(order.id)[-1], to=order.client)
    db.session.flush()
    failed = {"failed_at": now(), "error": "550", "tries": 1}
    db.session.execute(sa.update(Letter).where(Letter.subject_id == order.id).values(failed))
    db.session.commit()
    assert _waits(desk.mona) == {"letters": (1, "warn")}
    assert '<a href="/manage/letters/outbox" class="warn">' in desk.page("/manage")


def test_the_home_shows_what_waits_and_leads_there(desk: Desk) -> None:
    a_licence(dr_chen(states=()), state="CA", verified_on=None)
    db.session.commit()
    page = desk.page("/manage")
    assert "Good day, Mona" in page
    assert re.search(r'<a href="/people" class="warn"> <strong class="number">1</strong>', page)
    assert 'href="/manage/events"' in page


def test_signing_in_leads_a_manager_home() -> None:
    assert HOME[Role.MANAGER] == "/manage"


def test_what_is_named_is_found_by_its_name(desk: Desk) -> None:
    soap = a_variant(sku="SOAP-9")
    db.session.commit()
    assert trail.subjects_named("soap-9") == {soap.id}
    assert trail.subjects_named(str(soap.id)) == {soap.id}
    assert trail.subjects_named(desk.mona.email) == {desk.mona.id}
    assert trail.subjects_named("nothing") == set()
    assert trail.named({soap.id, uuid.uuid4()})[soap.id].name == "SOAP-9"
