"""The journeys of every role, as people would go them: through pages, by role and label.

The client's road is gone twice, with JavaScript and without.
"""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser import roads, words
from tests.browser.clinic import CHEN, EVA, MONA, PASSWORD, SAM, Clinic
from tests.browser.conftest import Opening
from tests.browser.hand import Hand
from tests.browser.world import (
    ADDRESS,
    SUNSCREEN,
    TRETINOIN,
    joins,
    ordered,
    paid,
    sku_of,
    someone,
    yesterday,
)

PHONE = {"width": 390, "height": 844}


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
def test_a_client_from_her_first_visit_to_a_renewal(
    visit: Opening, clinic: Clinic, javascript: bool
) -> None:
    email = someone("nell")
    page = visit(java_script_enabled=javascript, viewport=PHONE)
    hand = Hand(page)
    roads.registers(hand, clinic, email)

    order = roads.buys(hand, SUNSCREEN, words.SUNSCREENS)
    roads.sees_it_paid(page, clinic, order)

    request = roads.asks(hand, TRETINOIN, words.TRETINOINS)
    signed = _signs_through_pages if javascript else _signs_by_the_api
    signed(visit, clinic, request)

    page.goto(f"/requests/{request}")
    page.get_by_role("main").get_by_role("link", name=re.compile(r"^RX-")).first.click()
    roads.button(page, words.READ_LEAFLET).click()
    roads.finds(hand, TRETINOIN, words.TRETINOINS)
    hand.click(roads.button(page, words.TO_CART))
    covered = roads.checks_out(hand)
    roads.sees_it_paid(page, clinic, covered)

    page.goto("/prescriptions")  # of its one fill none is left: its time has come
    page.get_by_role("main").get_by_role(
        "link", name=re.compile(r"^RX-|Tretinoin", re.IGNORECASE)
    ).first.click()
    agree = page.get_by_role("checkbox", name=words.AGREE)
    if agree.is_visible():
        agree.check()
    page.get_by_role("main").get_by_role("button", name=words.ASK_FOR_MORE).click()
    page.wait_for_url("**/requests/**")
    renewal = words.REQUEST_NUMBER.search(page.url)
    assert renewal, page.get_by_role("main").inner_text()
    assert renewal[0] != request

    page.goto("/plan")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def _signs_by_the_api(_: Opening, clinic: Clinic, request: str) -> None:
    clinic.call(CHEN, "POST", f"/approval-requests/{request}/claim")
    clinic.call(CHEN, "POST", "/session/fresh", json={"password": PASSWORD})
    terms = {
        "quantity_per_fill": 1,
        "fills": 1,
        "days_supply": 30,
        "directions": "In the evening.",
        "indication": "Acne",
    }
    clinic.call(
        CHEN,
        "POST",
        f"/approval-requests/{request}/signature",
        json=terms | {"examination": {"mode": "in_person", "date": yesterday()}},
    )


def _signs_through_pages(visit: Opening, clinic: Clinic, request: str) -> None:
    page = visit(CHEN)
    hand = Hand(page)
    page.goto("/review")
    roads.reviews(hand, request)
    roads.prescribes(hand, fills=1, examined_on=yesterday())
    expect(page.get_by_role("main")).to_contain_text(words.APPROVED)


def test_an_esthetician_drafts_a_plan_and_proposes_it(visit: Opening, clinic: Clinic) -> None:
    pia = joins(clinic, someone("pia"), "Pia Wells")
    page = visit(EVA)
    page.goto("/studio")
    roads.fill(page, words.PLAN_FOR).fill(pia)
    chosen = roads.fill(page, words.PLAN_FROM)
    chosen.select_option(chosen.locator("option").nth(1).get_attribute("value"))
    begins = datetime.now(UTC) + timedelta(days=60)
    roads.fill(page, words.PLAN_BEGINS).fill(begins.strftime("%Y-%m-%dT10:00"))
    roads.button(page, words.DRAFT).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Pia Wells")
    roads.button(page, words.PROPOSE).click()
    expect(page.get_by_role("main").get_by_text(words.PROPOSED).first).to_be_visible()


