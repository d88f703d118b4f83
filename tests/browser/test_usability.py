"""How much each road takes: interactions, and the time of somebody practised (tests/browser/hand.py).

docs/usability.md tells the figures; what is asked stands in ASKED. `AFTERCARE_LOOK=1` writes the
page and its pictures again.
"""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from tests import regime
from tests.browser import roads, words
from tests.browser.clinic import CHEN, PASSWORD, SAM, Clinic
from tests.browser.conftest import Opening
from tests.browser.hand import Hand
from tests.browser.world import (
    SUNSCREEN,
    TRETINOIN,
    asks,
    joins,
    ordered,
    paid,
    sku_of,
    someone,
    yesterday,
)

DOCS = Path(__file__).parents[2] / "docs"
PICTURES = DOCS / "usability"
COUNTED = Path(__file__).parents[2] / ".test" / "usability.json"


@dataclass(frozen=True)
class Most:
    """What is asked of a road."""

    seconds: float | None = None
    interactions: int | None = None


ASKED = {
    "buys": Most(seconds=120),
    "asks": Most(seconds=180),
    "signs": Most(interactions=3),
    "ships": Most(interactions=5),
}


def told(road: str, hand: Hand) -> None:
    """Write it down, and hold it against what is asked."""
    known = json.loads(COUNTED.read_text()) if COUNTED.exists() else {}
    known[road] = {
        "interactions": hand.interactions,
        "seconds": round(hand.seconds),
        "waited": round(hand.waited, 1),
        "done": hand.done,
    }
    COUNTED.parent.mkdir(exist_ok=True)
    COUNTED.write_text(json.dumps(known, indent=1))
    regime.counted(
        f"usability: {road}", interactions=hand.interactions, seconds=round(hand.seconds)
    )
    most = ASKED[road]
    if most.seconds is not None:
        assert hand.seconds <= most.seconds, (hand.seconds, hand.done)
    if most.interactions is not None:
        assert hand.interactions <= most.interactions, hand.done


def pictured(hand: Hand, name: str) -> None:
    if regime.LOOK:
        PICTURES.mkdir(exist_ok=True)
        taken = hand.page.screenshot(animations="disabled", scale="css")
        Image.open(io.BytesIO(taken)).save(PICTURES / f"{name}.webp", quality=70, method=6)


def test_a_first_time_client_buys_within_two_minutes(visit: Opening, clinic: Clinic) -> None:
    """From the shop's first page to a paid order, with a new account: letter, confirmation and all."""
    hand = Hand(visit())
    roads.registers(hand, clinic, someone("uma"), "Uma Hale")
    order = roads.buys(hand, SUNSCREEN, words.SUNSCREENS)
    told("buys", hand)
    pictured(hand, "bought")
    roads.sees_it_paid(hand.page, clinic, order)


def test_a_client_asks_for_what_a_physician_approves_within_three_minutes(
    visit: Opening, clinic: Clinic
) -> None:
    hand = Hand(visit())
    roads.signs_in(hand, joins(clinic, someone("vera"), "Vera Lowe"))
    number = roads.asks(hand, TRETINOIN, words.TRETINOINS)
    told("asks", hand)
    pictured(hand, "asked")
    hand.page.goto(f"/requests/{number}")


def test_a_physician_signs(visit: Opening, clinic: Clinic) -> None:
    """From the open queue, with a password shown within five minutes; every field that is empty counts."""
    client = joins(clinic, someone("wilma"), "Wilma Fox")
    number = asks(clinic, client, sku_of(clinic, TRETINOIN))
    page = visit(CHEN)
    page.goto("/sign-in/fresh")
    roads.fill(page, re.compile("^Password")).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button").first.click()
    page.goto("/review")
    hand = Hand(page)
    roads.reviews(hand, number)
    pictured(hand, "case")
    roads.prescribes(hand, examined_on=yesterday())
    told("signs", hand)
    page.wait_for_load_state("load")
    assert clinic.call(client, "GET", f"/approval-requests/{number}")["status"] == "approved"


def test_staff_ship_an_order(visit: Opening, clinic: Clinic) -> None:
    """One product without a prescription, from the board; a scan is one interaction."""
    client = joins(clinic, someone("xenia"), "Xenia Rue")
    number = ordered(clinic, client, sku_of(clinic, SUNSCREEN))
    paid(clinic, client, number)
    hand = Hand(visit(SAM))
    hand.goes("/packing")
    roads.ships(hand, clinic, number, pack=SUNSCREEN)
    told("ships", hand)
    pictured(hand, "shipped")


@pytest.mark.parametrize("road", ASKED)
def test_the_page_tells_of_every_road_and_keeps_what_is_asked(road: str) -> None:
    row = re.search(rf"^\| `{road}` \|(.+)\|$", (DOCS / "usability.md").read_text(), re.MULTILINE)
    assert row is not None
    interactions, seconds = (int(cell) for cell in row[1].split("|")[2:4])
    most = ASKED[road]
    assert interactions <= (most.interactions or interactions)
    assert seconds <= (most.seconds or seconds)
