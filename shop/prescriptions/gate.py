"""The gate: may this client have this, now? The one judge, asked on every road.

Pure: everything it may know is in `Facts`. Positive and fail-closed: a doctor-only line is open
only where a prescription that covers exactly this client, pack, quantity and state stands now with
a fill left, or where the line holds a live fill of one. An error is a no.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache
from uuid import UUID

from shop.catalog.models import LegalClass
from shop.prescriptions.standing import Standing, next_fill_on, standing
from shop.prescriptions.states import FillStatus, PrescriptionStatus, RequestStatus

ADULT = 18  # years, for anything doctor-only
# Of the questions below, for explanations: the next one where a question is added, dropped, asked
# elsewhere in their order, or asks for something else.
EDITION = "2026-1"


class Answer(StrEnum):
    OPEN = "open"
    NEEDS_REQUEST = "needs_request"
    NEEDS_CLIENT_ACTION = "needs_client_action"
    HOLD_UNTIL = "hold_until"
    BLOCKED = "blocked"


@dataclass(frozen=True)
class Wish:
    """So many of a pack. An order line (`placed`) goes on by the fill it holds, or not at all."""

    variant_id: UUID
    sku: str
    quantity: int
    fill_id: UUID | None = None
    placed: bool = False


@dataclass(frozen=True)
class Client:
    """Who wishes; `age` in full years today, None where it is not known."""

    id: UUID
    active: bool
    age: int | None


@dataclass(frozen=True)
class Ruling:
    """The strictest rule over a product where it is sent to, today."""

    rule_id: UUID
    number: str
    version: int
    jurisdiction: str
    legal_class: LegalClass


@dataclass(frozen=True)
class Pack:
    """A variant as the gate sees it. `offered`: for sale now, or promised by a placed order.

    `legal_class` is the filed one, a fact; `ruling` what the law makes of it where it goes.
    """

    variant_id: UUID
    product_id: UUID
    name: str
    legal_class: LegalClass
    doctor_only: bool
    offered: bool
    ruling: Ruling | None = None

    @property
    def needs_prescription(self) -> bool:
        """The strictest of the filed class, the law of the state and the shop's own mark."""
        return self.doctor_only or self.legal_class.prescription_only or self._ruled_so

    @property
    def barred_by(self) -> Ruling | None:
        """The rule by which it is not sold in the state at all."""
        barred = self.ruling is not None and self.ruling.legal_class is LegalClass.CLINIC_USE
        return self.ruling if barred else None

    @property
    def decided_by(self) -> Ruling | None:
        """The rule without which it would be sold more freely than it is."""
        freely = not (self.doctor_only or self.legal_class.prescription_only)
        return self.barred_by or (self.ruling if freely and self._ruled_so else None)

    @property
    def _ruled_so(self) -> bool:
        return self.ruling is not None and self.ruling.legal_class.prescription_only


@dataclass(frozen=True)
class Taken:
    """A fill; `on` is the day it was consumed, or reserved where it is not consumed yet."""

    id: UUID
    state: str
    quantity: int
    status: FillStatus
    on: date

    @property
    def live(self) -> bool:
        """Counts against the allowance."""
        return self.status is not FillStatus.RELEASED


@dataclass(frozen=True)
class Authority:
    """A prescription. `licensed_in`: where its prescriber holds a licence in force today.

    `replaced`: another has taken its place, and it gives no new fill.
    """

    id: UUID
    number: str
    client_id: UUID
    variant_id: UUID
    product_id: UUID
    pack_name: str
    quantity: int
    fills_allowed: int
    interval_days: int | None
    valid_from: datetime
    valid_until: datetime
    status: PrescriptionStatus
    client_state: str
    states: frozenset[str]
    prescriber_name: str
    licensed_in: frozenset[str]
    accepted: bool = True  # by the client, where it is not what she asked for
    fills: tuple[Taken, ...] = ()
    taken_away_on: date | None = None  # when what was left of it went to another pharmacy
    replaced: bool = False
    to_be_looked_at: bool = False  # on hold until a physician has looked at it again

    @property
    def fills_left(self) -> int:
        return self.fills_allowed - sum(fill.live for fill in self.fills)


