"""What a treatment asks of a product: what holds it, and what is told. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from shop.core.rules import Severity
from shop.prescriptions.gate.facts import Window

AHEAD = timedelta(days=60)  # what begins later is moved too often to be told of every product


def holding(windows: Sequence[Window], at: datetime, *, least: Severity) -> tuple[Window, ...]:
    """The stops of this severity that hold at `at`, and those that go on where they end.

    `windows` in the order in which they begin. The last to end says from when it is free again.
    """
    until, found = at, list[Window]()
    for one in windows:
        if one.stops and one.severity >= least and one.begins <= until < one.until:
            until = one.until
            found.append(one)
    return tuple(found)


def told(windows: Sequence[Window], at: datetime) -> tuple[str, ...]:
    """What is said of a product: of each active what is asked now or next, and what is forbidden.

    Where more than one thing is said, each says what it is about.
    """
    first: dict[tuple[str, bool], Window] = {}
    for one in windows:
        if at < one.until and one.begins < at + AHEAD:
            first.setdefault((one.subject, one.forbids), one)
    said = dict.fromkeys(one.text for one in first.values())
    if len(said) < 2:
        return tuple(said)
    return tuple(dict.fromkeys(one.titled for one in first.values()))
