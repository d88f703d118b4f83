"""A small clinic in plain Python: what the shop should do, said once more and as simply as possible.

No database and nothing of the shop's but its words for states. A verb either changes the model or
raises `No` with the code of the refusal, and then it has changed nothing. Moments are minutes since
the example began; days are whole days since then, in UTC. Money is a word, not an amount.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

BEGINS = 8 * 60 + 3  # minutes after midnight, so that no step of ten minutes ever ends a day
LEASE, TO_PAY, PAGE, LEAST_PAGE, DRAFT = 15, 60, 35, 30, 30 * 1440
# In the order in which the gate's refusals are told.
CLOSED = ("no_prescription", "line_blocked", "needs_client_action", "too_soon")


class No(Exception):
    """The shop will not; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def unless(allowed: object, code: str) -> None:
    if not allowed:
        raise No(code)


@dataclass
class Lot:
    id: str
    variant: str
    expires: int  # its last day
    on_hand: int
    status: str = "available"


@dataclass
class Request:
    client: str
    variant: str
    quantity: int
    state: str
    begun: int
    id: str = ""
    status: str = "draft"
    answered: bool = False
    claimed_by: str = ""
    claimed_until: int = 0
    decided: bool = False


@dataclass
class Prescription:
    request: Request
    by: str
    fills: int
    interval: int | None
    until: int  # the minute it ends
    states: frozenset[str]
    home: str
    id: str = ""
    status: str = "active"
    taken: list[Fill] = field(default_factory=list)
    replaced: bool = False

    def finish(self) -> None:
        """Replaced, and nothing is under way of it any more."""
        owes = any(fill.status in ("reserved", "consumed") for fill in self.taken)
        if self.replaced and self.status == "active" and not owes:
            self.status = "superseded"

    def left(self) -> int:
        return self.fills - sum(fill.status != "released" for fill in self.taken)


@dataclass(eq=False)
class Fill:
    of: Prescription
    number: int
    on: int  # the day it was taken, then the day it was consumed
    status: str = "reserved"


@dataclass(eq=False)
class Line:
    variant: str
    quantity: int
    fill: Fill | None
    units: dict[str, int]  # promised, by lot
    status: str = "placed"


@dataclass(eq=False)
class Payment:
    begun: int
    id: str = ""
    status: str = "created"
    open_call: str = "planned"
    close_call: str = ""
    page: str = ""  # at the bank: open, complete, expired
    card: str = ""  # at the bank: declined, paid
    intent_known: bool = False
    refunds: dict[str, list[str]] = field(default_factory=dict)  # what asked → here, at the bank

    @property
    def live(self) -> bool:
        return self.status in ("created", "open")

    def returned(self) -> bool:
        return any(here != "failed" for here, _ in self.refunds.values())


@dataclass(eq=False)
class Order:
    client: str
    state: str
    lines: list[Line]
    pay_by: int
    id: str = ""
    status: str = "awaiting_payment"
    payments: list[Payment] = field(default_factory=list)


