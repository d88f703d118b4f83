"""Attacks on the shelf: lots, the ledger, promises and deliveries.

On-hand and reserved equal their sums and stay within each other; nothing is promised or shipped
from a lot that is expired or not available; every stock effect happens once; nothing is rewritten.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shop.core.clock import now
from shop.core.cluster import APP, WORKER
from shop.core.db import db
from shop.inventory import locations, stock
from shop.inventory.states import LotStatus
from tests.attacks.attack import OWNER, Attacks, Sql
from tests.builders import a_variant
from tests.inventory.lots import a_delivery, a_lot, today
from tests.people import alice, sam
from tests.treatments.builders import a_performed_session, an_active_plan

MOVE = (
    "INSERT INTO movements (id, from_id, to_id, lot_id, kind, units, reference_id)"
    " VALUES (gen_random_uuid(), "
)
OUT, IN = f"{MOVE} %(shelf)s, NULL,", f"{MOVE} NULL, %(shelf)s,"
PLACES = ("SHELF", "BACKBAR", "QUARANTINE", "RETURNS", "TESTERS")
PROMISE = "INSERT INTO reservations (id, variant_id, units) VALUES (%(new)s, %(cream)s, 3)"
PART = (
    "INSERT INTO reservation_parts (id, reservation_id, lot_id, variant_id, units)"
    " VALUES (gen_random_uuid(), %(new)s, "
)
LOT = (
    "INSERT INTO lots (id, number, variant_id, lot_number, expires_on, status, state_seq)"
    " VALUES (%(new)s, 'L-ATTACK', %(cream)s, "
)
DATED = LOT.replace(
    "(id, number, variant_id,", "(id, number, variant_id, expiry_precision, no_expiry_reason,"
)
UNCHAINED = "ALTER TABLE movements DISABLE TRIGGER movement_chained"
BY_HAND = (
    "INSERT INTO movements (id, from_balance, to_balance, from_id, to_id, units, lot_id, seq,"
    " previous, kind, delta, balance, reference_id, actor, at) VALUES (gen_random_uuid(), 7, 7, "
)


def scene() -> Mapping[str, Any]:
    """A good lot of 6 + 4 units of which 3 are promised, and lots that nothing may leave."""
    cream, soap = a_variant(), a_variant()
    good = a_lot(cream, 6)
    a_delivery(good, 4)
    live, ended = stock.reserve([(cream.id, 3), (cream.id, 2)], today=today())
    stock.release([ended], at=now())
    db.session.flush()  # the promises go with the facts
    return {
        "cream": cream.id,
        "soap": soap.id,
        "good": good.id,
        "good_number": good.lot_number,
        "expired": a_lot(cream, 5, days=-5).id,
        "ending": a_lot(cream, 5, days=4).id,
        "quarantined": a_lot(cream, 5, status=LotStatus.QUARANTINE).id,
        "soaps": a_lot(soap, 5).id,
        "live": live.id,
        "ended": ended.id,
        "sam": sam().id,
        "done": _performed(),
        **{code.lower(): locations.location(code).id for code in PLACES},
    }


def _performed() -> Any:
    performance = a_performed_session(an_active_plan(alice())).performance
    assert performance
    return performance.id


ATTACKS = Attacks(scene)

ATTACKS.each(
    {
        # what expired or is not available
        "ship what expired": (
            f"{OUT} %(expired)s, 'ship', 1, gen_random_uuid())",
            "lot_is_not_expired",
        ),
        "use what nobody performed anything with": (
            f"{OUT} %(good)s, 'treatment_use', 1, %(new)s)",
            "treatment_use_is_of_a_performance",
        ),
        "use what expired in a treatment": (
            f"{OUT} %(expired)s, 'treatment_use', 1, gen_random_uuid())",
            "lot_is_not_expired",
        ),
        "ship from quarantine": (
            f"{OUT} %(quarantined)s, 'ship', 1, gen_random_uuid())",
            "lot_is_available",
        ),
        "promise what expired": (
            (PROMISE, f"{PART} %(expired)s, %(cream)s, 3)"),
            "lot_is_not_expired",
        ),
        "promise from quarantine": (
            (PROMISE, f"{PART} %(quarantined)s, %(cream)s, 3)"),
            "lot_is_available",
        ),
        # more than there is
        "promise more than is free": (
            (PROMISE.replace("3)", "8)"), f"{PART} %(good)s, %(cream)s, 8)"),
            "reserved_units_are_on_the_shelf",
        ),
        "ship what is promised to others": (
            f"{OUT} %(good)s, 'ship', 8, gen_random_uuid())",
            "reserved_units_are_on_the_shelf",
        ),
        "ship more than there is": (
            f"{OUT} %(soaps)s, 'ship', 6, gen_random_uuid())",
            "holding_is_never_negative",
        ),
        "carry away what is promised": (
            f"{MOVE} %(shelf)s, %(backbar)s, %(good)s, 'transfer', 8, gen_random_uuid())",
            "reserved_units_are_on_the_shelf",
        ),
        "promise what lies in the treatment rooms": (
            (
                f"{MOVE} %(shelf)s, %(backbar)s, %(soaps)s, 'transfer', 4, gen_random_uuid())",
                PROMISE.replace("cream", "soap"),
                f"{PART} %(soaps)s, %(soap)s, 3)",
            ),
            "reserved_units_are_on_the_shelf",
        ),
        "promise what expires before it is used up": (
            (PROMISE, f"{PART} %(ending)s, %(cream)s, 3)"),
            "lot_outlasts_its_use",
        ),
        "ship what expires before it is used up": (
            f"{OUT} %(ending)s, 'ship', 1, gen_random_uuid())",
            "lot_outlasts_its_use",
        ),
        # places
        "ship from the treatment rooms": (
            f"{MOVE} %(backbar)s, NULL, %(good)s, 'ship', 1, gen_random_uuid())",
            "movement_leads_where_its_kind_may",
        ),
        "sell what was opened as a tester": (
            f"{MOVE} %(testers)s, %(shelf)s, %(good)s, 'transfer', 1, gen_random_uuid())",
            "movement_leads_where_its_kind_may",
        ),
        "carry out of quarantine without a release": (
            f"{MOVE} %(quarantine)s, %(shelf)s, %(good)s, 'transfer', 1, gen_random_uuid())",
            "movement_leads_where_its_kind_may",
        ),
        "put aside onto the shelf": (
            f"{MOVE} %(backbar)s, %(shelf)s, %(good)s, 'quarantine', 1, gen_random_uuid())",
            "movement_leads_where_its_kind_may",
        ),
        "release what is kept back": (
            f"{MOVE} %(quarantine)s, %(shelf)s, %(quarantined)s, 'release', 1, gen_random_uuid())",
            "lot_is_available",
        ),
        "carry to where it is": (
            f"{MOVE} %(shelf)s, %(shelf)s, %(good)s, 'transfer', 1, gen_random_uuid())",
            "movement_goes_its_kinds_way",
        ),
        # movements
        "move without an actor": (
            (
                "SET LOCAL app.actor = ''",
                f"{IN} %(good)s, 'receive', 1, gen_random_uuid())",
            ),
            "movement_has_an_actor",
        ),
        "move nothing": (
            f"{OUT} %(good)s, 'destroy', 0, gen_random_uuid())",
            "movement_moves_something",
        ),
        "receive a minus": (
            f"{OUT} %(good)s, 'receive', 1, gen_random_uuid())",
            "movement_goes_its_kinds_way",
        ),
        "destroy a plus": (
            f"{IN} %(good)s, 'destroy', 1, gen_random_uuid())",
            "movement_goes_its_kinds_way",
        ),
        "move by magic": (
            f"{OUT} %(good)s, 'magic', 1, gen_random_uuid())",
            "movement_kind_is_known",
        ),
        "ship one line twice": (
            [f"{OUT} %(good)s, 'ship', 1, %(new)s)"] * 2,
            "movement_happens_once",
        ),
        "move a lot that is not there": (
            f"{IN} %(new)s, 'receive', 1, gen_random_uuid())",
            "movements_lot_id_fkey",
        ),
        # promises and what they hold
        "promise without holding": (PROMISE, "parts_make_up_the_reservation"),
        "hold less than promised": (
            (PROMISE, f"{PART} %(good)s, %(cream)s, 2)"),
            "parts_make_up_the_reservation",
        ),
        "hold more than promised": (
            (PROMISE, f"{PART} %(good)s, %(cream)s, 4)"),
            "parts_make_up_the_reservation",
        ),
        "hold for a promise that has ended": (
            f"{PART} %(good)s, %(cream)s, 2)".replace("%(new)s", "%(ended)s"),
            "parts_make_up_the_reservation",
        ),
        "end a promise that keeps holding": (
            "UPDATE reservations SET released_at = now() WHERE id = %(live)s",
            "parts_make_up_the_reservation",
        ),
        "stop holding what stays promised": (
            "UPDATE reservation_parts SET ended_at = now() WHERE reservation_id = %(live)s",
            "parts_make_up_the_reservation",
        ),
        "hold nothing": (
            (PROMISE, f"{PART} %(good)s, %(cream)s, 0)"),
            "part_holds_something",
        ),
        "hold twice in one lot": (
            (PROMISE, f"{PART} %(good)s, %(cream)s, 1)", f"{PART} %(good)s, %(cream)s, 2)"),
            "reservation_parts_one_live",
        ),
        "hold another variant's lot": (
            (PROMISE, f"{PART} %(soaps)s, %(cream)s, 3)"),
            "reserved_lot_is_of_the_variant",
        ),
        "hold another variant": (
            (PROMISE, f"{PART} %(soaps)s, %(soap)s, 3)"),
            "part_is_of_the_reservations_variant",
        ),
        "hold in a lot that is not there": (
            (PROMISE, f"{PART} %(new)s, %(cream)s, 3)"),
            "reserved_lot_is_of_the_variant",
        ),
        "promise too many": (PROMISE.replace("3)", "1001)"), "reserved_units_are_sane"),
        "end a part again": (
            "UPDATE reservation_parts SET ended_at = now() WHERE reservation_id = %(ended)s",
            "part_ends_once",
        ),
        "reopen a part": (
            "UPDATE reservation_parts SET ended_at = NULL WHERE reservation_id = %(ended)s",
            "part_ends_once",
        ),
        "end a promise again": (
            "UPDATE reservations SET shipped_at = now() WHERE id = %(ended)s",
            "reservation_ends_once",
        ),
        "reopen a promise": (
            "UPDATE reservations SET released_at = NULL WHERE id = %(ended)s",
            "reservation_ends_once",
        ),
        "release and ship": (
            "UPDATE reservations SET released_at = now(), shipped_at = now() WHERE id = %(live)s",
            "released_or_shipped_not_both",
        ),
        # lots
        "change a lot's status in silence": (
            "UPDATE lots SET status = 'available' WHERE id = %(quarantined)s",
            "lot_status_has_its_event",
        ),
        "make a lot without its event": (
            f"{LOT} 'X', '2030-01-01', 'available', 1)",
            "lot_status_has_its_event",
        ),
        "make the same lot again": (
            f"{LOT} %(good_number)s, '2030-01-01', 'available', 1)",
            "lots_makers_number_key",
        ),
        "make a lot with a space in its number": (
            f"{LOT} 'A 1', '2030-01-01', 'available', 1)",
            "lot_number_fits_gs1",
        ),
        "make a lot of a month that ends in its middle": (
            f"{DATED} 'month', NULL, 'Y', '2030-01-15', 'available', 1)",
            "month_expires_on_its_last_day",
        ),
        "assume a shelf life without a reason": (
            f"{DATED} 'assumed', NULL, 'Y', '2030-01-15', 'available', 1)",
            "assumed_expiry_has_a_reason",
        ),
        "give a reason for an expiry that is known": (
            f"{DATED} 'day', 'None printed', 'Y', '2030-01-15', 'available', 1)",
            "assumed_expiry_has_a_reason",
        ),
        "know an expiry by guess": (
            f"{DATED} 'guess', NULL, 'Y', '2030-01-15', 'available', 1)",
            "expiry_precision_is_known",
        ),
        "receive an absurd delivery": (
            (
                "INSERT INTO receipt_lines (id, receipt_id, lot_id, units, received_by_id)"
                " VALUES (gen_random_uuid(), gen_random_uuid(), %(good)s, 100001, %(sam)s)"
            ),
            "received_units_are_sane",
        ),
    },
    APP,
    WORKER,
)

ATTACKS.each(
    {
        "make a shelf of the treatment rooms": (
            "UPDATE locations SET kind = 'retail' WHERE code = 'BACKBAR'",
            "place_keeps_what_it_is",
        ),
        "fill orders from nowhere": (
            "UPDATE sites SET fills_orders = false",
            "place_keeps_what_it_is",
        ),
        "carry to a closed place": (
            (
                "UPDATE locations SET closed_at = now() WHERE code = 'BACKBAR'",
                f"{MOVE} %(shelf)s, %(backbar)s, %(good)s, 'transfer', 1, gen_random_uuid())",
            ),
            "nothing_comes_to_a_closed_place",
        ),
        "remove a place": ("DELETE FROM locations WHERE code = 'TESTERS'", "locations_are_kept"),
        "remove a site": ("TRUNCATE sites CASCADE", "sites_are_kept"),
        "forget what lies in a place": (
            "DELETE FROM holdings WHERE lot_id = %(good)s",
            "holdings_are_kept",
        ),
        "find more in a place": (
            "UPDATE holdings SET on_hand = on_hand + 1 WHERE lot_id = %(good)s",
            "holding_shows_its_last_movement",
        ),
        "say that something lies where nothing came": (
            "INSERT INTO holdings (lot_id, location_id, on_hand) VALUES (%(good)s, %(returns)s, 2)",
            "holding_shows_its_last_movement",
        ),
        "show more on the shelf than lies there": (
            "UPDATE lots SET on_shelf = on_shelf - 1 WHERE id = %(good)s",
            "lot_shows_what_lies_where",
        ),
        "show more on the shelf than in the house": (
            "UPDATE lots SET on_shelf = on_hand + 1 WHERE id = %(good)s",
            "reserved_units_are_on_the_shelf",
        ),
        "rewrite a movement": (
            "UPDATE movements SET delta = 9 WHERE lot_id = %(good)s",
            "movements_are_kept",
        ),
        "remove a lot": ("DELETE FROM lots WHERE id = %(soaps)s", "lots_are_kept"),
        "raise the head": (
            "UPDATE lots SET on_hand = on_hand + 1 WHERE id = %(good)s",
            "lot_head_is_its_last_movement",
        ),
        "turn the head back": (
            "UPDATE lots SET ledger_seq = 1, on_hand = 6, on_shelf = 6 WHERE id = %(good)s",
            "lot_shows_its_last_movement",
        ),
        "forget the ledger": (
            "UPDATE lots SET ledger_seq = NULL, on_hand = 99 WHERE id = %(good)s",
            "lot_shows_its_last_movement",
        ),
        "forget only which movement was the last": (
            "UPDATE lots SET ledger_seq = NULL WHERE id = %(good)s",
            "lot_shows_its_last_movement",
        ),
        "forget what is promised": (
            "UPDATE lots SET reserved = 0 WHERE id = %(good)s",
            "reserved_is_the_sum_of_its_parts",
        ),
        "be born with units": (
            (
                (
                    "INSERT INTO events (subject_id, machine, kind, to_state)"
                    " VALUES (%(new)s, 'lot', 'x', 'available')"
                ),
                (
                    "INSERT INTO lots (id, number, variant_id, lot_number, expires_on, status,"
                    " on_hand) VALUES (%(new)s, 'L-ATTACK', %(cream)s, 'X', '2050-01-01',"
                    " 'available', 9)"
                ),
            ),
            "lot_shows_its_last_movement",
        ),
        "enlarge a part": (
            "UPDATE reservation_parts SET units = 4 WHERE reservation_id = %(live)s",
            "part_only_ends",
        ),
        "move a part while ending it": (
            (
                "UPDATE reservation_parts SET ended_at = now(), lot_id = %(expired)s"
                " WHERE reservation_id = %(live)s"
            ),
            "part_only_ends",
        ),
        "enlarge a promise": (
            "UPDATE reservations SET units = 4 WHERE id = %(live)s",
            "reservation_only_ends",
        ),
        "make a promise while ending it older": (
            (
                "UPDATE reservations SET released_at = now(), reserved_at = '2020-01-01'"
                " WHERE id = %(live)s"
            ),
            "reservation_only_ends",
        ),
        # past the ledger's trigger
        "chain to a balance that never was": (
            (
                UNCHAINED,
                f"{BY_HAND} %(shelf)s, NULL, 1, %(good)s, 3, 50, 'ship', -1, 49, %(new)s, 'person:x', now())",
            ),
            "movement_follows_the_one_before",
        ),
        "begin with something": (
            (
                UNCHAINED,
                f"{BY_HAND} %(shelf)s, NULL, 1, %(good)s, 1, 50, 'ship', -1, 49, %(new)s, 'person:x', now())",
            ),
            "ledger_begins_at_zero",
        ),
        "write a balance that is not the sum": (
            (
                UNCHAINED,
                f"{BY_HAND} %(shelf)s, NULL, 1, %(good)s, 3, 10, 'ship', -1, 10, %(new)s, 'person:x', now())",
            ),
            "balance_is_never_negative",
        ),
        "go below zero": (
            (
                UNCHAINED,
                f"{BY_HAND} %(shelf)s, NULL, 11, %(good)s, 3, 10, 'ship', -11, -1, %(new)s, 'person:x', now())",
            ),
            "balance_is_never_negative",
        ),
        "number a movement again": (
            (
                UNCHAINED,
                f"{BY_HAND} %(shelf)s, NULL, 1, %(good)s, 2, 6, 'ship', -1, 5, %(new)s, 'person:x', now())",
            ),
            "movements_pkey",
        ),
        "add a movement behind the head's back": (
            (
                UNCHAINED,
                f"{BY_HAND} NULL, %(shelf)s, 1, %(good)s, 3, 10, 'receive', 1, 11, %(new)s, 'person:x', now())",
                "UPDATE lots SET on_hand = on_hand WHERE id = %(good)s",
            ),
            "lot_shows_its_last_movement",
        ),
    },
    OWNER,
)


@ATTACKS.passes()
def _use_in_a_treatment(attacker: Sql) -> None:
    attacker.run(f"{OUT} %(good)s, 'treatment_use', 1, %(done)s)")


@ATTACKS.passes(APP, WORKER)
def _promise_and_hold(attacker: Sql) -> None:
    attacker.run(PROMISE)
    attacker.run(f"{PART} %(good)s, %(cream)s, 3)")


@ATTACKS.passes(APP, WORKER)
def _release_what_is_promised(attacker: Sql) -> None:
    attacker.run("UPDATE reservation_parts SET ended_at = now() WHERE reservation_id = %(live)s")
    attacker.run("UPDATE reservations SET released_at = now() WHERE id = %(live)s")


@ATTACKS.passes(APP, WORKER)
def _ship_what_is_free(attacker: Sql) -> None:
    attacker.run(f"{OUT} %(good)s, 'ship', 7, gen_random_uuid())")


@ATTACKS.passes(APP, WORKER)
def _destroy_what_expired(attacker: Sql) -> None:
    attacker.run(f"{OUT} %(expired)s, 'destroy', 5, gen_random_uuid())")


@ATTACKS.passes(APP, WORKER)
def _quarantine_a_lot(attacker: Sql) -> None:
    attacker.move("lot", attacker.facts["soaps"], "quarantine")


@ATTACKS.undone("movement_chained", OWNER)
def _forge_a_movement(attacker: Sql) -> object:
    """Even the owner's number, balances, actor and time are overwritten."""
    attacker.run(
        f"{BY_HAND} NULL, %(shelf)s, 2, %(good)s, 9, 50, 'receive', 2, 52, %(new)s, 'person:x', '2001-01-01')"
    )
    return attacker.run(
        "SELECT m.seq = 3 AND m.previous = 10 AND m.balance = 12 AND m.actor = 'person:mallory'"
        "   AND m.from_balance IS NULL AND m.to_balance = 12"
        "   AND m.at > now() - interval '1 minute' AND l.on_hand = 12 AND l.ledger_seq = 3 AS undone"
        " FROM movements m JOIN lots l ON l.id = m.lot_id WHERE m.reference_id = %(new)s"
    )["undone"]


