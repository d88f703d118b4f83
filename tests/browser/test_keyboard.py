"""Without a mouse, at 200 %, and after a mistake: the keyboard is always somewhere, and seen there."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser import roads, words
from tests.browser.clinic import ALICE, CHEN, MONA, PASSWORD, SAM, Clinic
from tests.browser.conftest import Opening
from tests.browser.watching import by_axe, focus, untied, wide
from tests.browser.world import SUNSCREEN, Lived, joins, ordered, paid, sku_of, someone

MOST_TABS = 120  # to whatever a page offers


def tabs_to(page: Page, role: str, name: object) -> None:
    """Press Tab until the keyboard is there; wherever it passes, it is to be seen."""
    wanted = page.get_by_role(role, name=name).first  # type: ignore[arg-type]
    expect(wanted).to_be_attached()
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if wanted.evaluate("(one) => one === document.activeElement"):
            assert focus(page) == []
            return
        if page.evaluate(
            "() => document.activeElement !== document.body"
        ):  # at its end, once around
            assert focus(page) == []
    pytest.fail(f"Tab does not come to the {role} {name} of {page.url}")


def test_an_order_is_placed_without_a_mouse(visit: Opening, clinic: Clinic) -> None:
    client = joins(clinic, someone("tara"), "Tara Quill")
    page = visit()
    page.goto("/sign-in")
    page.keyboard.press("Tab")
    assert "main" in (page.evaluate("() => document.activeElement.hash") or ""), (
        "the first stop skips the menu"
    )
    page.keyboard.press("Enter")
    tabs_to(page, "textbox", words.MAIL)
    page.keyboard.type(client)
    tabs_to(page, "textbox", words.PASSWORD)
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/sign-in" not in url)

    tabs_to(page, "searchbox", words.SEARCH)
    page.keyboard.type(SUNSCREEN)
    page.keyboard.press("Enter")
    page.wait_for_url("**/?*q=*")
    tabs_to(page, "link", words.SUNSCREENS)
    page.keyboard.press("Enter")
    page.wait_for_url("**/products/**")
    tabs_to(page, "button", words.TO_CART)
    page.keyboard.press("Enter")
    page.wait_for_url("**/cart")
    tabs_to(page, "link", words.CHECKOUT)
    page.keyboard.press("Enter")
    page.wait_for_url("**/checkout")
    for label, text in (
        (words.STREET, "7 Elm Street"),
        (words.CITY, "Oakland"),
        (words.ZIP, "94607"),
    ):
        tabs_to(page, "textbox", label)
        page.keyboard.type(text)
    online = page.get_by_role("radio", name=words.ONLINE).first
    if online.is_visible() and not online.is_checked():
        tabs_to(page, "radio", words.ONLINE)
        page.keyboard.press("Space")
    tabs_to(page, "button", words.PLACE)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/checkout" not in url)
    assert clinic.call(client, "GET", "/orders")["items"][0]["status"] == "awaiting_payment"


# 1280 px at 200 % are 640, and what a reader sees of 780 px at 200 % is the 390 of a phone.
ZOOMED = {
    "a visitor's shop": (None, "/"),
    "the cart": (ALICE, "/cart"),
    "the checkout": (ALICE, "/checkout"),
    "the queue": (CHEN, "/review"),
    "packing": (SAM, "/packing"),
    "the stock": (SAM, "/stock"),
    "products": (MONA, "/manage/products"),
}


@pytest.mark.parametrize("place", ZOOMED)
def test_at_200_percent_nothing_is_cut_off(
    visit: Opening, clinic: Clinic, lived: Lived, place: str
) -> None:
    who, path = ZOOMED[place]
    page = visit(who, viewport={"width": 640, "height": 400}, device_scale_factor=2)
    page.goto(path)
    assert wide(page) == []
    expect(page.get_by_role("heading", level=1)).to_be_visible()


# Forms that are refused: who, where, which button, and what is emptied or typed before.
def _wrong_registration(page: Page) -> None:
    page.goto("/register")
    roads.fill(page, words.NAME).fill("  ")
    roads.fill(page, words.MAIL).fill("no address")
    roads.fill(page, words.PASSWORD).fill("short")
    roads.fill(page, words.BORN).fill("2031-01-01")


def _wrong_address(page: Page) -> None:
    page.goto("/checkout")
    roads.fill(page, words.STREET).fill("")
    roads.fill(page, words.ZIP).fill("1")


def _wrong_discount(page: Page) -> None:
    page.goto("/manage/discounts")
    roads.fill(page, words.DISCOUNT_CODE).fill("!")
    roads.fill(page, words.HOW_MUCH).fill("500")


def _wrong_parcel(page: Page) -> None:
    page.goto("/stock/receive")
    roads.fill(page, words.SKU).fill("NONE-SUCH")
    roads.fill(page, words.LOT).fill("")
    roads.fill(page, words.UNITS).fill("0")


def _wrong_plan(page: Page) -> None:
    page.goto("/studio")
    roads.fill(page, words.PLAN_FOR).fill("nobody at all")


REFUSED = {
    "registering": (None, _wrong_registration, words.REGISTER),
    "an address": (ALICE, _wrong_address, words.PLACE),
    "a discount": (MONA, _wrong_discount, words.MAKE_IT),
    "a delivery": (SAM, _wrong_parcel, words.BOOK),
    "a plan": (CHEN, _wrong_plan, words.DRAFT),
}


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
@pytest.mark.parametrize("form", REFUSED)
def test_a_refused_form_ties_each_error_to_its_field(
    visit: Opening, clinic: Clinic, lived: Lived, form: str, javascript: bool
) -> None:
    who, goes_wrong, sent = REFUSED[form]
    page = visit(who, java_script_enabled=javascript)
    goes_wrong(page)
    page.evaluate("() => document.querySelectorAll('form').forEach((one) => one.noValidate = true)")
    roads.button(page, sent).click()
    expect(page.get_by_role("alert").first).to_be_visible()
    if javascript:
        assert focus(page) == []  # on the summary
        assert by_axe(page) == []
    assert untied(page) == []


def test_a_search_as_one_types_does_not_lose_the_keyboard(visit: Opening, clinic: Clinic) -> None:
    page = visit()
    page.goto("/")
    search = page.get_by_role("searchbox", name=words.SEARCH)
    search.focus()
    with page.expect_response(lambda answer: "q=miner" in answer.url):
        page.keyboard.type("miner")
    expect(page.get_by_role("main").get_by_role("link", name=words.TRETINOINS)).to_have_count(0)
    assert focus(page) == []
    expect(search).to_be_focused()
    page.keyboard.type("al")
    expect(search).to_have_value("mineral")

    tabs_to(page, "checkbox", words.IN_STOCK)
    with page.expect_response(lambda answer: "in_stock=true" in answer.url):
        page.keyboard.press("Space")
    expect(page.get_by_role("link", name=words.WITHOUT_IN_STOCK)).to_be_visible()
    assert focus(page) == []
    expect(page.get_by_role("checkbox", name=words.IN_STOCK)).to_be_focused()
    expect(page.get_by_role("checkbox", name=words.IN_STOCK)).to_be_checked()


def test_a_scan_on_the_bench_leaves_the_keyboard_where_work_goes_on(
    visit: Opening, clinic: Clinic
) -> None:
    client = joins(clinic, someone("yara"), "Yara Bell")
    number = ordered(clinic, client, sku_of(clinic, SUNSCREEN))
    paid(clinic, client, number)
    page = visit(SAM)
    page.goto(f"/packing/{number}")
    roads.fill(page, words.SCAN).focus()
    page.keyboard.type("no such pack")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").or_(page.get_by_role("alert")).first).to_be_visible()
    assert focus(page) == []
    expect(roads.fill(page, words.SCAN)).to_be_focused()


def test_a_menu_closes_with_escape_and_gives_the_keyboard_back(
    visit: Opening, clinic: Clinic
) -> None:
    page = visit(ALICE)
    page.goto("/")
    page.locator("summary", has_text="Alice Moreno").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    assert focus(page) == []
