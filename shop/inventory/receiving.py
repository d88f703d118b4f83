"""Booking a delivery: new units, in new lots or in lots that are here already."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core import events, numbers
from shop.core.db import db, locked
from shop.inventory import locations
from shop.inventory.errors import BadReceipt
from shop.inventory.heads import reread
from shop.inventory.models import (
    MAX_RECEIVED_UNITS,
    ExpiryPrecision,
    Location,
    LocationKind,
    Lot,
    Movement,
    MovementKind,
    ReceiptLine,
)
from shop.inventory.states import LotStatus

MAX_LINES = 500
MAX_LOT_UNITS = 10_000_000  # more in one lot is a typing error
LONGEST_SHELF_LIFE = timedelta(days=15 * 366)
# Of packs whose label bears no expiry: from the day they came in. A cosmetic need not bear one; a
# year is what its makers promise least.
ASSUMED_SHELF_LIFE = timedelta(days=365)
LONGEST_REASON = 200
ONE_DAY = timedelta(days=1)
# GS1 General Specifications, AI (10): up to 20 characters of the character set 82.
GS1_82 = frozenset(
    "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
)
LONGEST_LOT_NUMBER = 20
TAKES_MORE = frozenset({LotStatus.QUARANTINE, LotStatus.AVAILABLE, LotStatus.ON_HOLD})

BAD_LOT_NUMBER = (
    f"a lot number is 1 to {LONGEST_LOT_NUMBER} letters, digits or punctuation marks, without "
    "spaces. Copy it from the label."
)
BAD_EXPIRY = (
    "the expiry must be after today and within 15 years. Check the label; send back what has "
    "expired."
)
OTHER_EXPIRY = (
    "this lot expires on {} {}. Check both labels; packs that truly differ are not one lot: ask "
    "the maker."
)
NOT_THE_LAST = "an expiry that names only a month is the last day of it."
NO_EXPIRY = (
    "an expiry, or why there is none, in at most 200 characters, and not both. Look for it on the "
    "crimp of the tube and on the carton."
)
NO_MORE = "this lot is {}. Put the packs aside and tell the manager."

Key = tuple[uuid.UUID, str]  # variant and the maker's lot number
Mistake = tuple[str, list[str]]  # "lines.<row from 0>.<field>", and what is wrong with it


@dataclass(frozen=True)
class ReceiptLineIn:
    """What a label says: so many units of a variant, of one lot, good until and on a day.

    Where a label bears no expiry, `expires_on` is None and `no_expiry_reason` says why: the lot is
    good for ASSUMED_SHELF_LIFE. `unit_cost_cents` is None where nobody knows; `id` is that of the
    receipt line it becomes.
    """

    sku: str
    lot_number: str
    expires_on: date | None
    units: int
    precision: ExpiryPrecision = ExpiryPrecision.DAY
    no_expiry_reason: str | None = None
    unit_cost_cents: int | None = None
    id: uuid.UUID = field(default_factory=uuid.uuid4)


def receive(
    lines: Sequence[ReceiptLineIn],
    *,
    by: Person,
    at: datetime,
    today: date,
    receipt_id: uuid.UUID | None = None,
) -> list[Lot]:
    """Book a delivery, all of it or nothing; the lot of each line, in the lines' order.

    Prescription-only units wait in quarantine until somebody releases them; so does a lot on sale
    that gets more of them. A delivery with a `receipt_id` that was booked before is not booked
    again. Raises BadReceipt, whose `fields` name every mistake as "lines.<row from 0>.<field>".
    """
    _one_delivery_at_a_time()
    receipt_id = receipt_id or uuid.uuid4()
    if booked := _booked(receipt_id):
        return booked
    variants = _variants(lines)
    mistakes = dict(_typing_mistakes(lines, variants, today))
    keys = [_key(line, variants) for line in lines]
    shelf = _shelf({key for key in keys if key is not None})
    lines = [
        _dated(line, shelf.get(key) if key else None, today)
        for line, key in zip(lines, keys, strict=True)
    ]
    mistakes |= dict(_clashes(lines, keys, shelf))
    if mistakes:
        raise BadReceipt("Nothing was booked. Correct the marked rows.", fields=mistakes)
    return _book(lines, [key for key in keys if key], shelf, variants, receipt_id, by)


def _one_delivery_at_a_time() -> None:
    """Two deliveries of the same new lot must not both make it; deliveries are rare."""
    db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext("receiving"))))


def _booked(receipt_id: uuid.UUID) -> list[Lot]:
    query = (
        sa.select(Lot)
        .join(ReceiptLine, ReceiptLine.lot_id == Lot.id)
        .where(ReceiptLine.receipt_id == receipt_id)
        .order_by(Lot.number)
    )
    return list(db.session.scalars(query).unique())


def _variants(lines: Sequence[ReceiptLineIn]) -> dict[str, Variant]:
    query = sa.select(Variant).where(Variant.sku.in_({line.sku for line in lines}))
    return {variant.sku: variant for variant in db.session.scalars(query)}


def _key(line: ReceiptLineIn, variants: dict[str, Variant]) -> Key | None:
    variant = variants.get(line.sku)
    return (variant.id, line.lot_number) if variant else None


def _shelf(keys: set[Key]) -> dict[Key, Lot]:
    """The lots of these keys that are here already, locked in id order."""
    query = (
        sa.select(Lot).where(sa.tuple_(Lot.variant_id, Lot.lot_number).in_(keys)).order_by(Lot.id)
    )
    return {(lot.variant_id, lot.lot_number): lot for lot in db.session.scalars(locked(query))}


def _dated(line: ReceiptLineIn, here: Lot | None, today: date) -> ReceiptLineIn:
    """With its assumed expiry where the label bears none: that of the lot, where it is here."""
    if line.expires_on is not None:
        return line
    known = here is not None and here.expiry_precision is ExpiryPrecision.ASSUMED
    expires_on = here.expires_on if here and known else today + ASSUMED_SHELF_LIFE
    return replace(line, expires_on=expires_on, precision=ExpiryPrecision.ASSUMED)


def takes_more(lot: Lot) -> bool:
    """On hold a prescription lot takes none: nobody would check them before the hold ends."""
    held = lot.status is LotStatus.ON_HOLD and lot.variant.legal_class.prescription_only
    return lot.status in TAKES_MORE and not held


def _typing_mistakes(
    lines: Sequence[ReceiptLineIn], variants: dict[str, Variant], today: date
) -> Iterator[Mistake]:
    """What is wrong with a line by itself."""
    if not 1 <= len(lines) <= MAX_LINES:
        yield "lines", [f"A delivery has 1 to {MAX_LINES} lines. Book the rest as another."]
    for index, line in enumerate(lines[:MAX_LINES]):
        if line.sku not in variants:
            yield _mistake(
                index, "sku", "no variant has this SKU. Check it, or add it to the catalog first."
            )
        if not _is_lot_number(line.lot_number):
            yield _mistake(index, "lot_number", BAD_LOT_NUMBER)
        if wrong := _wrong_expiry(line, today):
            yield _mistake(index, "expires_on", wrong)
        if not 1 <= line.units <= MAX_RECEIVED_UNITS:
            yield _mistake(
                index,
                "quantity",
                f"the quantity is 1 to {MAX_RECEIVED_UNITS:,} packs. Count again.",
            )


def _wrong_expiry(line: ReceiptLineIn, today: date) -> str | None:
    reason = line.no_expiry_reason or ""
    if line.expires_on is None:
        return None if 1 <= len(reason.strip()) <= LONGEST_REASON else NO_EXPIRY
    if reason:
        return NO_EXPIRY
    if not today < line.expires_on <= today + LONGEST_SHELF_LIFE:
        return BAD_EXPIRY
    if line.precision is ExpiryPrecision.MONTH and (line.expires_on + ONE_DAY).day != 1:
        return NOT_THE_LAST
    return None


def _is_lot_number(text: str) -> bool:
    return 1 <= len(text) <= LONGEST_LOT_NUMBER and GS1_82.issuperset(text)


def _clashes(
    lines: Sequence[ReceiptLineIn], keys: Sequence[Key | None], shelf: dict[Key, Lot]
) -> Iterator[Mistake]:
    """What is wrong with a line beside what is here, or beside an earlier line."""
    known = {key: (lot.expires_on, "on the shelf") for key, lot in shelf.items()}
    units = {key: lot.on_hand for key, lot in shelf.items()}
    for index, (line, key) in enumerate(zip(lines, keys, strict=True)):
        if key is None:
            continue
        assert line.expires_on is not None  # `_dated` saw to it
        expires_on, where = known.setdefault(key, (line.expires_on, f"in row {index + 1}"))
        units[key] = units.get(key, 0) + line.units
        if expires_on != line.expires_on:
            yield _mistake(index, "expires_on", OTHER_EXPIRY.format(expires_on, where))
        elif key in shelf and not takes_more(shelf[key]):
            yield _mistake(index, "lot_number", NO_MORE.format(shelf[key].status.replace("_", " ")))
        elif units[key] > MAX_LOT_UNITS:
            yield _mistake(
                index,
                "quantity",
                f"the lot would hold more than {MAX_LOT_UNITS:,} packs. Count again.",
            )


def _mistake(index: int, field: str, text: str) -> Mistake:
    return f"lines.{index}.{field}", [f"Row {index + 1}: {text}"]


def _book(
    lines: Sequence[ReceiptLineIn],
    keys: Sequence[Key],
    shelf: dict[Key, Lot],
    variants: dict[str, Variant],
    receipt_id: uuid.UUID,
    by: Person,
) -> list[Lot]:
    here = list(shelf.values())
    new = {
        key: _new_lot(line, variants[line.sku])
        for line, key in zip(lines, keys, strict=True)
        if key not in shelf
    }
    db.session.add_all(new.values())
    db.session.flush()  # all at once; receipt lines and movements point at them
    with events.together():
        for lot in new.values():
            events.record(events.Kind.LOT_RECEIVED, lot, lot_number=lot.lot_number)
        for lot in here:
            _check_again(lot)
    shelf = shelf | new
    arrived = [
        ReceiptLine(
            id=line.id,
            receipt_id=receipt_id,
            lot_id=shelf[key].id,
            units=line.units,
            unit_cost_cents=line.unit_cost_cents,
            received_by_id=by.id,
        )
        for line, key in zip(lines, keys, strict=True)
    ]
    db.session.add_all(arrived)
    db.session.flush()  # so that all movements go in by one statement
    to = {kind: locations.home(kind) for kind in (LocationKind.RETAIL, LocationKind.QUARANTINE)}
    lots = {lot.id: lot for lot in shelf.values()}
    db.session.execute(
        sa.insert(Movement), [_coming_in(line, to[_kind(lots[line.lot_id])]) for line in arrived]
    )
    reread(shelf.values())
    return [shelf[key] for key in keys]


def _new_lot(line: ReceiptLineIn, variant: Variant) -> Lot:
    prescription_only = variant.legal_class.prescription_only
    return Lot(
        id=uuid.uuid4(),
        number=numbers.fresh("L"),
        variant_id=variant.id,
        lot_number=line.lot_number,
        expires_on=line.expires_on,
        expiry_precision=line.precision,
        no_expiry_reason=line.no_expiry_reason,
        status=LotStatus.QUARANTINE if prescription_only else LotStatus.AVAILABLE,
    )


def _check_again(lot: Lot) -> None:
    """Prescription-only units that came into a lot on sale have not been looked at."""
    if lot.status is LotStatus.AVAILABLE and lot.variant.legal_class.prescription_only:
        lot.status = LotStatus.QUARANTINE
        events.record(events.Kind.LOT_QUARANTINED, lot, reason="more came in")


def _kind(lot: Lot) -> LocationKind:
    """Where units of the lot are put away: what is not looked at yet, apart from the rest."""
    return LocationKind.QUARANTINE if lot.status is LotStatus.QUARANTINE else LocationKind.RETAIL


def _coming_in(line: ReceiptLine, to: Location) -> dict[str, object]:
    return {
        "id": uuid.uuid4(),
        "lot_id": line.lot_id,
        "kind": MovementKind.RECEIVE,
        "units": line.units,
        "from_id": None,
        "to_id": to.id,
        "reference_id": line.id,
    }