@ATTACKS.undone("movement_chained", OWNER)
def _forge_where_it_went(attacker: Sql) -> object:
    """What lies in the place that nothing came to is not told."""
    attacker.run(
        f"{BY_HAND} %(shelf)s, NULL, 2, %(good)s, 9, 50, 'destroy', 2, 52, %(new)s, 'person:x',"
        " '2001-01-01')"
    )
    return attacker.run(
        "SELECT delta = -2 AND from_balance = 8 AND to_balance IS NULL AS undone FROM movements"
        " WHERE reference_id = %(new)s"
    )["undone"]


@ATTACKS.undone("lot_dated", OWNER)
def _make_a_lot_that_is_sold_for_ever(attacker: Sql) -> object:
    """Its last day of sale follows from its expiry, whatever is written."""
    attacker.run(
        "INSERT INTO events (subject_id, machine, kind, to_state)"
        " VALUES (%(new)s, 'lot', 'x', 'available')"
    )
    dated = LOT.replace("state_seq)", "state_seq, sellable_until)")
    return attacker.run(
        f"{dated} 'Z', '2030-01-08', 'available', 1, '2999-01-01')"
        " RETURNING sellable_until = '2030-01-01' AS dated"
    )["dated"]


@ATTACKS.undone("variants_lots_dated", APP, WORKER)
def _use_a_pack_for_longer(attacker: Sql) -> object:
    """A pack that is used for thirty days is sold thirty days less long."""
    attacker.run("UPDATE variants SET days_of_use = 30 WHERE id = %(cream)s")
    return attacker.run(
        "SELECT bool_and(sellable_until = expires_on - 37) AS dated FROM lots"
        " WHERE variant_id = %(cream)s"
    )["dated"]