@dataclass(frozen=True)
class Leaflet:
    """What is read before the first fill of a product, and whether the client has read it."""

    version: str
    read: bool


@dataclass(frozen=True)
class Asked:
    """An open approval request for a pack."""

    number: str
    status: RequestStatus
    asked_on: date | None  # when it was submitted


@dataclass(frozen=True)
class Facts:
    """All that the gate may know. `day` is the UTC day of `at`, as in the database's own checks."""

    client: Client
    wishes: tuple[Wish, ...]
    packs: Mapping[UUID, Pack]  # by variant id
    prescriptions: tuple[Authority, ...]
    requests: Mapping[UUID, Asked]  # by variant id
    leaflets: Mapping[UUID, Leaflet]  # by product id, of whatever is doctor-only
    ship_to_state: str
    out_of_stock: frozenset[UUID]
    at: datetime
    day: date


@dataclass(frozen=True)
class Reason:
    """Why, in words for the client; `remedy` is what she can do, `rule` the question that asked."""

    code: str
    text: str
    remedy: str | None = None
    rule: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """The gate's answer to one wish. `fills_left` counts before this wish takes one."""

    wish: Wish
    answer: Answer
    until: date | None = None  # hold_until: the first day on which it may go on
    reasons: tuple[Reason, ...] = ()
    prescription_id: UUID | None = None
    prescription_number: str | None = None
    valid_until: datetime | None = None
    fills_left: int | None = None
    sentence: str = ""  # the whole answer in one line, for pages and mails
    ruling: Ruling | None = None  # what the law of the state says of it, if anything
    trace: tuple[Step, ...] = ()  # the questions in their order, up to the first no

    @property
    def open(self) -> bool:
        return self.answer is Answer.OPEN

    @property
    def rule_id(self) -> UUID | None:
        """The rule over it in its state, if one speaks of it."""
        return None if self.ruling is None else self.ruling.rule_id


@dataclass(frozen=True)
class Objection:
    """A question's no."""

    answer: Answer
    code: str
    text: str
    remedy: str | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    until: date | None = None


@dataclass(frozen=True)
class Step:
    """A question (or a test of a prescription) that was asked, and its no if it said one."""

    question: str
    objection: Objection | None = None


@dataclass(frozen=True)
class Weighed:
    """A prescription that was looked at: its tests in their order, up to the first no."""

    authority: Authority
    tests: tuple[Step, ...]

    @property
    def objection(self) -> Objection | None:
        return self.tests[-1].objection

    @property
    def covers(self) -> bool:
        return self.objection is None


@dataclass(frozen=True)
class Explained:
    """A decision with what it rests on: the pack (if it is known), the prescriptions weighed."""

    decision: Decision
    pack: Pack | None
    weighed: tuple[Weighed, ...]


Question = Callable[[Facts, Wish], Objection | None]
Shortcoming = Callable[[Facts, Wish, Authority], Objection | None]


def decide(facts: Facts) -> list[Decision]:
    """Answer every wish, in their order. Changes nothing, raises nothing."""
    return [_decision(facts, wish) for wish in facts.wishes]


def explain(facts: Facts, decisions: Sequence[Decision]) -> list[Explained]:
    """What `decide` has answered to these facts, with what it looked at. Decides nothing."""
    return [_explained(facts, decision) for decision in decisions]


def _explained(facts: Facts, decision: Decision) -> Explained:
    wish = decision.wish
    pack = facts.packs.get(wish.variant_id)
    looked_at = any(step.question == prescription_covers_it.__name__ for step in decision.trace)
    if pack is None or not pack.needs_prescription or not looked_at:
        return Explained(decision, pack, ())
    return Explained(decision, pack, _weighed(facts, wish))


