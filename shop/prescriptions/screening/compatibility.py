"""Whether products may meet on the skin: the rules of screening that look at products only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from uuid import UUID

from shop.prescriptions.screening import checking, judging, kinds, rules
from shop.prescriptions.screening import facts as known
from shop.prescriptions.screening.facts import Slot
from shop.prescriptions.screening.judging import Hit

LOOKS_AT_PRODUCTS = (kinds.TwoOf, kinds.Together)


def conflicts(
    used: Mapping[UUID, frozenset[Slot]], *, states: frozenset[str], on: date
) -> tuple[Hit, ...]:
    """What speaks against these products beside each other, by their ids and when each is used.

    Asks the rules about duplicates and interactions that hold on a day. Worst first.
    """
    beside = tuple(
        replace(product, slots=used[one])
        for one, product in sorted(checking.products_known(used.keys()).items())
    )
    asked = [one for one in rules.rules() if isinstance(one.question, LOOKS_AT_PRODUCTS)]
    facts = known.Facts(client=known.Client(), candidates=beside, states=states)
    return judging.screen(facts, asked, on=on)
