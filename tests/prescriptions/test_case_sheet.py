"""The desk and the case sheet: filters, the next case, what stands beside, and signing in place."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from shop.accounts.models import Person
from shop.charts.models import Access
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.prescriptions import desk, directing, inquiring, reviewing
from shop.prescriptions.desk import Show
from shop.prescriptions.directing import Wording
from shop.prescriptions.models import ApprovalRequest
from tests.accounts.test_api import WORD, somebody
from tests.builders import a_cream
from tests.inventory.lots import a_lot
from tests.people import alice, dr_chen
from tests.prescriptions.builders import a_claimed_request, a_prescription, a_request
from tests.prescriptions.test_checking import a_formula, asked, tretinoin
from tests.prescriptions.test_pages import TERMS, Reader
from tests.treatments.builders import an_active_plan

HTMX = {"HX-Request": "true"}


@pytest.fixture
def chen(app: Flask) -> Person:
    act_as("system:test")
    return somebody(dr_chen)


def numbers(text: str) -> list[str]:
    return re.findall(r'data-row-key="o">[^<]*</a><br><small>([^<]+)', text)


def test_the_desk_by_risk_and_by_who_has_it(app: Flask, chen: Person) -> None:
    free, held = a_request(alice()), a_claimed_request(alice(), by=chen)
    other = a_claimed_request(alice(), by=dr_chen())
    raised = asked(alice(), a_formula(tretinoin()))
    db.session.commit()
    reader = Reader(app, chen)
    assert set(numbers(reader.get("/review"))) >= {free.number, held.number, raised.number}
    unclaimed = numbers(reader.get("/review?show=free"))
    assert {free.number, raised.number} <= set(unclaimed)
    assert not {held.number, other.number} & set(unclaimed)
    assert numbers(reader.get("/review?risk=raised")) == [raised.number]
    assert raised.number not in numbers(reader.get("/review?risk=routine&show=free"))
    assert reader.client.get("/review?risk=dreadful").status_code == 422


def test_a_lease_that_ran_out_leaves_a_case_unclaimed(chen: Person) -> None:
    request = a_claimed_request(alice(), by=dr_chen())
    db.session.flush()

    def unclaimed(minutes: int) -> list[str]:
        at = now() + timedelta(minutes=minutes)
        found = desk.of(chen, show=Show.FREE, at=at, day=at.date()).query
        return [one.number for one in db.session.scalars(found)]

    assert request.number not in unclaimed(14)
    assert request.number in unclaimed(16)
    assert desk.next_after(chen, None, at=now(), day=now().date()) != request.number


def test_a_row_is_taken_in_one_click(app: Flask, chen: Person) -> None:
    request = a_request(alice())
    db.session.commit()
    reader = Reader(app, chen)
    reader.get("/review")
    text = reader.send(f"/review/{request.number}/claim")
    assert reader.path == f"/review/{request.number}"
    assert "Yours until" in text


def test_the_next_case_goes_round_the_desk(app: Flask, chen: Person) -> None:
    first, taken, last = (a_request(alice()) for _ in range(3))
    reviewing.claim(taken, by=dr_chen(), at=now())
    db.session.commit()
    reader = Reader(app, chen)
    order = [one for one in numbers(reader.get("/review")) if one != taken.number]
    assert set(order) == {first.number, last.number}
    reader.get("/review/next")
    assert reader.path == f"/review/{order[0]}"
    reader.get(f"/review/next?after={order[0]}")
    assert reader.path == f"/review/{order[1]}"
    reader.get(f"/review/next?after={order[1]}")
    assert reader.path == f"/review/{order[0]}"
    reader.get("/review/next?after=Q-NOBODY")
    assert reader.path == f"/review/{order[0]}"


def test_nothing_next_leads_to_the_desk(app: Flask, chen: Person) -> None:
    db.session.commit()
    assert "Nothing else waits for you" in Reader(app, chen).get("/review/next")


def test_answers_changed_since_are_marked_with_what_they_were(app: Flask, chen: Person) -> None:
    request = a_claimed_request(alice(), by=chen)
    inquiring.inquire(request, "Why?", by=chen, at=now())
    anew = {"goal": "Less redness."}
    inquiring.reply(request, "So.", answers=anew, by=request.client, at=now())
    db.session.commit()
    text = Reader(app, chen).get(f"/review/{request.number}")
    assert "1 changed" in text
    assert text.count('<dd class="changed">') == 1
    assert "Less redness." in text.partition('<dd class="changed">')[2].partition("</dd>")[0]
    assert "Fewer breakouts." in text.partition('<dd class="changed">')[2].partition("</dd>")[0]


def test_what_stands_beside_a_case(app: Flask, chen: Person) -> None:
    client, cream = alice(), a_cream()
    a_lot(cream, 7)
    own = a_prescription(client, by=chen)
    others = a_prescription(client, by=dr_chen())
    plan = an_active_plan(client, chen=chen)
    request = a_request(client, cream)
    db.session.commit()
    reader = Reader(app, chen)
    where = f"/review/{request.number}/beside"
    text = reader.get(where)
    assert "7 to be had" in text
    assert plan.number in text
    assert "<svg viewBox" in text
    assert own.number in text
    assert others.number in text
    part = reader.client.get(where, headers=HTMX).get_data(as_text=True)
    assert "<html" not in part
    assert plan.number in part
    read = db.session.query(Access).filter(Access.record.contains(request.number)).all()
    assert [one.reader_id for one in read] == [chen.id, chen.id]
    stranger = Reader(app, somebody(dr_chen, states=("TX",)))
    stranger.get(where)
    assert stranger.status == 404


def test_a_shelf_with_nothing_and_no_plan_says_so(app: Flask, chen: Person) -> None:
    request = a_request(alice(), a_cream())
    db.session.commit()
    text = Reader(app, chen).get(f"/review/{request.number}/beside")
    assert "None to be had" in text
    assert "No plan of hers runs." in text


def the_case(chen: Person) -> ApprovalRequest:
    request = a_claimed_request(alice(), a_formula(tretinoin()), by=chen)
    for name, active in (("Pea", "tretinoin"), ("Dot", "adapalene"), ("Any", "")):
        said = Wording(name, f"Words of {name}.", "", active)
        directing.write(said, for_the_clinic=False, by=chen, at=now())
    db.session.commit()
    return request


def test_templates_that_fit_fill_the_field_without_javascript(app: Flask, chen: Person) -> None:
    request = the_case(chen)
    reader = Reader(app, chen)
    text = reader.get(f"/review/{request.number}/templates")
    assert "Words of Pea." in text
    assert "Words of Any." in text
    assert "Words of Dot." not in text
    part = reader.client.get(f"/review/{request.number}/templates", headers=HTMX)
    assert 'data-text="Words of Pea."' in part.get_data(as_text=True)
    link = re.search(r'href="([^"]*template=[^"#]*)', text)
    assert link
    case = reader.get(link.group(1).replace("&amp;", "&"))
    assert ">Words of Pea.</textarea>" in case
    assert reader.client.get(f"/review/{request.number}?template=nonsense").status_code == 200


def test_another_physicians_template_fills_nothing(app: Flask, chen: Person) -> None:
    request = the_case(chen)
    ruiz = somebody(dr_chen)
    said = Wording("Hers", "Not for you.")
    hers = directing.write(said, for_the_clinic=False, by=ruiz, at=now())
    db.session.commit()
    reader = Reader(app, chen)
    reader.get(f"/review/{request.number}?template={hers.series_id}")
    assert reader.status == 404
    assert "Not for you." not in reader.text


def test_the_statement_comes_as_a_part_and_is_signed_from_there(app: Flask, chen: Person) -> None:
    request = a_claimed_request(alice(), by=chen)
    db.session.commit()
    reader = Reader(app, chen)
    text = reader.get(f"/review/{request.number}")
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', text))
    terms: dict[str, Any] = TERMS | {"examination.date": now().date().isoformat()}
    sent = {name: hidden[name] for name in ("csrf_token", "claim")} | terms
    where = f"/review/{request.number}/statement"
    part = reader.client.post(where, data=sent, headers=HTMX)
    assert part.status_code == 200
    assert "<html" not in part.get_data(as_text=True)
    assert "I prescribe for Alice Moreno" in part.get_data(as_text=True)
    wrong = reader.client.post(where, data=sent | {"fills": "0"}, headers=HTMX)
    assert wrong.status_code == 422
    reader.page = part
    assert "RX-" in reader.send(f"/review/{request.number}/signature", password=WORD)


def test_a_form_is_opened_by_a_link_where_there_is_no_javascript(app: Flask, chen: Person) -> None:
    request = a_claimed_request(alice(), by=chen)
    db.session.commit()
    reader = Reader(app, chen)
    text = reader.get(f"/review/{request.number}")
    assert re.findall(r'<dialog id="(\w+)"[^>]* open>', text) == []
    for which in ("refuse", "ask", "refer"):
        assert f"?do={which}#{which}" in text
        opened = reader.get(f"/review/{request.number}?do={which}")
        assert re.findall(r'<dialog id="(\w+)"[^>]* open>', opened) == [which]


def test_what_she_signed_is_found_by_client_product_number_and_status(
    app: Flask, chen: Person
) -> None:
    one, other = a_prescription(alice(name="Ada Lane"), by=chen), a_prescription(by=chen)
    db.session.commit()
    reader = Reader(app, chen)
    assert other.number in reader.get("/prescriptions")
    assert other.number not in reader.get("/prescriptions?q=ada+la")
    assert one.number in reader.text
    assert one.number in reader.get(f"/prescriptions?q={one.number.lower()}")
    assert one.number not in reader.get("/prescriptions?status=revoked")
    assert "Nothing like that" in reader.get("/prescriptions?q=nobody_")
    assert reader.client.get("/prescriptions?status=lost").status_code == 422
