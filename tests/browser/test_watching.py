"""Each checker sees a fault that is planted for it; on a page without one it is silent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.browser.watching import Watch, by_axe, focus, untied, watched, wide

SITE = "http://shop.test"
GOOD = """<!doctype html><html lang="en"><head><title>A page</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head><body><main>
<h1>A page</h1>
<div role="alert" tabindex="-1"><ul><li><a href="#f-name">Name</a>: Say it.</li></ul></div>
<form><label for="f-name">Name</label>
<input id="f-name" name="name" aria-describedby="e-name" aria-invalid="true"><p id="e-name">Say it.</p>
<button>Send</button></form></main></body></html>"""


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 390, "height": 844})
    yield context.new_page()
    context.close()


def shown(page: Page, body: str = GOOD, *, policy: str = "") -> Watch:
    """What a watch says of a page like this, with the shop's policy or another."""
    watch = watched(page)

    def answer(route: Route) -> None:
        if route.request.url.endswith("/broken.js"):
            route.fulfill(status=500, body="")
        elif route.request.url.endswith("/gone.js"):
            route.abort("connectionrefused")
        else:
            headers = {"Content-Security-Policy": policy} if policy else {}
            route.fulfill(body=body, content_type="text/html", headers=headers)

    page.route("**/*", answer)
    page.goto(f"{SITE}/")
    return watch


def test_a_page_without_a_fault_is_not_complained_of(page: Page) -> None:
    watch = shown(page, policy="default-src 'none'; script-src 'self'; style-src 'self'")
    page.get_by_label("Name").focus()
    assert [*watch.faults, *wide(page), *by_axe(page), *focus(page), *untied(page)] == []


SCRIPTS = {
    "an error in the console": ("<script>console.error('lost')</script>", "console: lost"),
    "a script that breaks": ("<script>nothing.here()</script>", "nothing is not defined"),
    "a file that answers 500": ("<script src='/broken.js'></script>", "answered 500"),
    "a file that does not come": ("<script src='/gone.js'></script>", "failed: net::ERR_CON"),
}


@pytest.mark.parametrize("fault", SCRIPTS)
def test_a_watch_sees(page: Page, fault: str) -> None:
    planted, said = SCRIPTS[fault]
    assert said in " ".join(shown(page, GOOD.replace("</body>", f"{planted}</body>")).faults)


def test_a_watch_sees_what_the_policy_stops(page: Page) -> None:
    styled = GOOD.replace("<h1>", '<h1 style="color: red">')
    watch = shown(page, styled, policy="default-src 'none'; style-src 'self'")
    assert any("CSP: style-src" in fault for fault in watch.faults), watch.faults


def test_a_page_that_scrolls_sideways_is_seen_with_what_makes_it(page: Page) -> None:
    shown(page, GOOD.replace("<h1>", "<h1><span style='display: block; width: 500px'>wide</span>"))
    (fault,) = wide(page)
    assert "500" in fault or "508" in fault
    assert "<span" in fault


AXE = {
    "a field without a label": ('<label for="f-name">Name</label>', "", "axe label:"),
    "pale letters": (
        "<h1>",
        "<p style='color: #aaa; background: #fff'>Pale</p><h1>",
        "color-contrast",
    ),
    "a small target": (
        "<button>",
        "<a href='/' style='font-size: 8px'>a</a><button style='width: 9px; height: 9px; padding: 0'>",
        "target-size",
    ),
    "a heading left out": ("</form>", "</form><h4>Deep</h4>", "heading-order"),
    "no language": (' lang="en"', "", "html-has-lang"),
}


@pytest.mark.parametrize("fault", AXE)
def test_axe_sees(page: Page, fault: str) -> None:
    before, after, said = AXE[fault]
    shown(page, GOOD.replace(before, after))
    assert said in " ".join(by_axe(page))


UNTIED = {
    "an error tied to nothing": (' aria-describedby="e-name"', "", "belongs to no field"),
    "a field that is not marked": (' aria-invalid="true"', "", "no field is marked"),
    "a summary without it": ('href="#f-name"', 'href="#top"', "summary has no link"),
    "a link that leads nowhere": ('id="f-name"', 'id="f-other"', "does not move focus"),
    "an empty reason": ('<p id="e-name">Say it.</p>', '<p id="e-name"></p>', "nothing tied to it"),
}


@pytest.mark.parametrize("fault", UNTIED)
def test_an_untied_error_is_seen(page: Page, fault: str) -> None:
    before, after, said = UNTIED[fault]
    shown(page, GOOD.replace(before, after))
    assert said in " ".join(untied(page))


def test_focus_that_is_lost_is_seen(page: Page) -> None:
    shown(page)
    page.get_by_label("Name").focus()
    page.get_by_label("Name").evaluate("(one) => one.outerHTML = one.outerHTML")  # as a swap would
    assert "focus is lost" in " ".join(focus(page))


def test_focus_without_a_ring_and_focus_off_the_screen_are_seen(page: Page) -> None:
    shown(page, GOOD.replace("<input ", "<input style='outline: none' "))
    page.get_by_label("Name").focus()
    assert "cannot be seen" in " ".join(focus(page))
    page.get_by_label("Name").evaluate(
        "(one) => { one.style.position = 'absolute'; one.style.left = '-900px' }"
    )
    assert "off the screen" in " ".join(focus(page))
