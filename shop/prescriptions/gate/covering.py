"""Which prescription carries a wish, and what keeps the others from it: tests in their order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from shop.prescriptions.gate.answers import Answer, Objection, Step, Weighed, day, step
from shop.prescriptions.gate.facts import Authority, Facts, Wish
from shop.prescriptions.standing import Standing, next_fill_on, standing
from shop.prescriptions.states import FillStatus, PrescriptionStatus

Shortcoming = Callable[[Facts, Wish, Authority], Objection | None]


def cover(facts: Facts, wish: Wish) -> Authority | None:
    """The prescription that carries the wish now; of several, the one that ends first."""
    covering = [one.authority for one in weighed(facts, wish) if one.covers]
    return min(covering, key=lambda one: (one.valid_until, one.id), default=None)


def _candidates(facts: Facts, wish: Wish) -> list[Authority]:
    return [
        one
        for one in facts.prescriptions
        if one.client_id == facts.client.id
        and one.variant_id == wish.variant_id
        and (not wish.placed or any(fill.id == wish.fill_id for fill in one.fills))
    ]


def weighed(facts: Facts, wish: Wish) -> tuple[Weighed, ...]:
    return tuple(_weigh(facts, wish, one) for one in _candidates(facts, wish))


def _weigh(facts: Facts, wish: Wish, one: Authority) -> Weighed:
    """What keeps `one` from covering the wish, if anything does."""
    tests: list[Step] = []
    for test in STANDING + (HOLDING if wish.placed else TAKING):
        objection = test(facts, wish, one)
        tests.append(step(test.__name__, objection))
        if objection is not None:
            break
    return Weighed(one, tuple(tests))


def not_held(wish: Wish) -> Objection:
    return Objection(
        Answer.BLOCKED,
        "fill_not_held",
        "This line does not hold a fill that covers it.",
        "Order it again.",
        {"sku": wish.sku},
    )


# Whether a prescription stands at all.


def _replaced(facts: Facts, wish: Wish, one: Authority) -> Objection | None:
    if one.status is not PrescriptionStatus.SUPERSEDED:
        return None
    return _ask_again("superseded", f"Another prescription has replaced {one.number}.", one)


def _in_error(facts: Facts, wish: Wish, one: Authority) -> Objection | None:
    if standing(one, facts.at) is not Standing.ENTERED_IN_ERROR:
        return None
    return _ask_again("entered_in_error", f"{one.number} was entered in error.", one)


def _revoked(facts: Facts, wish: Wish, one: Authority) -> Objection | None:
    if standing(one, facts.at) is not Standing.REVOKED:
        return None
    return _ask_again("revoked", f"Your prescription {one.number} was withdrawn.", one)


def _not_accepted(facts: Facts, wish: Wish, one: Authority) -> Objection | None:
    if standing(one, facts.at) is not Standing.NOT_ACCEPTED:
        return None
    return Objection(
        Answer.NEEDS_CLIENT_ACTION,
        "not_accepted",
        f"{one.prescriber_name} prescribed this instead of what you asked for.",
        "Look at your request and accept it.",
        {"prescription": one.number},
    )


def _over(facts: Facts, wish: Wish, one: Authority) -> Objection | None:
    if standing(one, facts.at) is not Standing.EXPIRED:
        return None
    ended = day(last_day(one), facts.day)
    return _ask_again("expired", f"Your prescription {one.number} ended on {ended}.", one)


def _not_begun(facts: Facts, wish: Wish, one: Authority) -> Objection | None:
    if standing(one, facts.at) is not Standing.NOT_YET:
        return None
    begins = one.valid_from.date()
    return Objection(
        Answer.HOLD_UNTIL,
        "not_yet_valid",
        f"Your prescription {one.number} begins on {day(begins, facts.day)}.",
        "Order it then.",
        {"prescription": one.number, "from": begins.isoformat()},
        until=begins,
    )


def _held(facts: Facts, wish: Wish, one: Authority) -> Objection | None:
    if standing(one, facts.at) is not Standing.ON_HOLD:
        return None
    # Whoever packs reads this, too: nothing is said of why.
    looks = f"This waits until {one.prescriber_name} has looked at it again."
    return Objection(
        Answer.BLOCKED,
        "on_hold",
        looks if one.to_be_looked_at else f"{one.prescriber_name} has put this on hold.",
        "Ask the clinic what comes next.",
        {"prescription": one.number},
    )


def _licence_lapsed(facts: Facts, wish: Wish, one: Authority) -> Objection | None:
    needed = {one.client_state} | ({facts.ship_to_state} & one.states)
    missing = sorted(needed - one.licensed_in)
    if not missing:
        return None
    return Objection(
        Answer.NEEDS_REQUEST,
        "licence_lapsed",
        f"{one.prescriber_name} can no longer prescribe in {' and '.join(missing)}.",
        "Ask another physician.",
        {"prescription": one.number, "states": missing},
    )


STANDING: tuple[Shortcoming, ...] = (
    _in_error,
    _replaced,
    _revoked,
    _not_accepted,
    _over,
    _not_begun,
    _licence_lapsed,  # before the hold: a lapsed licence brings one
    _held,
)


# Whether a fill of it may be taken now.


def _taken_away(facts: Facts, wish: Wish, one: Authority) -> Objection | None:
    if one.taken_away_on is None:
        return None
    return _ask_again(
        "taken_away",
        f"You took your prescription {one.number} to another pharmacy"
        f" on {day(one.taken_away_on, facts.day)}.",
        one,
    )


def _succeeded(facts: Facts, wish: Wish, one: Authority) -> Objection | None:
    """What is under way of it is still sent; what is new is taken of its successor."""
    if not one.replaced:
        return None
    return _ask_again("superseded", f"Another prescription has replaced {one.number}.", one)


def _used_up(facts: Facts, wish: Wish, one: Authority) -> Objection | None:
    if one.fills_left > 0:
        return None
    return _ask_again(
        "fills_used_up", f"All fills of your prescription {one.number} are used.", one
    )


def _other_quantity(facts: Facts, wish: Wish, one: Authority) -> Objection | None:
    if one.quantity == wish.quantity:
        return None
    return Objection(
        Answer.NEEDS_CLIENT_ACTION,
        "other_quantity",
        f"Your prescription {one.number} is for {one.quantity} at a time.",
        f"Change the quantity to {one.quantity}, or ask a physician for {wish.quantity}.",
        {"prescription": one.number, "approved": one.quantity, "wanted": wish.quantity},
    )


def _too_soon(facts: Facts, wish: Wish, one: Authority) -> Objection | None:
    """The interval a physician set counts from the last fill, whichever prescription gave it."""
    taken = [
        fill.on
        for other in facts.prescriptions
        if other.client_id == facts.client.id and other.variant_id == wish.variant_id
        for fill in other.fills
        if fill.live
    ]
    until = next_fill_on(one.interval_days, taken)
    if until is None or until <= facts.day:
        return None
    return Objection(
        Answer.HOLD_UNTIL,
        "refill_too_soon",
        f"You still have enough. The next fill is ready on {day(until, facts.day)}.",
        "Order it then.",
        {"prescription": one.number, "from": until.isoformat()},
        until=until,
    )


def _other_state(facts: Facts, wish: Wish, one: Authority) -> Objection | None:
    if facts.ship_to_state in one.states:
        return None
    covered = sorted(one.states)
    return Objection(
        Answer.NEEDS_CLIENT_ACTION,
        "other_state",
        f"Your prescription {one.number} covers {' and '.join(covered)},"
        f" not {facts.ship_to_state}.",
        f"Ship it to {' or '.join(covered)}, or ask a physician for {facts.ship_to_state}.",
        {"prescription": one.number, "covered": covered, "wanted": facts.ship_to_state},
    )


TAKING: tuple[Shortcoming, ...] = (
    _succeeded,
    _taken_away,
    _used_up,
    _other_quantity,
    _too_soon,
    _other_state,
)


def _holds_no_live_fill(facts: Facts, wish: Wish, one: Authority) -> Objection | None:
    """The fill a placed line holds must be live and of exactly this quantity and state."""
    for fill in one.fills:
        alive = fill.status in (FillStatus.RESERVED, FillStatus.CONSUMED)
        if fill.id == wish.fill_id and alive and fill.quantity == wish.quantity:
            return None if fill.state == facts.ship_to_state else not_held(wish)
    return not_held(wish)


HOLDING: tuple[Shortcoming, ...] = (_holds_no_live_fill,)


def _ask_again(code: str, text: str, one: Authority) -> Objection:
    return Objection(
        Answer.NEEDS_REQUEST, code, text, "Ask the physician again.", {"prescription": one.number}
    )


def last_day(one: Authority) -> date:
    return (one.valid_until - timedelta(microseconds=1)).date()