@dataclass
class World:
    """Everything there is. `homes` are the clients' states; `licences` end on a day."""

    homes: dict[str, str]
    doctor_only: frozenset[str]
    lots: dict[str, Lot]
    licences: dict[tuple[str, str], int]
    ended: set[tuple[str, str]] = field(default_factory=set)
    now: int = 0
    requests: list[Request] = field(default_factory=list)
    prescriptions: list[Prescription] = field(default_factory=list)
    carts: dict[str, dict[str, int]] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)

    @property
    def day(self) -> int:
        return (BEGINS + self.now) // 1440

    def licensed(self, physician: str, state: str) -> bool:
        return self.day < self.licences.get((physician, state), -1)

    def end_licence(self, physician: str, state: str) -> None:
        unless((physician, state) not in self.ended, "licence_ended")
        unless(self.day <= self.licences[physician, state], "bad_details")
        self.ended.add((physician, state))
        self.licences[physician, state] = min(self.day, self.licences[physician, state])

    # Asking for it

    def start(self, client: str, variant: str, quantity: int, state: str) -> Request:
        unless(variant in self.doctor_only, "not_doctor_only")
        over = ("approved", "declined", "withdrawn", "expired")
        same = [r for r in self.requests if (r.client, r.variant) == (client, variant)]
        unless(all(r.status in over for r in same), "already_asked")
        self.requests.append(Request(client, variant, quantity, state, self.now))
        return self.requests[-1]

    def answer(self, r: Request) -> None:
        unless(r.status == "draft", "wrong_state")
        r.answered = True

    def submit(self, r: Request, consent: bool) -> None:
        unless(r.status == "draft", "wrong_state")
        unless(consent, "consent_missing")
        unless(r.answered, "answers_refused")
        r.status = "queued"

    def seen(self, r: Request) -> str:
        """Its state for whoever touches it: a claim that ran out is over."""
        ran_out = r.status == "in_review" and r.claimed_until <= self.now
        return "queued" if ran_out else r.status

    def withdraw(self, r: Request, by: str) -> None:
        unless(by == r.client, "not_allowed")
        unless(self.seen(r) in ("draft", "queued"), "wrong_state")
        r.status, r.claimed_by = "withdrawn", ""

    def claim(self, r: Request, by: str) -> None:
        self._undecided(r)
        self._licensed_for(r, by)
        unless(self.seen(r) == "queued" or r.claimed_by == by, "already_claimed")
        r.status, r.claimed_by, r.claimed_until = "in_review", by, self.now + LEASE

    def _undecided(self, r: Request) -> None:
        unless(not r.decided, "already_decided")
        unless(r.status in ("queued", "in_review"), "wrong_state")

    def _licensed_for(self, r: Request, by: str) -> None:
        where = {r.state, self.homes[r.client]}
        unless(all(self.licensed(by, state) for state in where), "not_licensed")

    def _held_by(self, r: Request, by: str) -> None:
        unless(self.seen(r) == "in_review" and r.claimed_by == by, "claim_lost")

    def release(self, r: Request, by: str) -> None:
        self._held_by(r, by)
        r.status, r.claimed_by = "queued", ""

    def refuse(self, r: Request, by: str) -> None:
        self._undecided(r)
        self._held_by(r, by)
        r.status, r.claimed_by, r.decided = "declined", "", True

    def sign(
        self,
        r: Request,
        by: str,
        quantity: int,
        fills: int,
        interval: int | None,
        days: int,
        fresh: bool,
    ) -> Prescription:
        self._undecided(r)
        self._held_by(r, by)
        self._licensed_for(r, by)
        before = [p for p in self._of(r.client, r.variant) if not p.replaced]
        held = any(p.status == "on_hold" and self.now < p.until for p in before)
        unless(not held, "predecessor_on_hold")
        unless(quantity == r.quantity, "terms_refused")
        unless(fresh, "stale_sign_in")
        r.status, r.claimed_by, r.decided = "approved", "", True
        until, home = (self.day + days) * 1440 - BEGINS, self.homes[r.client]
        signed = Prescription(r, by, fills, interval, until, frozenset({r.state, home}), home)
        self.prescriptions.append(signed)
        for earlier in before:
            if earlier.status == "active":
                earlier.replaced = True
                earlier.finish()
        return signed

    # The authority, and its use

    def hold(self, p: Prescription, by: str) -> None:
        unless(by == p.by, "not_allowed")
        unless(p.status == "active", "wrong_state")
        p.status = "on_hold"

    def resume(self, p: Prescription, by: str) -> None:
        unless(by == p.by, "not_allowed")
        unless(p.status == "on_hold", "wrong_state")
        p.status = "active"
        p.finish()

    def _shortcoming(
        self, p: Prescription, variant: str, quantity: int, state: str, fill: Fill | None
    ) -> tuple[int, str]:
        """How many tests it passes, and what it says at the first it fails ("" for none)."""
        needed = {p.home} | ({state} & p.states)
        tests = [
            (p.status != "superseded", "no_prescription"),
            (p.status != "revoked", "no_prescription"),
            (self.now < p.until, "no_prescription"),
            (p.status != "on_hold", "line_blocked"),
            (all(self.licensed(p.by, each) for each in needed), "no_prescription"),
        ]
        if fill is None:
            every = [f for one in self._of(p.request.client, variant) for f in one.taken]
            last = max((f.on for f in every if f.status != "released"), default=-9999)
            tests += [
                (not p.replaced, "no_prescription"),
                (p.left() > 0, "no_prescription"),
                (p.request.quantity == quantity, "needs_client_action"),
                (p.interval is None or last + p.interval <= self.day, "too_soon"),
                (state in p.states, "needs_client_action"),
            ]
        else:
            tests += [(fill.status in ("reserved", "consumed"), "line_blocked")]
        failed = next((place for place, (passed, _) in enumerate(tests) if not passed), len(tests))
        return failed, "" if failed == len(tests) else tests[failed][1]

    def _of(self, client: str, variant: str) -> list[Prescription]:
        mine = [p for p in self.prescriptions if p.request.client == client]
        return [p for p in mine if p.request.variant == variant]

    def _cover(
        self, client: str, variant: str, quantity: int, state: str, fill: Fill | None = None
    ) -> tuple[Prescription | None, str]:
        """The prescription that carries it now, the first to end; or what the gate answers."""
        if variant not in self.doctor_only:
            return None, ""
        found = [
            (self._shortcoming(p, variant, quantity, state, fill), p)
            for p in self._of(client, variant)
            if fill is None or fill.of is p
        ]
        covering = [p for (_, why), p in found if not why]
        if covering:
            return min(covering, key=lambda p: (p.until, p.id)), ""
        nearest = max((short for short, _ in found), default=(0, "no_prescription"))
        return None, nearest[1]

    def _insist(self, answers: Iterable[str]) -> None:
        told = set(answers)
        for code in CLOSED:
            unless(code not in told, code)

    def _answers(self, order: Order, lines: list[Line]) -> list[str]:
        return [
            self._cover(order.client, each.variant, each.quantity, order.state, each.fill)[1]
            for each in lines
        ]
