"""Try a draft rule of law on the lines that were ordered lately: whom would it have blocked?

Each line is judged by the rules that held on the day it was placed and those that hold today, with
the draft and without; the version that the draft would replace is left out with it. A line with a
fill had its prescription. Nothing is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from shop.catalog.models import RULINGS, LegalClass, LegalClassRule, Variant
from shop.core import replays
from shop.core.db import db
from shop.core.replays import Replay, Replayed
from shop.core.rules import EVERYWHERE
from shop.orders import simulating
from shop.orders.models import Order, OrderLine
from shop.orders.simulating import Sold

BATCH = 1_000  # lines read at once
NOT_KNOWN = (
    "The draft is tried as if it had held throughout, whatever its own days.",
    "Products are taken as they are filed today: class, actives, strength, route, form.",
    "A line that was ordered with a prescription counts as covered where one would be needed.",
)


@dataclass(frozen=True)
class Draft:
    """A rule of law that holds nowhere yet: what it says (columns of its kind), and where.

    `number` is of the rule whose next version it would be, if it is one.
    """

    says: Mapping[str, Any]
    jurisdiction: str
    number: str | None


def drafted(rule: LegalClassRule) -> Draft:
    """A rule that is written down, as it is tried."""
    return Draft(rule.says, rule.jurisdiction, rule.number)


def replay(draft: Draft, *, days: int, most: int, at: datetime) -> Replay:
    """The lines placed in the last `days`, newest first, `most` of them. Raises BadRule.

    Three statements, and one for every thousand lines.
    """
    since = at - timedelta(days=days)
    judge = _judge(draft, since=since.astimezone(UTC).date(), today=at.astimezone(UTC).date())
    replayed: list[Replayed] = []
    cases = 0
    complete = True
    for row in _lines(judge.products, draft.jurisdiction, since, at):
        if cases == most:
            complete = False
            break
        cases += 1
        if (one := judge.judged(row)) is not None:
            replayed.append(one)
    return Replay(since, at, cases, complete, tuple(replayed), NOT_KNOWN)


@dataclass(frozen=True)
class _Judge:
    """The products concerned, every rule over them lately, and what the draft says."""

    products: Mapping[UUID, Any]
    known: Mapping[UUID, Sequence[Any]]
    spoken_of: Collection[UUID]
    draft: Draft
    today: date

    def judged(self, line: Any) -> Replayed | None:
        """What the draft makes of a line, if anything."""
        product = self.products[line.product_id]
        over = self._over(line)
        without = [rule.legal_class for rule in over]
        among = [rule.legal_class for rule in over if rule.rule_number != self.draft.number]
        said: list[LegalClass] = [self.draft.says["legal_class"]]
        among += said if line.product_id in self.spoken_of else []
        outcome = replays.outcome(
            before=_blocked(line, simulating.sold(product, without)),
            after=_blocked(line, simulating.sold(product, among)),
        )
        if outcome is None:
            return None
        return Replayed(outcome, line.number, line.client_id, line.ship_to_state, product.slug)

    def _over(self, line: Any) -> list[Any]:
        """The rules over a line where it went, on its day or today."""
        placed = line.placed_at.astimezone(UTC).date()
        return [
            rule
            for rule in self.known.get(line.product_id, ())
            if rule.jurisdiction in (EVERYWHERE, line.ship_to_state)
            and (_held(rule, placed) or _held(rule, self.today))
        ]


def _judge(draft: Draft, *, since: date, today: date) -> _Judge:
    spoken_of = set(db.session.scalars(simulating.products_spoken_of(draft.says)))
    known = _known(spoken_of, draft.number, since, today)
    products = simulating.products(spoken_of | set(known))
    return _Judge(products, known, spoken_of, draft, today)


def _held(rule: Any, day: date) -> bool:
    return bool(rule.valid_from <= day and (rule.valid_until is None or day < rule.valid_until))


def _blocked(line: Any, sold: Sold) -> bool:
    return sold is Sold.NOT or (sold is Sold.BY_PRESCRIPTION and line.fill_id is None)


def _known(
    product_ids: set[UUID], number: str | None, since: date, today: date
) -> dict[UUID, list[Any]]:
    """The rules between these days over these products and those the version before speaks of."""
    same = sa.select(RULINGS.c.product_id).where(RULINGS.c.rule_number == (number or ""))
    rows = db.session.execute(
        sa.select(RULINGS).where(
            sa.or_(RULINGS.c.product_id == _any(product_ids), RULINGS.c.product_id.in_(same)),
            RULINGS.c.valid_from <= today,
            sa.or_(RULINGS.c.valid_until.is_(None), RULINGS.c.valid_until > since),
        )
    )
    known: dict[UUID, list[Any]] = defaultdict(list)
    for row in rows:
        known[row.product_id].append(row)
    return known


def _lines(
    products: Collection[UUID], jurisdiction: str, since: datetime, at: datetime
) -> Iterator[Any]:
    """Lines of these products placed between the two moments, newest first, batch by batch."""
    query = (
        sa.select(
            OrderLine.id,
            Order.number,
            Order.placed_at,
            OrderLine.client_id,
            OrderLine.ship_to_state,
            OrderLine.fill_id,
            Variant.product_id,
        )
        .join(Order, Order.id == OrderLine.order_id)
        .join(Variant, Variant.id == OrderLine.variant_id)
        .where(Variant.product_id == _any(products), Order.placed_at > since, Order.placed_at <= at)
        .order_by(Order.placed_at.desc(), OrderLine.id.desc())
        .limit(BATCH)
    )
    if jurisdiction != EVERYWHERE:
        query = query.where(OrderLine.ship_to_state == jurisdiction)
    rows = db.session.execute(query).all()
    while rows:
        yield from rows
        last = sa.tuple_(sa.literal(rows[-1].placed_at), sa.literal(rows[-1].id))
        earlier = sa.tuple_(Order.placed_at, OrderLine.id) < last
        rows = db.session.execute(query.where(earlier)).all() if len(rows) == BATCH else []


def _any(ids: Collection[UUID]) -> Any:
    """One parameter, however many."""
    return sa.any_(sa.cast(sorted(ids, key=str), ARRAY(sa.Uuid())))
