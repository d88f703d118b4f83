"""Every page of every role, in a real browser: nothing breaks, nothing is stopped, nothing is wide,
and axe finds nothing against WCAG 2.2 AA.

In the gate every page is loaded once and seen at 390 px in the light, at 1280 in the dark, and at 640; axe
and the camera take one of the two, in rotation. `make look` and `make soak` take all four.
Screenshots: `.test/screens/<role>/<width>-<theme>/<page>.png`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from shop.accounts.models import Role
from tests import regime
from tests.architecture.doors import ANYONE
from tests.browser import clinic as clinics
from tests.browser.clinic import Clinic
from tests.browser.conftest import Opening
from tests.browser.walking import PAGES, Walk, doors_for
from tests.browser.watching import by_axe, wide
from tests.browser.world import Lived

SCREENS = Path(__file__).parents[2] / ".test" / "screens"
SIZES = {390: 844, 1280: 800}
EVERY = [(width, theme) for width in SIZES for theme in ("light", "dark")]
IN_THE_GATE = [(390, "light"), (1280, "dark")]
WHO: dict[Role | None, str | None] = {
    None: None,
    Role.CLIENT: clinics.ALICE,
    Role.PHYSICIAN: clinics.CHEN,
    Role.ESTHETICIAN: clinics.EVA,
    Role.STAFF: clinics.SAM,
    Role.MANAGER: clinics.MONA,
}

# Not behind a link from the shop's first page, or only on some days: where it is, and why.
BY_HAND: dict[str, tuple[Callable[[Lived], str], str]] = {
    "/account/letters": (lambda _: "/account/letters", "at the foot of a letter"),
    "/work": (lambda _: "/work", "where one has started some"),
    "/review/templates/<uuid:template_id>": (
        lambda it: f"/review/templates/{it.words}",
        "on a list that may be empty",
    ),
    "/prescriptions/<number>/revocation": (
        lambda it: f"/prescriptions/{it.covered}/revocation",
        "from a form, before it is taken back",
    ),
    "/manage/imports/sheets/<uuid:sheet_id>": (
        lambda it: it.sheet,
        "after a file is handed in, before it is tried",
    ),
    "/stock/counts/<number>/walk": (
        lambda it: f"/stock/counts/{it.count}/walk",
        "from a count that has begun",
    ),
    "/requests/<number>/next": (lambda it: f"/requests/{it.draft}/next", "leads on to a question"),
    "/requests/<number>/form": (
        lambda it: f"/requests/{it.draft}/form",
        "for a request that is not handed in",
    ),
    "/requests/<number>/questions/<question>": (
        lambda it: f"/requests/{it.draft}/questions/pregnancy",
        "for a request that is not handed in",
    ),
    "/sign-in/fresh": (lambda _: "/sign-in/fresh", "asked before a signature"),
    "/account/cards/saved": (
        lambda _: "/account/cards/saved",
        "the provider's page leads back to it",
    ),
    "/orders/<number>/paid": (
        lambda it: f"/orders/{it.shipped}/paid",
        "the provider's page leads back to it",
    ),
    "/orders/<number>/returns": (
        lambda it: f"/orders/{it.shipped}/returns",
        "for an order that has left",
    ),
    "/recalls": (lambda _: "/recalls", "a letter leads there"),
    "/recalls/<number>": (lambda it: f"/recalls/{it.recall}", "a letter leads there"),
    "/cart/why": (lambda _: "/cart/why", "while something is in the cart"),
    "/checkout": (lambda _: "/checkout", "while something in the cart can be ordered"),
    "/prescriptions/<number>/health-review": (
        lambda it: f"/prescriptions/{it.held}/health-review",
        "for one that news has put on hold",
    ),
    "/review/<number>/templates": (
        lambda it: f"/review/{it.claimed}/templates",
        "where htmx puts what fits in place of the link",
    ),
    "/review/<number>/packs": (
        lambda it: f"/review/{it.claimed}/packs",
        "for a case one has taken",
    ),
    "/review/<number>/signed": (
        lambda it: f"/review/{it.decided}/signed",
        "shown after a signature",
    ),
    "/refills": (lambda _: "/refills", "linked where a refill is stuck"),
    "/reactions/<number>": (lambda it: f"/reactions/{it.reaction}", "on a list that may be long"),
    "/stock/recalls/<number>": (
        lambda it: f"/stock/recalls/{it.recall}",
        "on a list that may be long",
    ),
    "/stock/recalls/<number>/clients": (
        lambda it: f"/stock/recalls/{it.recall}/clients",
        "from a recall that is listed",
    ),
    "/disputes/<uuid:dispute_id>": (
        lambda it: f"/disputes/{it.dispute}",
        "on a list that may be empty",
    ),
    "/desk/drawers/<number>": (lambda it: f"/desk/drawers/{it.drawer}", "while a drawer is open"),
    "/credit/clients/<uuid:client_id>": (
        lambda it: f"/credit/clients/{it.alice_id}",
        "a form leads there",
    ),
    "/orders/new/<uuid:client_id>": (
        lambda it: f"/orders/new/{it.alice_id}",
        "a search leads there",
    ),
    "/people/<uuid:person_id>/supervisions": (
        lambda it: f"/people/{it.chen_id}/supervisions",
        "for physicians and estheticians only",
    ),
    "/prescriptions/<number>/error": (
        lambda it: f"/prescriptions/{it.mistaken}/error",
        "from a report, for the second person",
    ),
    "/review/overrides": (lambda _: "/review/overrides", "a report for the manager, too"),
    "/stock/counts/<number>": (
        lambda it: f"/stock/counts/{it.count}",
        "on a list that may be empty",
    ),
    "/stock/returns/<number>": (
        lambda it: f"/stock/returns/{it.taken_return}",
        "on a list that may be empty",
    ),
    "/stock/return-requests/<number>": (
        lambda it: f"/stock/return-requests/{it.asked_return}",
        "on a list that may be empty",
    ),
}
# A page that the walk does not see, for whom (all, unless said), and why it cannot.
SESSION_REPORTS = "/plan/<number>/sessions/<uuid:session_id>/reports"
WITHOUT_WORK: set[Role | None] = {Role.CLIENT, Role.PHYSICIAN, Role.ESTHETICIAN, Role.STAFF}
UNREACHED: dict[str, tuple[set[Role | None], str]] = {
    "/confirm/<secret>": (
        {None},
        "The secret stands in a letter and works once: test_journeys.py opens it.",
    ),
    "/leaflets/<version>": (
        {None},
        "A visitor has no link to one; clients and physicians have, and look at it.",
    ),
    "/manage/privacy-requests": (
        {Role.PHYSICIAN, Role.ESTHETICIAN, Role.STAFF},
        "Only for who oversees records: the manager.",
    ),
    "/letters/end/<word>": (
        {None},
        "At the foot of letters that come again and again; none has come yet.",
    ),
    SESSION_REPORTS: ({Role.CLIENT}, "Alice had no session yet; Bob had: see below."),
    "/work/<uuid:work_id>": (WITHOUT_WORK, "Only who started some has any: the manager has."),
    "/work/<uuid:work_id>/file": ({*WITHOUT_WORK, Role.MANAGER}, "A file, once the work is done."),
}
# The links of a sample letter lead nowhere.
SAMPLES = frozenset({"/manage/letters/<name>/sheet"})
# Where axe has nothing to say: a page that is shipped as it is, for programmers, and a letter in a
# frame where no script may run, axe neither.
NOT_FOR_AXE = {"/api/docs", "/manage/letters/<name>/sheet"}
ASKED_AXE: set[str] = set()  # in the gate axe sees each door once, of whoever comes first


@pytest.mark.parametrize("role", WHO, ids=lambda role: str(role or "visitor"))
def test_every_page_of(role: Role | None, visit: Opening, lived: Lived) -> None:
    still = {"reduced_motion": "reduce"}  # a colour half way from light to dark is nobody's
    page = visit(WHO[role], viewport={"width": 390, "height": 844}, **still)
    walk = Walk(page, each=3 if regime.LOOK else 1, ends=SAMPLES)
    begin = [
        "/",
        *(by_hand(lived) for door, (by_hand, _) in BY_HAND.items() if _is_for(door, role)),
    ]
    wrong = [
        f"{address}: {fault}"
        for door, address in walk.along(*begin)
        for fault in looked_at(page, door, str(role or "visitor"))
    ]
    assert not wrong, "\n".join(wrong)
    missed = sorted(
        doors_for(role)
        - set(walk.met)
        - {door for door, (roles, _) in UNREACHED.items() if role in roles}
    )
    assert not missed, f"Nobody got here, name them in BY_HAND: {', '.join(missed)}"


def test_how_skin_does_after_a_session(visit: Opening, clinic: Clinic) -> None:
    """Only Bob's was done, so the walk of Alice finds no such page."""
    page = visit(clinics.BOB, viewport={"width": 390, "height": 844}, reduced_motion="reduce")
    page.goto("/plan")
    page.get_by_role("link", name="Report how your skin is").click()
    page.get_by_text("With a photo").click()
    assert looked_at(page, SESSION_REPORTS, str(Role.CLIENT)) == []


