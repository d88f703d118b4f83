"""Clinics and places in them: opened, closed, and packs carried from one shelf to another."""

from __future__ import annotations

import uuid

import pytest

from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.inventory import arranging, locations, places, putting_away, stock
from shop.inventory.errors import NotEnoughStock, PlaceInUse, PlaceRefused, WrongPlace
from shop.inventory.models import Location, LocationKind, Lot, Movement
from tests.builders import a_variant
from tests.inventory.clinics import a_bin, a_clinic, the_shelf
from tests.inventory.lots import a_lot, today
from tests.people import mona, sam

pytestmark = pytest.mark.usefixtures("app")


def carry(
    lot: Lot,
    units: int,
    to: Location,
    *,
    from_: Location | None = None,
    ref: uuid.UUID | None = None,
) -> Movement:
    return putting_away.put_away(
        lot,
        units,
        from_=from_ or the_shelf(),
        to=to,
        reference_id=ref or uuid.uuid4(),
        by=sam(),
        at=now(),
    )


def where(lot: Lot) -> dict[str, int]:
    return {one.location.code: one.on_hand for one in places.lying([lot.id]).get(lot.id, [])}


def test_packs_are_carried_to_another_bin_once_however_often_the_form_is_sent() -> None:
    lot, bin_, ref = a_lot(a_variant(), 10), a_bin("A-3"), uuid.uuid4()
    first = carry(lot, 4, bin_, ref=ref)
    assert carry(lot, 4, bin_, ref=ref) is first
    db.session.commit()
    assert where(lot) == {"A-3": 4, "SHELF": 6}
    assert (lot.on_hand, lot.on_shelf) == (10, 10)


def test_to_the_treatment_rooms_goes_only_what_is_promised_to_nobody() -> None:
    lot, rooms = a_lot(a_variant(), 10), locations.location("BACKBAR")
    stock.reserve([(lot.variant_id, 8)], today=today())
    with pytest.raises(NotEnoughStock) as refused:
        carry(lot, 3, rooms)
    assert refused.value.facts["available"] == 2
    assert where(lot) == {"SHELF": 10}
    carry(lot, 2, rooms)
    assert (lot.on_shelf, lot.free) == (8, 0)
    carry(lot, 8, a_bin())  # another shelf that orders are filled from: the promise holds
    assert (lot.on_shelf, lot.free) == (8, 0)


def test_other_places_and_other_clinics_are_reached_in_other_ways() -> None:
    lot, (_site, far) = a_lot(a_variant(), 10), a_clinic()
    for to in (*(locations.location(code) for code in ("QUARANTINE", "TESTERS", "TRANSIT")), far):
        with pytest.raises(WrongPlace):
            carry(lot, 1, to)
    assert where(lot) == {"SHELF": 10}


def test_a_place_is_closed_when_it_is_empty_and_not_the_last_of_its_kind() -> None:
    lot, bin_, manager = a_lot(a_variant(), 10), a_bin(), mona()
    carry(lot, 1, bin_)
    with pytest.raises(PlaceInUse, match="1 packs lie"):
        arranging.close_location(bin_, by=manager, at=now())
    carry(lot, 1, the_shelf(), from_=bin_)
    arranging.close_location(bin_, by=manager, at=now())
    arranging.close_location(bin_, by=manager, at=now())
    db.session.commit()
    assert bin_.closed_at is not None
    assert [one.kind for one in events.of(bin_.id)] == ["place_opened", "place_closed"]
    with pytest.raises(WrongPlace, match="is closed"):
        carry(lot, 1, bin_)
    with pytest.raises(PlaceInUse, match="last place of its kind"):
        arranging.close_location(locations.location("QUARANTINE"), by=manager, at=now())
    assert locations.location("QUARANTINE").closed_at is None


def test_a_clinic_is_closed_after_its_places() -> None:
    (site, shelf), manager = a_clinic(), mona()
    with pytest.raises(PlaceInUse, match=shelf.name):
        arranging.close_site(site, by=manager, at=now())
    arranging.close_location(shelf, by=manager, at=now())
    arranging.close_site(site, by=manager, at=now())
    db.session.commit()
    assert site.closed_at is not None
    with pytest.raises(PlaceRefused, match="is closed"):
        arranging.open_location(
            site, code="NEW", name="New", kind=LocationKind.RETAIL, by=manager, at=now()
        )


@pytest.mark.parametrize("code", ["a-3", "3A", "", "A 3", "A" * 21, "SHELF", "Å"])
def test_a_code_is_a_short_word_that_nobody_else_has(code: str) -> None:
    with pytest.raises(PlaceRefused) as refused:
        a_bin(code or " ")
    assert list(refused.value.fields) == ["code"]