@ATTACKS.undone("part_held", OWNER)
def _hold_nothing_from_the_start(attacker: Sql) -> object:
    """A part that says it has ended is held all the same, and its units are the lot's promise."""
    attacker.run(PROMISE)
    return attacker.run(
        "WITH part AS ("
        f"{PART.replace('units)', 'units, ended_at)')} %(good)s, %(cream)s, 3, now())"
        " RETURNING ended_at) SELECT ended_at IS NULL AS held FROM part"
    )["held"]


def _backdated(attacker: Sql) -> dict[str, Any]:
    """What the end of a promise says that somebody backdates."""
    attacker.run("UPDATE reservation_parts SET ended_at = %(then)s WHERE reservation_id = %(live)s")
    found = attacker.run(
        f"UPDATE reservations SET {attacker.facts['end']} = %(then)s WHERE id = %(live)s"
        f" RETURNING {attacker.facts['end']} > now() - interval '1 minute' AS stamped"
    )
    parts = attacker.run(
        "SELECT ended_at > now() - interval '1 minute' AS stamped FROM reservation_parts"
        " WHERE reservation_id = %(live)s"
    )
    return {"reservation": found["stamped"], "part": parts["stamped"]}


@ATTACKS.undone("part_ended", APP, WORKER)
def _backdate_the_end_of_a_part(attacker: Sql) -> object:
    attacker.facts |= {"end": "released_at", "then": "2001-01-01"}
    return _backdated(attacker)["part"]