def test_what_is_named_by_hand_is_a_page() -> None:
    assert {*BY_HAND, *UNREACHED, *NOT_FOR_AXE} - set(PAGES) == set()


def _is_for(door: str, role: Role | None) -> bool:
    return role in PAGES[door] if role else PAGES[door] == ANYONE


def looked_at(page: Page, door: str, role: str) -> list[str]:
    """What is wrong with the page that is open, in the sizes and themes that are due."""
    wrong: list[str] = []
    turns = EVERY if regime.LOOK else IN_THE_GATE
    chosen = turns[zlib.crc32(door.encode()) % len(turns)]
    page.set_viewport_size({"width": 640, "height": 400})  # 1280 px at 200 %
    wrong += [f"640: {fault}" for fault in wide(page)]
    for width, theme in turns:
        page.set_viewport_size({"width": width, "height": SIZES[width]})
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        wrong += [f"{width} {theme}: {fault}" for fault in wide(page)]
        if regime.LOOK or (width, theme) == chosen:
            if door not in NOT_FOR_AXE and (regime.LOOK or door not in ASKED_AXE):
                ASKED_AXE.add(door)
                wrong += [f"{width} {theme}: {fault}" for fault in by_axe(page)]
            _photographed(page, SCREENS / role / f"{width}-{theme}", door)
    return wrong


def _photographed(page: Page, folder: Path, door: str) -> None:
    name = door.strip("/").replace("/", "-").translate(str.maketrans("", "", "<>:")) or "shop"
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png", full_page=regime.LOOK, animations="disabled")
