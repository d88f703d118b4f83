"""Attacks on the events: their chain, their actor, their arrows; and on the clock."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from shop.core import events
from shop.core.cluster import APP, WORKER
from tests.attacks.attack import OWNER, Attacks, Sql
from tests.attacks.generated import past_triggers
from tests.builders import a_variant
from tests.inventory.lots import a_lot

TELL = "INSERT INTO events (subject_id, machine, kind, to_state) VALUES "
BY_HAND = (
    "INSERT INTO events (subject_id, seq, kind, from_state, to_state, actor, at, previous_hash,"
    " hash) VALUES (%(told)s, 3, 'x', '', '', 'person:x', now(), sha256(''), {})"
)


class _Thing:
    def __init__(self) -> None:
        self.id = uuid.uuid4()


def scene() -> Mapping[str, Any]:
    """A thing with two events, and a lot that is available."""
    thing = _Thing()
    for _ in range(2):
        events.record(events.Kind.ACCOUNT_OPENED, thing)
    return {"told": thing.id, "lot": a_lot(a_variant()).id}


ATTACKS = Attacks(scene)

ATTACKS.each(
    {
        "tell without an actor": (
            ("SET LOCAL app.actor = ''", f"{TELL} (%(told)s, '', 'x', '')"),
            "event_has_an_actor",
        ),
        "tell as somebody of one's own making": (
            ("SET LOCAL app.actor = 'root'", f"{TELL} (%(told)s, '', 'x', '')"),
            "event_has_an_actor",
        ),
        "go where no arrow goes": (
            (
                f"{TELL} (%(lot)s, 'lot', 'x', 'expired')",
                f"{TELL} (%(lot)s, 'lot', 'x', 'available')",
            ),
            "event_is_a_legal_transition",
        ),
        "be born in the middle": (
            f"{TELL} (%(new)s, 'lot', 'x', 'recalled')",
            "event_is_a_legal_transition",
        ),
        "go along another machine's arrow": (
            f"{TELL} (%(lot)s, 'order', 'x', 'paid')",
            "event_is_a_legal_transition",
        ),
        "invent a machine": (
            f"{TELL} (%(new)s, 'mine', 'x', 'free')",
            "event_is_a_legal_transition",
        ),
    },
    APP,
    WORKER,
)


@ATTACKS.passes(APP, WORKER)
def _tell(attacker: Sql) -> None:
    attacker.run(f"{TELL} (%(told)s, '', 'x', '')")


@ATTACKS.undone("event_chained", OWNER)
def _forge_an_event(attacker: Sql) -> object:
    """Even the owner's values are overwritten: number, state before, actor, time and hashes."""
    return attacker.run(
        "WITH forged AS (INSERT INTO events (subject_id, seq, kind, from_state, to_state, actor, at,"
        "                previous_hash, hash)"
        "   VALUES (%(told)s, 9, 'x', 'y', '', 'person:x', '2001-01-01', sha256('a'), sha256('b'))"
        "   RETURNING *)"
        " SELECT f.seq = 3 AND f.from_state = '' AND f.actor = 'person:mallory'"
        "   AND f.at > now() - interval '1 minute' AND f.previous_hash = l.hash"
        "   AND f.hash <> sha256('b') AS undone"
        " FROM forged f JOIN events l ON l.subject_id = f.subject_id AND l.seq = 2"
    )["undone"]


@ATTACKS.undone("event_chained", APP, WORKER)
def _chain_to_a_history_of_ones_own(attacker: Sql) -> object:
    """A temporary table stands before the real one, for who does not say which is meant."""
    attacker.run("CREATE TEMPORARY TABLE events AS TABLE public.events")
    attacker.run("UPDATE pg_temp.events SET hash = sha256('mine')")
    return attacker.run(
        "WITH told AS (INSERT INTO public.events (subject_id, machine, kind, to_state)"
        "   VALUES (%(told)s, '', 'x', '') RETURNING *)"
        " SELECT t.previous_hash = l.hash AS true FROM told t"
        " JOIN public.events l ON l.subject_id = t.subject_id AND l.seq = t.seq - 1"
    )["true"]


@ATTACKS.undone("event_chained")
def _say_nothing_of_the_state(attacker: Sql) -> object:
    """An event that names no state keeps the one before."""
    return attacker.run(
        "INSERT INTO events (subject_id, machine, kind) VALUES (%(lot)s, 'lot', 'x')"
        " RETURNING to_state = 'available' AS kept"
    )["kept"]


ATTACKS.each(
    {
        "change what was told": ("UPDATE events SET facts = '{}'", "events_are_kept"),
        "untell": ("DELETE FROM events WHERE subject_id = %(told)s", "events_are_kept"),
        "forget everything": ("TRUNCATE events CASCADE", "events_are_kept"),
    },
    OWNER,
)


@ATTACKS.refused("event_hash_is_sha256", OWNER)
def _chain_by_half_a_hash(attacker: Sql) -> None:
    past_triggers("events", BY_HAND.format("'half'"))(attacker)


@ATTACKS.refused("event_follows_the_one_before", OWNER)
def _leave_one_out(attacker: Sql) -> None:
    past_triggers("events", BY_HAND.format("sha256('b')").replace(" 3,", " 4,"))(attacker)


@ATTACKS.refused("one_clock", OWNER)
def _a_second_clock(attacker: Sql) -> None:
    attacker.run("INSERT INTO shop_clock (singleton, time_offset) VALUES (false, '1 day')")
