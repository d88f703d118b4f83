"""The roads that people go through pages, each as its person would, with or without JavaScript."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

from shop.prescriptions.intake.composing import Family, version_of
from shop.prescriptions.intake.forms import Question, questionnaire
from tests.browser import words
from tests.browser.clinic import PASSWORD, Clinic
from tests.browser.hand import Hand
from tests.prescriptions.builders import completed

CARD = "4242424242424242"


def button(page: Page, name: str | re.Pattern[str]) -> Locator:
    """A button or a link that looks like one, in the page's own part."""
    main = page.get_by_role("main")
    return main.get_by_role("button", name=name).or_(main.get_by_role("link", name=name)).first


def fill(page: Page, name: str | re.Pattern[str]) -> Locator:
    return page.get_by_role("main").get_by_label(name).first


def registers(hand: Hand, clinic: Clinic, email: str, name: str = "Nell Stone") -> None:
    """She opens an account, follows the link of the letter, and signs in."""
    page = hand.page
    hand.goes("/register")
    hand.type(fill(page, words.NAME), name)
    hand.type(fill(page, words.MAIL), email)
    hand.type(fill(page, words.PASSWORD), PASSWORD)
    hand.type(fill(page, words.BORN), "1991-02-03")
    hand.choose(fill(page, words.LIVES_IN), "CA")
    hand.click(button(page, words.REGISTER))
    expect(page.get_by_role("heading", name=words.LOOK_IN_THE_MAIL)).to_be_visible()
    hand.goes(clinic.link_for(email, "/confirm/"))
    hand.click(button(page, words.CONFIRM))
    signs_in(hand, email)


def signs_in(hand: Hand, email: str) -> None:
    page = hand.page
    if "/sign-in" not in page.url:
        hand.goes("/sign-in")
    if not fill(page, words.MAIL).input_value():  # who has just confirmed it finds it there
        hand.type(fill(page, words.MAIL), email)
    hand.type(fill(page, words.PASSWORD), PASSWORD)
    hand.click(page.get_by_role("main").get_by_role("button", name=words.SIGN_IN))


def finds(hand: Hand, sought: str, named: re.Pattern[str]) -> None:
    """A product by the search of the shop's first page."""
    page = hand.page
    if page.url.rstrip("/").count("/") != 2 or "?" in page.url:
        hand.goes("/")
    search = page.get_by_role("searchbox").first
    hand.type(search, sought)
    hand.press("Enter")
    page.wait_for_url("**/?*q=*")
    hand.click(page.get_by_role("main").get_by_role("link", name=named).first)


def buys(hand: Hand, sought: str, named: re.Pattern[str]) -> str:
    """She finds it, orders it and pays on the provider's page; the order's number."""
    page = hand.page
    finds(hand, sought, named)
    hand.click(button(page, words.TO_CART))
    return checks_out(hand)


def checks_out(hand: Hand) -> str:
    page = hand.page
    if not button(page, words.CHECKOUT).is_visible():
        hand.goes("/cart")
    hand.click(button(page, words.CHECKOUT))
    for label, text in (
        (words.STREET, "7 Elm Street"),
        (words.CITY, "Oakland"),
        (words.ZIP, "94607"),
    ):
        if fill(page, label).input_value() == "":
            hand.type(fill(page, label), text)
    online = page.get_by_role("radio", name=words.ONLINE).first
    if online.is_visible():
        hand.tick(online)
    hand.click(button(page, words.PLACE))
    if "/c/pay/" not in page.url:  # the order's page, with its button to pay
        hand.click(button(page, words.PAY))
    for label, text in (
        (words.CARD, CARD),
        (words.EXPIRES, "12/34"),
        (words.CODE, "123"),
        (words.HOLDER, "Nell Stone"),
    ):
        hand.type(page.get_by_label(label), text)
    hand.click(page.get_by_role("button", name=words.PAY))
    page.wait_for_url("**/orders/**")
    number = words.ORDER_NUMBER.search(page.url + page.get_by_role("main").inner_text())
    assert number, page.url
    return number[0]


def sees_it_paid(page: Page, clinic: Clinic, number: str) -> None:
    """The order's own page says so, as soon as the provider's word has come."""

    def said() -> bool:
        page.goto(f"/orders/{number}")
        return bool(page.get_by_role("main").get_by_text(words.PAID_FOR).count())

    clinic.wait(said, f"The page of {number} does not say that it is paid.")


def asks(hand: Hand, sought: str, named: re.Pattern[str]) -> str:
    """She asks for what a physician approves first, answers, and hands it in; the request's number."""
    page = hand.page
    finds(hand, sought, named)
    hand.click(button(page, words.ASK))
    if button(page, words.BEGIN).is_visible():
        hand.click(button(page, words.BEGIN))
    number = words.REQUEST_NUMBER.search(page.url)
    assert number, page.url
    return answers(hand, number[0])


def answers(hand: Hand, number: str) -> str:
    """Every question that is on the page, page after page, until it is handed in."""
    page = hand.page
    for _ in range(40):
        _answers_what_is_asked(hand)
        agree = page.get_by_role("checkbox", name=words.AGREE)
        if agree.is_visible():
            hand.tick(agree)
        done = button(page, words.HAND_IN)
        last = done.is_visible()
        heading = page.get_by_role("heading", level=1)
        asked = heading.inner_text()
        hand.click(done if last else button(page, words.NEXT_QUESTION))
        expect(heading).not_to_have_text(asked)
        if last:
            break
    assert page.get_by_role("alert").count() == 0, page.get_by_role("alert").first.inner_text()
    return number