def _ruling(facts: Facts, wish: Wish) -> Ruling | None:
    pack = facts.packs.get(wish.variant_id)
    return None if pack is None else pack.ruling


def _decision(facts: Facts, wish: Wish) -> Decision:
    trace: list[Step] = []
    try:
        for question in QUESTIONS:
            objection = question(facts, wish)
            trace.append(_step(question.__name__, objection))
            if objection is not None:
                return _refused(facts, wish, objection, trace)
        return _opened(facts, wish, trace)
    except Exception as error:  # noqa: BLE001 - whatever went wrong, the answer is no
        reason = Reason(
            code="not_decided",
            text="We cannot check this right now, so it has to wait.",
            remedy="Try again in a while, or ask us.",
            facts={"error": type(error).__name__},
        )
        return Decision(
            wish, Answer.BLOCKED, reasons=(reason,), sentence=reason.text, trace=tuple(trace)
        )


def _opened(facts: Facts, wish: Wish, trace: Sequence[Step]) -> Decision:
    if not facts.packs[wish.variant_id].needs_prescription:
        return Decision(
            wish,
            Answer.OPEN,
            sentence="Ready to order.",
            ruling=_ruling(facts, wish),
            trace=tuple(trace),
        )
    cover = _cover(facts, wish)
    if cover is None:
        raise LookupError("No question objected, and yet nothing covers the line.")
    return Decision(
        wish,
        Answer.OPEN,
        prescription_id=cover.id,
        prescription_number=cover.number,
        valid_until=cover.valid_until,
        fills_left=cover.fills_left,
        ruling=_ruling(facts, wish),
        sentence=f"Approved by {cover.prescriber_name} until"
        f" {_day(_last_day(cover), facts.day)},"
        f" {cover.fills_left} of {cover.fills_allowed} fills left.",
        trace=tuple(trace),
    )


def _step(name: str, objection: Objection | None) -> Step:
    return _passed(name) if objection is None else Step(name.lstrip("_"), objection)


@cache
def _passed(name: str) -> Step:
    """The same one every time: lists ask hundreds of questions, and most pass."""
    return Step(name.lstrip("_"))


def _refused(facts: Facts, wish: Wish, objection: Objection, trace: Sequence[Step]) -> Decision:
    told = dict(objection.facts) | _law(facts, wish)
    rule = trace[-1].question
    reasons = [Reason(objection.code, objection.text, objection.remedy, rule, told)]
    asked = facts.requests.get(wish.variant_id)
    if objection.answer is Answer.NEEDS_REQUEST and asked is not None:
        reasons.insert(0, _already_asked(facts, asked))
    return Decision(
        wish,
        objection.answer,
        until=objection.until,
        reasons=tuple(reasons),
        sentence=reasons[0].text,
        ruling=_ruling(facts, wish),
        trace=tuple(trace),
    )


def _law(facts: Facts, wish: Wish) -> dict[str, object]:
    """The rule that decided, as facts of the reason; nothing where no rule did."""
    pack = facts.packs.get(wish.variant_id)
    decided = pack and pack.decided_by
    if not decided:
        return {}
    return {
        "state": facts.ship_to_state,
        "legal_class": decided.legal_class.value,
        "legal_rule": decided.number,
        "legal_rule_version": decided.version,
        "legal_rule_id": str(decided.rule_id),
    }


# What an open request waits for, where it waits for the client.
YOUR_TURN = {
    RequestStatus.INFO_REQUESTED: ("The physician has a question.", "Answer it in your request."),
    RequestStatus.REFERRED: ("An examination comes first.", "Read what to do in your request."),
    RequestStatus.PENDING_CLIENT: (
        "A physician prescribed something else instead.",
        "Look at your request and accept it, or take it back.",
    ),
}


