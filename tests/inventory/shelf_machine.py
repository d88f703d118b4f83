"""Everything that can happen to a shelf, in any order, beside a model that only adds and subtracts."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import Refusal
from shop.inventory import (
    adjusting,
    counting,
    expiring,
    locations,
    moving,
    receiving,
    releasing,
    stock,
    verifying,
)
from shop.inventory.models import (
    Holding,
    Location,
    Lot,
    Movement,
    MovementKind,
    Reason,
    Reservation,
    ReservationPart,
)
from shop.inventory.receiving import ReceiptLineIn
from shop.inventory.states import LotStatus
from shop.recalls import recalling
from tests.builders import a_variant
from tests.inventory.lots import today
from tests.people import mona, sam
from tests.recalls.builders import NOTICE

PLACES = ("SHELF", "BACKBAR", "QUARANTINE")
GOES = (Reason.DAMAGED, Reason.EXPIRED, Reason.THEFT_OR_LOSS)
SOLD = 7  # days before the expiry until which it is sold, for a pack without days of use
few = st.integers(0, 9)
units = st.integers(1, 6)


@dataclass
class Batch:
    """A lot as the model knows it."""

    id: uuid.UUID
    variant: int
    number: str
    expires_on: date
    status: LotStatus = LotStatus.AVAILABLE
    lying: Counter[str] = field(default_factory=Counter)
    promised: Counter[uuid.UUID] = field(default_factory=Counter)  # by reservation

    @property
    def free(self) -> int:
        return self.lying["SHELF"] - self.promised.total()

    def good(self, day: date) -> bool:
        return self.status is LotStatus.AVAILABLE and day <= self.expires_on - timedelta(days=SOLD)


# What a lot shows, what its ledger adds up to, and what is promised of it.
HEADS = sa.select(
    Lot.id,
    Lot.on_hand,
    Lot.on_shelf,
    Lot.reserved,
    sa.select(sa.func.sum(Movement.delta)).where(Movement.lot_id == Lot.id).scalar_subquery(),
    sa.select(sa.func.coalesce(sa.func.sum(ReservationPart.units), 0))
    .where(ReservationPart.lot_id == Lot.id, ReservationPart.ended_at.is_(None))
    .scalar_subquery(),
)


class Shelf(RuleBasedStateMachine):
    """Steps of staff and of the shop. What the shelf refuses must be what the model refuses."""

    seen: Counter[str]

    def __init__(self) -> None:
        super().__init__()
        self.day = today()
        self.sam, self.mona = sam(), mona()
        self.variants = [a_variant(), a_variant()]
        self.batches: list[Batch] = []
        self.live: dict[uuid.UUID, tuple[int, int]] = {}  # reservation: variant and units
        self.ended: list[uuid.UUID] = []
        for which, days in ((0, 30), (0, 9), (1, 400)):
            self._receive(which, days, 5)

    # Steps

    @rule(which=few, days=st.sampled_from([3, 9, 9, 30, 400]), many=units)
    def receive(self, which: int, days: int, many: int) -> None:
        self._receive(which % 2, days, many)

    def _receive(self, variant: int, days: int, many: int) -> None:
        batch = Batch(
            uuid.uuid4(),
            variant,
            f"N{len(self.batches)}",
            self.day + timedelta(days=days),
            lying=Counter(SHELF=many),
        )
        assert self._done("receive", True, lambda: self._book(batch, many))
        batch.id = db.session.scalars(sa.select(Lot.id).where(Lot.lot_number == batch.number)).one()
        self.batches.append(batch)

    @rule(which=few, many=units)
    def receive_more(self, which: int, many: int) -> None:
        if batch := self._batch(which):
            takes = batch.status in receiving.TAKES_MORE and batch.expires_on > self.day
            if self._done("receive more", takes, lambda: self._book(batch, many)):
                apart = batch.status is LotStatus.QUARANTINE
                batch.lying["QUARANTINE" if apart else "SHELF"] += many

    @rule(variant=st.integers(0, 1), wishes=st.lists(st.integers(1, 4), min_size=1, max_size=3))
    def reserve(self, variant: int, wishes: list[int]) -> None:
        """Lines for one variant are added up before anything is promised."""
        fits = self._free(variant) >= sum(wishes)
        demand = [(self.variants[variant].id, wish) for wish in wishes]
        made: list[uuid.UUID] = []
        self._done(
            "reserve",
            fits,
            lambda: made.extend(each.id for each in stock.reserve(demand, today=self.day)),
        )
        for key, wish in zip(made, wishes, strict=False):
            self.live[key] = (variant, wish)
            for batch, taken in self._fefo(variant, wish):
                batch.promised[key] += taken

    @rule(which=few)
    def release(self, which: int) -> None:
        """Also one that has ended: that changes nothing."""
        keys = [*self.live, *self.ended]
        if keys:
            key = keys[which % len(keys)]
            self._done("release", True, lambda: stock.release([self._promise(key)], at=now()))
            self._over(key)

    @rule(which=few)
    def ship(self, which: int) -> None:
        if not self.live:
            return
        key = list(self.live)[which % len(self.live)]
        variant, wish = self.live[key]
        fits = self._free(variant, own=key) >= wish
        left: list[Movement] = []
        expected = [(batch.id, taken) for batch, taken in self._fefo(variant, wish, own=key)]
        promise = self._promise(key)
        if fits:  # the preview is what is shipped
            (previewed,) = stock.previews([stock.Due(promise)], today=self.day)
            assert isinstance(previewed, list)
            assert [(each.lot.id, each.units) for each in previewed] == expected
        shipping = stock.ship
        if self._done(
            "ship",
            fits,
            lambda: left.extend(shipping(promise, reference_id=key, today=self.day)),
        ):
            assert [(each.lot_id, each.units) for each in left] == expected
            self._over(key)
            for each in left:
                self._of(each.lot_id).lying["SHELF"] -= each.units

    @rule(which=few, act=st.sampled_from(["hold", "quarantine", "release"]))
    def keep_back(self, which: int, act: str) -> None:
        if not (batch := self._batch(which)):
            return
        froms = {
            "hold": {LotStatus.AVAILABLE},
            "quarantine": {LotStatus.AVAILABLE},
            "release": {LotStatus.QUARANTINE, LotStatus.ON_HOLD},
        }[act]
        why = {} if act == "release" else {"reason": "Looks odd"}
        lot = self._lot(batch)
        verb: Callable[..., None] = getattr(releasing, act)
        was = batch.status
        if self._done(act, was in froms, lambda: verb(lot, by=sam(), at=now(), **why)):
            batch.status = {"hold": LotStatus.ON_HOLD, "quarantine": LotStatus.QUARANTINE}.get(
                act, LotStatus.AVAILABLE
            )
            if was is LotStatus.QUARANTINE:  # of one on hold it lies there for another reason
                batch.lying["SHELF"] += batch.lying.pop("QUARANTINE", 0)

    @rule(which=few, way=st.permutations(PLACES), many=units)
    def carry(self, which: int, way: list[str], many: int) -> None:
        if not (batch := self._batch(which)):
            return
        origin, goal = way[:2]
        there = batch.free if origin == "SHELF" else batch.lying[origin]
        aside = goal == "QUARANTINE"
        may = many <= there and (aside or origin != "QUARANTINE")
        kind = MovementKind.QUARANTINE if aside else MovementKind.TRANSFER
        if self._moved("carry", may, batch, many, kind, origin, goal):
            batch.lying[origin] -= many
            batch.lying[goal] += many

    @rule(which=few, place=st.sampled_from(PLACES), many=units, reason=st.sampled_from(GOES))
    def write_off(self, which: int, place: str, many: int, reason: Reason) -> None:
        """Whatever the lot's status: what is broken or expired can always leave."""
        if batch := self._batch(which):
            over = batch.status is LotStatus.EXPIRED
            may = self._may_leave(batch, place, many) and (reason is not Reason.EXPIRED or over)
            if batch.status is LotStatus.RECALLED:  # it leaves by its recall; a loss is a fact
                may = may and reason in adjusting.LOST
            if self._done("write off", may, lambda: self._adjust(batch, place, -many, reason)):
                batch.lying[place] -= many
                self._read_promises()

    @rule(which=few, many=units)
    def find(self, which: int, many: int) -> None:
        if batch := self._batch(which):
            self._done("find", True, lambda: self._adjust(batch, "SHELF", many, Reason.FOUND))
            batch.lying["SHELF"] += many

    @rule(which=few, place=st.sampled_from(PLACES), differs=st.integers(-3, 3))
    def count(self, which: int, place: str, differs: int) -> None:
        batch = self._batch(which)
        if batch and batch.lying[place] + differs >= 0:
            may = differs >= 0 or self._may_leave(batch, place, -differs)
            if self._done("count", may, lambda: self._count(batch, place, differs)):
                batch.lying[place] += differs
                self._read_promises()

    @rule(which=few, many=units)
    def reallocate(self, which: int, many: int) -> None:
        """Promises leave a lot as far as the others reach; the newest first."""
        if not (batch := self._batch(which)):
            return
        others = sum(
            each.free
            for each in self.batches
            if each is not batch and each.variant == batch.variant and each.good(self.day)
        )
        wanted = min(many, batch.promised.total(), others)
        kept = stock.reallocate(self._lot(batch), many, today=self.day)
        db.session.commit()
        self.seen["reallocate"] += 1
        assert kept == batch.promised.total() - wanted
        self._read_promises()

    @precondition(lambda self: len(self.batches) > 3)
    @rule(which=few)
    def recall(self, which: int) -> None:
        """Nothing more is promised or leaves; what was promised of it stays until it is moved."""
        batch = self.batches[which % len(self.batches)]
        lot, fresh = self._lot(batch), batch.status is not LotStatus.RECALLED

        def begin() -> None:
            recalling.begin([lot], NOTICE, drill=False, by=self.mona, at=now())

        if self._done("recall", fresh, begin):
            batch.status = LotStatus.RECALLED

    @rule(days=st.integers(1, 12))
    def sleep(self, days: int) -> None:
        self.day += timedelta(days=days)
        marked = {lot.id for lot in expiring.expire(today=self.day)}
        db.session.commit()
        self.seen["expire"] += 1
        ends = {LotStatus.AVAILABLE, LotStatus.QUARANTINE, LotStatus.ON_HOLD}
        over = {b.id for b in self.batches if b.expires_on < self.day and b.status in ends}
        assert marked == over
        for key in over:
            self._of(key).status = LotStatus.EXPIRED

    # What holds after every step

    def teardown(self) -> None:
        assert list(verifying.verify()) == []

    @invariant()
    def adds_up(self) -> None:
        rows = db.session.execute(
            sa.select(Holding.lot_id, Location.code, Holding.on_hand)
            .join(Holding.location)
            .where(Holding.on_hand > 0)
        )
        lying = {(row.lot_id, row.code): row.on_hand for row in rows}
        assert lying == {
            (batch.id, place): there
            for batch in self.batches
            for place, there in batch.lying.items()
            if there
        }
        assert set(db.session.execute(HEADS)) == {
            (
                batch.id,
                batch.lying.total(),
                batch.lying["SHELF"],
                batch.promised.total(),
                batch.lying.total(),
                batch.promised.total(),
            )
            for batch in self.batches
        }

    @invariant()
    def offers_what_is_free(self) -> None:
        ids = [variant.id for variant in self.variants]
        offered = stock.available(ids, today=self.day)
        assert offered == {ids[one]: self._free(one) for one in (0, 1)}

    # The model

    def _fefo(
        self, variant: int, wish: int, own: uuid.UUID | None = None
    ) -> Iterator[tuple[Batch, int]]:
        """First expired, first out; among equals who came first (the list is in that order)."""
        good = [b for b in self.batches if b.variant == variant and b.good(self.day)]
        for batch in sorted(good, key=lambda batch: batch.expires_on):
            taken = min(wish, batch.free + (batch.promised[own] if own else 0))
            if taken > 0:
                yield batch, taken
                wish -= taken

    def _free(self, variant: int, own: uuid.UUID | None = None) -> int:
        return sum(taken for _, taken in self._fefo(variant, 10**6, own))

    def _may_leave(self, batch: Batch, place: str, many: int) -> bool:
        """Promises make room, as far as other lots can keep them."""
        others = [b for b in self.batches if b is not batch and b.variant == batch.variant]
        reach = sum(each.free for each in others if each.good(self.day))
        room = batch.free + min(reach, batch.promised.total()) if place == "SHELF" else many
        return many <= min(room, batch.lying[place])

    def _batch(self, which: int) -> Batch | None:
        return self.batches[which % len(self.batches)] if self.batches else None

    def _of(self, lot_id: uuid.UUID) -> Batch:
        return next(batch for batch in self.batches if batch.id == lot_id)

    def _over(self, key: uuid.UUID) -> None:
        if self.live.pop(key, None):
            self.ended.append(key)
        for batch in self.batches:
            batch.promised.pop(key, None)

    def _read_promises(self) -> None:
        """Which promise went where is the shelf's to choose; that it adds up is checked."""
        rows = db.session.execute(
            sa.select(ReservationPart).where(ReservationPart.ended_at.is_(None))
        ).scalars()
        for batch in self.batches:
            batch.promised.clear()
        for part in rows:
            self._of(part.lot_id).promised[part.reservation_id] += part.units
        held = sum((batch.promised for batch in self.batches), Counter())
        assert held == {key: wish for key, (_, wish) in self.live.items()}

    # The shelf

    def _lot(self, batch: Batch) -> Lot:
        return db.session.get_one(Lot, batch.id, populate_existing=True)

    def _promise(self, key: uuid.UUID) -> Reservation:
        return db.session.get_one(Reservation, key)

    def _book(self, batch: Batch, many: int) -> None:
        sku = self.variants[batch.variant].sku
        line = ReceiptLineIn(sku, batch.number, batch.expires_on, many)
        receiving.receive([line], by=sam(), at=now(), today=self.day)

    def _adjust(self, batch: Batch, place: str, delta: int, reason: Reason) -> None:
        made = adjusting.adjust(
            self._lot(batch),
            locations.location(place),
            delta,
            reason=reason,
            note="A story.",
            today=self.day,
            by=self.sam,
            at=now(),
        )
        if made.large:
            adjusting.confirm(made, today=self.day, by=self.mona, at=now())

    def _count(self, batch: Batch, place: str, differs: int) -> None:
        lot, who = self._lot(batch), {"by": self.sam, "at": now()}
        count = counting.plan(locations.location(place), [lot], **who)
        counting.begin(count, **who)
        counting.enter(count, [(lot, batch.lying[place] + differs)], **who)
        counting.finish(count, **who)
        for line in count.varying:
            why = Reason.FOUND if differs > 0 else Reason.THEFT_OR_LOSS
            counting.explain(line, reason=why, note="A story.", **who)
        counting.approve(count, by=self.mona, at=now())
        counting.post(count, today=self.day, **who)

    def _moved(
        self,
        what: str,
        may: bool,
        batch: Batch,
        many: int,
        kind: MovementKind,
        origin: str,
        goal: str,
    ) -> bool:
        lot = self._lot(batch)
        return self._done(
            what,
            may,
            lambda: moving.move(
                lot,
                many,
                kind=kind,
                from_=locations.location(origin),
                to=locations.location(goal),
                reference_id=uuid.uuid4(),
            ),
        )

    def _done(self, what: str, may: bool, act: Callable[[], object]) -> bool:
        """Do it and commit; whether it was done, which must be what the model says."""
        try:
            act()
        except Refusal:
            db.session.rollback()
            done = False
        else:
            db.session.commit()
            done = True
        self.seen[what if done else f"no {what}"] += 1
        assert done == may, f"{what}: the shelf says {done}, the model {may}"
        return done
