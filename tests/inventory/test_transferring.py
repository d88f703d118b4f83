"""Packs that go from clinic to clinic: they keep their lots, and none gets lost in silence."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from shop.core.clock import now
from shop.core.db import db
from shop.inventory import places, stock, transferring
from shop.inventory.errors import (
    LotNotUsable,
    NotEnoughStock,
    OwnLoss,
    TransferRefused,
    WrongPlace,
)
from shop.inventory.models import Location, Lot, Transfer
from shop.inventory.states import LotStatus, TransferStatus
from shop.inventory.transferring import Packed
from tests.builders import a_variant
from tests.inventory.clinics import a_bin, a_clinic, a_transfer, the_shelf
from tests.inventory.lots import a_lot, today
from tests.people import mona, sam

pytestmark = pytest.mark.usefixtures("app")


def where(lot: Lot) -> dict[str, int]:
    """What of a lot lies where, by the codes of places."""
    return {one.location.code: one.on_hand for one in places.lying([lot.id]).get(lot.id, [])}


def arrive(transfer: Transfer, units: int, into: Location) -> None:
    counted = {transfer.lines[0].id: units}
    transferring.arrive(transfer, counted, into=into, by=sam(), at=now())
    db.session.commit()


def test_on_the_way_they_lie_in_transit_and_are_not_sold() -> None:
    lot, (site, shelf) = a_lot(a_variant(), 10), a_clinic()
    sent = a_transfer(lot, 4, site)
    db.session.commit()
    assert where(lot) == {"SHELF": 6, "TRANSIT": 4}
    assert (lot.on_hand, lot.on_shelf) == (10, 6)

    arrive(sent, 4, shelf)

    assert sent.status is TransferStatus.RECEIVED
    assert where(lot) == {"SHELF": 6, shelf.code: 4}
    assert (lot.on_hand, lot.on_shelf) == (10, 6)
    assert stock.available([lot.variant_id], today=today()) == {lot.variant_id: 6}


def test_what_is_missing_stays_on_the_transfer_until_it_comes_or_a_colleague_gives_it_up() -> None:
    sender, colleague = sam(), mona()
    lot, (site, shelf) = a_lot(a_variant(), 10), a_clinic(fills_orders=True)
    sent = a_transfer(lot, 6, site, by=sender)
    arrive(sent, 3, shelf)
    assert (sent.status, sent.missing) == (TransferStatus.SHORT, 3)

    arrive(sent, 1, shelf)  # found behind the seat
    assert (sent.status, sent.missing) == (TransferStatus.SHORT, 2)
    assert where(lot) == {"SHELF": 4, "TRANSIT": 2, shelf.code: 4}

    with pytest.raises(OwnLoss):
        transferring.give_up(sent, reason="Lost.", by=sender, at=now())
    assert where(lot) == {"SHELF": 4, "TRANSIT": 2, shelf.code: 4}

    transferring.give_up(sent, reason="The parcel was open.", by=colleague, at=now())
    db.session.commit()
    assert (sent.status, sent.missing, sent.lines[0].lost) == (TransferStatus.RECEIVED, 0, 2)
    assert where(lot) == {"SHELF": 4, shelf.code: 4}
    assert (lot.on_hand, lot.on_shelf) == (8, 8)

    with pytest.raises(TransferRefused, match="Nothing of this transfer is missing"):
        transferring.give_up(sent, reason="Again.", by=colleague, at=now())


def test_what_is_promised_to_orders_does_not_travel() -> None:
    lot, (site, _shelf) = a_lot(a_variant(), 10), a_clinic()
    stock.reserve([(lot.variant_id, 7)], today=today())
    db.session.commit()
    with pytest.raises(NotEnoughStock) as refused:
        a_transfer(lot, 4, site)
    assert refused.value.facts["available"] == 3
    db.session.rollback()
    assert where(lot) == {"SHELF": 10}
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Transfer)) == 0


@pytest.mark.parametrize("given", [{"status": LotStatus.QUARANTINE}, {"days": -3}])
def test_what_is_not_on_sale_does_not_travel(given: dict[str, object]) -> None:
    lot, (site, _shelf) = a_lot(a_variant(), 5, **given), a_clinic()  # type: ignore[arg-type]
    with pytest.raises(LotNotUsable):
        a_transfer(lot, 1, site)
    assert where(lot) == {"SHELF": 5}


def test_a_transfer_that_makes_no_sense_is_refused_with_the_reason() -> None:
    lot, (site, shelf) = a_lot(a_variant(), 10), a_clinic()
    home = the_shelf()
    db.session.commit()

    def send(packed: list[Packed], to: object = site) -> None:
        transferring.send(packed, to=to, by=sam(), at=now(), today=today())  # type: ignore[arg-type]

    for packed, to, why in (
        ([], site, "1 to 100 lines"),
        ([Packed(lot, 1, home)], home.site, "from one clinic to another"),
        ([Packed(lot, 1, home), Packed(lot, 1, shelf)], site, "from one clinic to another"),
        ([Packed(lot, 1, home), Packed(lot, 2, home)], site, "each lot once"),
    ):
        with pytest.raises(TransferRefused, match=why):
            send(packed, to)
    with pytest.raises(WrongPlace):
        send([Packed(lot, 1, a_bin(kind=home.kind.QUARANTINE))])
    db.session.rollback()
    assert where(lot) == {"SHELF": 10}


def test_no_more_arrives_than_was_sent_and_only_where_it_was_sent() -> None:
    lot, (site, shelf) = a_lot(a_variant(), 10), a_clinic()
    sent = a_transfer(lot, 4, site)
    with pytest.raises(TransferRefused, match="4 are on the way"):
        arrive(sent, 5, shelf)
    with pytest.raises(TransferRefused, match="Nothing has come"):
        arrive(sent, 0, shelf)
    with pytest.raises(TransferRefused, match="is no shelf of"):
        arrive(sent, 4, the_shelf())
    assert where(lot) == {"SHELF": 6, "TRANSIT": 4}
    assert sent.status is TransferStatus.SENT