def _already_asked(facts: Facts, asked: Asked) -> Reason:
    looked_at = "A physician is looking at it.", "You will get a mail when it is decided."
    if asked.asked_on is None:
        text, remedy = "You have begun to ask for this.", "Finish your request."
    else:
        text, remedy = YOUR_TURN.get(asked.status, looked_at)
        text = f"{text} You asked on {_day(asked.asked_on, facts.day)}."
    told = {"request": asked.number, "status": asked.status.value}
    return Reason("request_pending", text, remedy, "prescription_covers_it", told)


# The questions, in the order of docs/domain.md.


def client_is_active(facts: Facts, wish: Wish) -> Objection | None:
    if facts.client.active:
        return None
    return Objection(
        Answer.BLOCKED, "client_not_active", "This account cannot order.", "Ask the clinic."
    )


def pack_is_known(facts: Facts, wish: Wish) -> Objection | None:
    if wish.variant_id in facts.packs:
        return None
    return Objection(
        Answer.BLOCKED,
        "unknown_product",
        "We do not know this product.",
        "Choose one from the shop.",
        {"sku": wish.sku},
    )


def client_is_old_enough(facts: Facts, wish: Wish) -> Objection | None:
    if not facts.packs[wish.variant_id].needs_prescription:
        return None
    if facts.client.age is not None and facts.client.age >= ADULT:
        return None
    return Objection(
        Answer.BLOCKED,
        "minor",
        f"We send prescription products to people of {ADULT} and over only.",
        "Ask the clinic to see you in person.",
        {"minimum_age": ADULT},
    )


def pack_is_offered(facts: Facts, wish: Wish) -> Objection | None:
    pack = facts.packs[wish.variant_id]
    if pack.legal_class is LegalClass.CLINIC_USE:
        return Objection(
            Answer.BLOCKED,
            "never_sold",
            "This is used in the clinic only and never sold.",
            facts={"legal_class": pack.legal_class.value},
        )
    if rule := pack.barred_by:
        return Objection(
            Answer.BLOCKED,
            "not_sold_in_state",
            f"This is not sold in {facts.ship_to_state or 'your state'} (rule {rule.number}, "
            f"version {rule.version}).",
            "Ask the clinic what it has instead.",
        )
    if not pack.offered:
        return Objection(
            Answer.BLOCKED, "not_for_sale", "This is not for sale.", "Choose another product."
        )
    return None


def pack_is_named_once(facts: Facts, wish: Wish) -> Objection | None:
    same = [
        other
        for other in facts.wishes
        if other.variant_id == wish.variant_id and other.fill_id == wish.fill_id
    ]
    if len(same) == 1 or not facts.packs[wish.variant_id].needs_prescription:
        return None
    return Objection(
        Answer.NEEDS_CLIENT_ACTION,
        "named_twice",
        "This is in the list more than once, and one prescription covers it once.",
        "Keep one of them.",
    )


def prescription_covers_it(facts: Facts, wish: Wish) -> Objection | None:
    if not facts.packs[wish.variant_id].needs_prescription:
        return None
    weighed = _weighed(facts, wish)
    if any(one.covers for one in weighed):
        return None
    if not weighed:
        return _none_of_this_pack(facts, wish)
    # The prescription that comes nearest to covering it explains best.
    return max(weighed, key=lambda one: len(one.tests)).objection


def leaflet_is_read(facts: Facts, wish: Wish) -> Objection | None:
    """Before the first fill of a prescription; whoever has begun with it is not asked again."""
    pack = facts.packs[wish.variant_id]
    cover = _cover(facts, wish) if pack.needs_prescription and not wish.placed else None
    if cover is None or any(fill.live for fill in cover.fills):
        return None
    leaflet = facts.leaflets[pack.product_id]
    if leaflet.read:
        return None
    return Objection(
        Answer.NEEDS_CLIENT_ACTION,
        "leaflet_not_read",
        "Read the leaflet before you use this for the first time.",
        f"Read it and confirm it with your prescription {cover.number}.",
        {"prescription": cover.number, "leaflet": leaflet.version},
    )