def test_staff_receive_a_delivery_and_it_is_on_the_shelf(visit: Opening, clinic: Clinic) -> None:
    sku = sku_of(clinic, SUNSCREEN)
    before = clinic.call(SAM, "GET", f"/stock?sku={sku}")["items"][0]["free"]
    page = visit(SAM)
    page.goto("/stock/receive")
    roads.fill(page, words.SKU).fill(sku)
    roads.fill(page, words.LOT).fill("BROWSER1")
    roads.fill(page, words.EXPIRY).fill(
        (datetime.now(UTC).date() + timedelta(days=500)).isoformat()
    )
    roads.fill(page, words.UNITS).fill("6")
    roads.button(page, words.BOOK).click()
    expect(page.get_by_role("main")).to_contain_text("BROWSER1")
    after = clinic.call(SAM, "GET", f"/stock?sku={sku}")["items"][0]["free"]
    assert after == before + 6


def test_staff_pick_pack_and_ship_what_was_paid(visit: Opening, clinic: Clinic) -> None:
    client = joins(clinic, someone("quinn"), "Quinn Ash")
    number = ordered(clinic, client, sku_of(clinic, SUNSCREEN))
    paid(clinic, client, number)
    hand = Hand(visit(SAM))
    roads.ships(hand, clinic, number, pack=SUNSCREEN)
    assert clinic.call(client, "GET", f"/orders/{number}")["standing"] == "shipped"


def test_a_manager_makes_a_discount_that_a_client_gets(visit: Opening, clinic: Clinic) -> None:
    code = f"BROWSER{uuid.uuid4().hex[:6].upper()}"
    page = visit(MONA)
    page.goto("/manage/discounts")
    roads.fill(page, words.DISCOUNT_CODE).fill(code)
    roads.fill(page, words.HOW_MUCH).fill("15")
    roads.fill(page, words.MOST_USES).fill("5")
    page.get_by_role("checkbox", name=words.OTC).check()
    roads.button(page, words.MAKE_IT).click()
    expect(page.get_by_role("main")).to_contain_text(code)
    client = joins(clinic, someone("rose"), "Rose Hill")
    sku = sku_of(clinic, SUNSCREEN)
    clinic.call(client, "PUT", f"/cart/lines/{sku}", json={"quantity": 1})
    wanted = {
        "shipping_address": ADDRESS,
        "shipping_method": "standard",
        "lines": [sku],
        "discount_code": code,
    }
    placed = clinic.call(client, "POST", "/orders", json=wanted)
    assert placed["discount_cents"] == round(29_00 * 0.15)


def test_a_large_refund_waits_for_the_managers_signature(visit: Opening, clinic: Clinic) -> None:
    client = joins(clinic, someone("sara"), "Sara Lund")
    sku = sku_of(clinic, SUNSCREEN)
    number = ordered(clinic, client, sku, quantity=4)
    paid(clinic, client, number)
    roads.packed(clinic, number)
    page = visit(SAM)
    page.goto(f"/orders/{number}/refunds")
    page.get_by_role("main").get_by_role("spinbutton").first.fill("4")
    roads.fill(page, words.WHY).select_option(index=1)
    roads.button(page, words.SEND_BACK).click()
    (waiting,) = clinic.call(SAM, "GET", f"/orders/{number}/refunds")["items"]
    assert waiting["status"] == "proposed"

    second = visit(MONA)
    second.goto("/refunds")
    waits = second.get_by_role("region", name=number)
    waits.get_by_role("button", name=words.SIGN).click()

    def gone() -> bool:
        (one,) = clinic.call(SAM, "GET", f"/orders/{number}/refunds")["items"]
        return one["status"] == "done"

    clinic.wait(gone, "The money did not go back.")


def test_a_visitor_comes_back_to_where_she_was_asked_to_sign_in(
    visit: Opening, clinic: Clinic
) -> None:
    page = visit()
    page.goto("/orders")
    roads.button(page, words.SIGN_IN).click()
    roads.signs_in(Hand(page), SAM)
    assert page.url == f"{clinic.url}/orders"