def _answers_what_is_asked(hand: Hand) -> None:
    """What a retinoid asks; a question that is not on this page is left for its own."""
    version = version_of({Family.RETINOID})
    said = completed(version)
    for question in questionnaire(version).questions:
        if question.id in said:
            _answers(hand, question, said[question.id])


def _answers(hand: Hand, question: Question, said: Any) -> None:
    main = hand.page.get_by_role("main")
    name = words.exactly(question.text)
    group = main.get_by_role("group", name=name)
    one = main.get_by_role("combobox", name=name).or_(main.get_by_role("textbox", name=name))
    options = dict(question.options) | {"true": "Yes", "false": "No"}
    values = [
        str(each).lower() if isinstance(each, bool) else str(each)
        for each in (said if isinstance(said, list) else [said])
    ]
    if group.first.is_visible():
        for value in values:
            text = words.exactly(options.get(value, value))
            box = group.first.get_by_role("radio", name=text)
            hand.tick(box.or_(group.first.get_by_role("checkbox", name=text)).first)
    elif one.first.is_visible():
        if one.first.evaluate("(it) => it.tagName") == "SELECT":
            hand.choose(one.first, values[0])
        elif one.first.input_value() == "":
            hand.type(one.first, values[0])


def reviews(hand: Hand, request: str) -> None:
    """The physician opens the case from the queue, and takes it."""
    page = hand.page
    row = page.get_by_role("row").filter(has_text=request)
    at_once = row.get_by_role("button", name=words.TAKE)
    hand.click(at_once if at_once.is_visible() else row.get_by_role("link").first)
    page.wait_for_url(f"**/review/{request}**")
    take = button(page, words.TAKE)
    if take.is_visible():
        hand.click(take)


def prescribes(hand: Hand, *, examined_on: str, fills: int | None = None) -> None:
    """She fills in what is empty, reads the statement and signs."""
    page = hand.page
    wanted = {
        words.EACH: "1",
        words.DAYS: "30",
        words.DIRECTIONS: "A pea-sized amount in the evening.",
        words.INDICATION: "Acne",
        words.EXAMINED_ON: examined_on,
    }
    for label, text in wanted.items():
        place = fill(page, label)
        if place.is_visible() and place.input_value() == "":
            hand.type(place, text)
    if fills and fill(page, words.FILLS).input_value() != str(fills):
        hand.type(fill(page, words.FILLS), str(fills))
    how = fill(page, words.EXAMINED)
    if how.is_visible() and how.input_value() == "":
        hand.choose(how, words.IN_PERSON)
    for reason in page.get_by_role("main").get_by_label(words.WHY_ALL_THE_SAME).all():
        hand.type(reason, "Seen today; no objection.")
    hand.click(button(page, words.STATEMENT))
    sign = page.get_by_role("button", name=words.SIGN)
    expect(sign).to_be_visible()
    dialog = page.get_by_role("dialog")
    hand.reads(dialog if dialog.is_visible() else page.get_by_role("main"))
    proof = fill(page, words.YOUR_PASSWORD)
    if proof.is_visible():
        hand.type(proof, PASSWORD)
    hand.click(sign)


def code(pack: str, lot: str, expires_on: str) -> str:
    """What the bar code on a pack says: its NDC as a GTIN, its expiry and lot (GS1 General Specs, 3.2)."""
    digits = "003" + pack.replace("-", "")
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(digits))
    return f"01{digits}{-total % 10}17{expires_on[2:].replace('-', '')}10{lot}"


def ships(hand: Hand, clinic: Clinic, number: str, *, pack: str) -> None:
    """Sam opens it from the board, scans what lies there, and sends it."""
    page = hand.page
    hand.goes("/packing")
    hand.click(page.get_by_role("main").get_by_role("link", name=number))
    for line in clinic.call("sam@example.test", "GET", f"/orders/{number}/picking-list")["lines"]:
        for lot in line["lots"]:
            for _ in range(lot["units"]):
                hand.scan(fill(page, words.SCAN), code(pack, lot["lot_number"], lot["expires_on"]))
                expect(fill(page, words.SCAN)).not_to_be_visible()
    if fill(page, words.CARRIER).input_value() == "":
        hand.choose(fill(page, words.CARRIER), re.compile("UPS"))
    hand.type(fill(page, words.TRACKING), "1Z999AA10123456784")
    hand.click(button(page, words.SHIP))


def packed(clinic: Clinic, number: str) -> None:
    """It is picked and has left, by the API."""
    who = "sam@example.test"
    for line in clinic.call(who, "GET", f"/orders/{number}/picking-list")["lines"]:
        for lot in line["lots"]:
            scan = {"item": line["sku"], "lot_number": lot["lot_number"], "units": lot["units"]}
            clinic.call(who, "POST", f"/orders/{number}/picks", json=scan)
    parcel = {"carrier": "UPS", "tracking": "1Z999AA10123456784"}
    clinic.call(who, "POST", f"/orders/{number}/shipments", json=parcel)