def it_is_in_stock(facts: Facts, wish: Wish) -> Objection | None:
    if wish.variant_id not in facts.out_of_stock:
        return None
    return Objection(
        Answer.BLOCKED,
        "out_of_stock",
        "There is not enough of this on the shelf.",
        "Take fewer, or come back in some days.",
    )


QUESTIONS: tuple[Question, ...] = (
    client_is_active,
    pack_is_known,
    client_is_old_enough,
    pack_is_offered,
    pack_is_named_once,
    prescription_covers_it,
    leaflet_is_read,
    it_is_in_stock,
)


def _cover(facts: Facts, wish: Wish) -> Authority | None:
    """The prescription that carries the wish now; of several, the one that ends first."""
    covering = [one.authority for one in _weighed(facts, wish) if one.covers]
    return min(covering, key=lambda one: (one.valid_until, one.id), default=None)


def _candidates(facts: Facts, wish: Wish) -> list[Authority]:
    return [
        one
        for one in facts.prescriptions
        if one.client_id == facts.client.id
        and one.variant_id == wish.variant_id
        and (not wish.placed or any(fill.id == wish.fill_id for fill in one.fills))
    ]


def _weighed(facts: Facts, wish: Wish) -> tuple[Weighed, ...]:
    return tuple(_weigh(facts, wish, one) for one in _candidates(facts, wish))


def _weigh(facts: Facts, wish: Wish, one: Authority) -> Weighed:
    """What keeps `one` from covering the wish, if anything does."""
    tests: list[Step] = []
    for test in STANDING + (HOLDING if wish.placed else TAKING):
        objection = test(facts, wish, one)
        tests.append(_step(test.__name__, objection))
        if objection is not None:
            break
    return Weighed(one, tuple(tests))


def _none_of_this_pack(facts: Facts, wish: Wish) -> Objection:
    if wish.placed:
        return _not_held(wish)
    product = facts.packs[wish.variant_id].product_id
    for one in facts.prescriptions:
        near = one.client_id == facts.client.id and one.product_id == product
        if near and not any(test(facts, wish, one) for test in STANDING):
            return Objection(
                Answer.NEEDS_REQUEST,
                "other_pack",
                f"Your prescription {one.number} is for another pack: {one.pack_name}.",
                f"Choose {one.pack_name}, or ask a physician for this one.",
                {"prescription": one.number, "pack": one.pack_name},
            )
    return Objection(
        Answer.NEEDS_REQUEST,
        "no_prescription",
        "A physician approves this first. It takes about a day.",
        "Ask the physician.",
    )


def _not_held(wish: Wish) -> Objection:
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
    ended = _day(_last_day(one), facts.day)
    return _ask_again("expired", f"Your prescription {one.number} ended on {ended}.", one)


def _not_begun(facts: Facts, wish: Wish, one: Authority) -> Objection | None:
    if standing(one, facts.at) is not Standing.NOT_YET:
        return None
    begins = one.valid_from.date()
    return Objection(
        Answer.HOLD_UNTIL,
        "not_yet_valid",
        f"Your prescription {one.number} begins on {_day(begins, facts.day)}.",
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
        f" on {_day(one.taken_away_on, facts.day)}.",
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
        f"You still have enough. The next fill is ready on {_day(until, facts.day)}.",
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
            return None if fill.state == facts.ship_to_state else _not_held(wish)
    return _not_held(wish)


HOLDING: tuple[Shortcoming, ...] = (_holds_no_live_fill,)


def _ask_again(code: str, text: str, one: Authority) -> Objection:
    return Objection(
        Answer.NEEDS_REQUEST, code, text, "Ask the physician again.", {"prescription": one.number}
    )


def _last_day(one: Authority) -> date:
    return (one.valid_until - timedelta(microseconds=1)).date()


def _day(day: date, today: date) -> str:
    """ "Sat 12 Dec", with the year where it is another."""
    year = "" if day.year == today.year else f" {day.year}"
    return f"{day:%a} {day.day} {day:%b}{year}"
