"""What may come back, and until when: the clinic's terms, as data with a date."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import resources

from shop.catalog.models import LegalClass
from shop.core.clock import day_in
from shop.core.events import Kind, of
from shop.orders.models import OrderLine
from shop.returns.models import ReturnReason

CURRENT = "policy-2026-12.json"


@dataclass(frozen=True)
class Policy:
    """Days since the delivery by class, and what is always taken back."""

    days: dict[LegalClass, int]
    days_on_the_way: dict[str, int]  # by shipping method, where nobody wrote the delivery down
    always: frozenset[ReturnReason]
    always_days: int
    days_to_send: int
    words: tuple[str, ...]

    def last_day(self, line: OrderLine, reason: ReturnReason, *, zone: str) -> date:
        """The last day on which she may ask to send units of a line back that left."""
        if reason in self.always:
            return self.delivered_on(line, zone=zone) + timedelta(days=self.always_days)
        days = self.days[line.variant.legal_class]
        return self.delivered_on(line, zone=zone) + timedelta(days=days)

    def delivered_on(self, line: OrderLine, *, zone: str) -> date:
        """The clinic's day: as told, or the usual days after it left."""
        told = [one.at for one in of(line.id) if one.kind == Kind.LINE_DELIVERED]
        if told:
            return day_in(zone, told[-1])
        assert line.shipped_at is not None  # it left
        way = self.days_on_the_way.get(line.order.shipping_method, 0)
        return day_in(zone, line.shipped_at) + timedelta(days=way)


@functools.cache
def current() -> Policy:
    """The terms in force."""
    read = json.loads(resources.files("shop.returns").joinpath("data", CURRENT).read_text())
    return Policy(
        days={LegalClass(word): days for word, days in read["days"].items()},
        days_on_the_way=read["days_on_the_way"],
        always=frozenset(ReturnReason(word) for word in read["always"]["reasons"]),
        always_days=read["always"]["days"],
        days_to_send=read["days_to_send"],
        words=tuple(read["words"]),
    )
