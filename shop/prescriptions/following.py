"""What a client's treatments ask of packs, for gate, pages and papers: the same rows for all.

One statement for a client without treatments, three with, and a fourth where a rule asks for
something of her chart.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from shop.accounts.models import Person
from shop.catalog import queries as catalog
from shop.catalog.models import (
    ActiveClass,
    Variant,
)
from shop.core.rules import Severity
from shop.prescriptions import gate
from shop.prescriptions.gate import Window
from shop.treatments import asked
from shop.treatments import queries as treatments
from shop.treatments.asked import Asked
from shop.treatments.course import LOOKED_AT, SHIELDING
from shop.treatments.windows import Action, Interval


def windows_of(
    client: Person, packs: Collection[UUID], *, at: datetime
) -> dict[UUID, tuple[Window, ...]]:
    """What is asked of each pack (its variant's id) from `at` on, in the order it begins.

    A pack of which nothing is asked is left out. Raises sealed.NotOpened.
    """
    classes = _classes(client, packs, at)
    subjects = {one for each in classes.values() for one in each}
    (said,) = asked.of_each([(client, at)], subjects=subjects)
    ahead = [_window(one, said) for one in said.intervals if at < one.until]
    found = {
        pack: tuple(window for window in ahead if window.subject in held)
        for pack, held in classes.items()
    }
    return {pack: windows for pack, windows in found.items() if windows}


def sentences(
    client: Person, packs: Collection[UUID], *, at: datetime
) -> dict[UUID, tuple[str, ...]]:
    """What she is told of each pack; see `gate.told`. A pack of which nothing is said is out."""
    windows = windows_of(client, packs, at=at)
    said = {pack: gate.told(each, at) for pack, each in windows.items()}
    if treatments.held_for_report(client.id):
        for pack in resting(client, packs, at=at):
            said[pack] = (LOOKED_AT, *said.get(pack, ()))
    return {pack: each for pack, each in said.items() if each}


def pauses(client: Person, packs: Collection[UUID], *, at: datetime) -> dict[UUID, str]:
    """Why each pack of her home care is left off at `at`; one that is used is left out.

    A stop of whatever severity leaves it off, and so does every active while a report of hers
    waits for a physician. Raises sealed.NotOpened.
    """
    found = {
        pack: stops[-1].text
        for pack, windows in windows_of(client, packs, at=at).items()
        if (stops := gate.holding(windows, at, least=Severity.INFO))
    }
    if treatments.held_for_report(client.id):
        found |= dict.fromkeys(resting(client, packs, at=at), LOOKED_AT)
    return found


def resting(client: Person, packs: Collection[UUID], *, at: datetime) -> frozenset[UUID]:
    """Those that she leaves off while a report of hers waits: with an active that shields not."""
    classes = _classes(client, packs, at)
    return frozenset(pack for pack, held in classes.items() if held - SHIELDING)


def _window(one: Interval, said: Asked) -> Window:
    return Window(
        subject=one.subject,
        forbids=one.action.forbids,
        stops=one.action is Action.STOP,
        severity=one.severity,
        begins=one.begins,
        until=one.until,
        text=said.sentence(one),
        titled=said.titled(one),
        rules=_rules(one),
    )


def _rules(one: Interval) -> tuple[tuple[str, int], ...]:
    return tuple(dict.fromkeys((ground.number, ground.version) for ground in one.because))


def _classes(
    client: Person, packs: Collection[UUID], at: datetime
) -> dict[UUID, frozenset[ActiveClass]]:
    """The classes of active in each pack; none where the client has no treatment."""
    return catalog.active_classes(Variant.id, packs, asked.any_of([client.id], at))
