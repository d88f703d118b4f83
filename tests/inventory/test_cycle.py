"""What is counted when: by what was sold of it, place by place."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from flask import Flask

from shop.core.clock import now
from shop.core.db import db
from shop.inventory import counting, cycle, stock
from shop.inventory.errors import CountRefused
from shop.inventory.models import CountCause, Reason
from tests.builders import a_variant
from tests.inventory.counts import counted, the_shelf
from tests.inventory.lots import a_lot, today
from tests.people import mona, sam


@pytest.mark.parametrize(
    ("sold", "classes"),
    [
        ([70, 15, 10, 5, 0], "AABCC"),
        ([80, 15, 5], "ABC"),  # who begins where a class ends is of the next
        ([100, 0], "AC"),
        ([0, 0], "CC"),
        ([], ""),
    ],
)
def test_the_class_is_what_was_reached_before_it(sold: list[int], classes: str) -> None:
    """Worked by hand: A to 80 per cent of what was sold, B to 95."""
    ids = [uuid.UUID(int=place) for place in range(len(sold))]
    found = cycle.classed(dict(zip(ids, sold, strict=True)))
    assert "".join(found[one].name for one in ids) == classes


def test_what_sells_is_due_sooner_and_counting_puts_it_off(app: Flask) -> None:
    sells, lies, at = a_lot(a_variant(), 10), a_lot(a_variant(), 10), now()
    (promise,) = stock.reserve([(sells.variant_id, 2)], today=today())
    stock.ship(promise, reference_id=promise.id, today=today())
    first, last = cycle.plan(at=at)
    assert (first.variant, first.by_class.name, first.counted_on) == (sells.variant, "A", None)
    assert (last.variant, last.by_class.name) == (lies.variant, "C")
    assert (last.due_on - first.due_on).days == 180 - 30

    with pytest.raises(CountRefused):
        cycle.plan_due(the_shelf(), today=today(), by=sam(), at=at)
    later = today() + timedelta(days=31)
    count = cycle.plan_due(the_shelf(), today=later, by=sam(), at=at)
    assert (count.cause, [line.lot for line in count.lines]) == (CountCause.CYCLE, [sells])

    done = counted({sells: 7}, by=sam(), why=Reason.THEFT_OR_LOSS)
    counting.approve(done, by=mona(), at=at)
    counting.post(done, today=today(), by=sam(), at=at)
    db.session.commit()
    (again,) = (due for due in cycle.plan(at=at) if due.variant == sells.variant)
    assert again.counted_on == today()