@ATTACKS.undone("reservation_ended", APP, WORKER)
def _backdate_a_release(attacker: Sql) -> object:
    attacker.facts |= {"end": "released_at", "then": "2001-01-01"}
    return _backdated(attacker)["reservation"]


@ATTACKS.undone("reservation_ended", APP, WORKER)
def _backdate_a_shipping(attacker: Sql) -> object:
    attacker.facts |= {"end": "shipped_at", "then": "2001-01-01"}
    return _backdated(attacker)["reservation"]


ATTACKS.each(
    {
        "a lot rewound to the day it was good": (
            (
                (
                    "INSERT INTO events (subject_id, machine, kind, to_state)"
                    " VALUES (%(good)s, 'lot', 'x', 'recalled')"
                ),
                "UPDATE lots SET status = 'recalled', state_seq = 2 WHERE id = %(good)s",
                "UPDATE lots SET status = 'available', state_seq = 1 WHERE id = %(good)s",
            ),
            "lot_goes_along_an_arrow",
        ),
        "a lot that counts from before it came": (
            "UPDATE lots SET state_seq = 0 WHERE id = %(good)s",
            "lot_goes_along_an_arrow",
        ),
        "a lot that jumps": (
            "UPDATE lots SET status = 'destroyed' WHERE id = %(good)s",
            "lot_goes_along_an_arrow",
        ),
    },
    APP,
    WORKER,
)
