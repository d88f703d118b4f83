"""A small clinic in plain Python: what the shop should do, said once more and as simply as possible.

No database and nothing of the shop's but its words for states. A verb either changes the model or
raises `No` with the code of the refusal, and then it has changed nothing. Where a request or a
prescription goes by a verb stands in `tables.py`; the model adds what else has to be so. Moments
are minutes since the example began; days are whole days since then, in UTC. Money is a word, not
an amount.

Here are the things that there are; what is done with them is in `desk`, `authority` and `trade`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.model.tables import cells

BEGINS = 8 * 60 + 3  # minutes after midnight, so that no step of ten minutes ever ends a day
DAY = 1440


class No(Exception):
    """The shop will not; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def unless(allowed: object, code: str) -> None:
    if not allowed:
        raise No(code)


def arrow(machine: str, state: str, verb: str) -> str:
    """The state to which a verb leads from another, if it does."""
    outcome = cells(machine)[state][verb]
    unless(outcome.startswith(">"), outcome)
    return outcome[1:]


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
    since: int  # the minute it came to its status
    renews: Prescription | None = None
    id: str = ""
    status: str = "draft"
    answered: bool = False
    due: int | None = None  # by when a physician answers; None while her clock stands
    left: int = 0  # of her minutes when she asked the client something
    sent_away: bool = False  # a physician wants the client seen, whatever the states ask
    claimed_by: str = ""
    claimed_until: int = 0
    decided: bool = False

    def to(self, status: str, now: int) -> None:
        """Where it is from now on; only who is in review has somebody who holds it."""
        if status != self.status:
            self.status, self.since = status, now
        if status != "in_review":
            self.claimed_by = ""


@dataclass
class Prescription:
    request: Request
    by: str
    variant: str
    quantity: int
    fills: int
    interval: int | None
    until: int  # the minute it ends
    states: frozenset[str]
    home: str
    id: str = ""
    status: str = "active"
    held_for: str = ""  # "licence_lapsed" where nobody put it on hold
    taken: list[Fill] = field(default_factory=list)
    replaced: bool = False
    taken_away: bool = False
    reports: list[Report] = field(default_factory=list)

    @property
    def accepted(self) -> bool:
        """It is what the client asked for, or she took what was prescribed instead."""
        return self.request.status == "approved"

    def to(self, status: str, held_for: str = "") -> None:
        self.status, self.held_for = status, held_for

    def finish(self) -> None:
        """Replaced, and nothing is under way of it any more."""
        owes = any(fill.status in ("reserved", "consumed") for fill in self.taken)
        if self.replaced and self.status == "active" and not owes:
            self.status = "superseded"

    def left(self) -> int:
        return self.fills - sum(fill.status != "released" for fill in self.taken)


@dataclass(eq=False)
class Report:
    """Somebody says that a prescription is an error; `confirmed` is None until another decides."""

    of: Prescription
    by: str
    id: str = ""
    confirmed: bool | None = None


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
    waits: bool = False  # on hold, for a licence


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
    examinations: dict[str, list[tuple[str, int]]] = field(default_factory=dict)  # how, which day
    requests: list[Request] = field(default_factory=list)
    prescriptions: list[Prescription] = field(default_factory=list)
    carts: dict[str, dict[str, int]] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)

    @property
    def day(self) -> int:
        return (BEGINS + self.now) // DAY

    def licensed(self, physician: str, state: str) -> bool:
        return self.day < self.licences.get((physician, state), -1)

    def end_licence(self, physician: str, state: str) -> None:
        unless((physician, state) not in self.ended, "licence_ended")
        unless(self.day <= self.licences[physician, state], "bad_details")
        self.ended.add((physician, state))
        self.licences[physician, state] = min(self.day, self.licences[physician, state])

    def renew_licence(self, physician: str, state: str, days: int) -> None:
        """Another one, from today."""
        standing = (physician, state) not in self.ended and self.licensed(physician, state)
        unless(not standing, "licences_overlap")
        self.ended.discard((physician, state))
        self.licences[physician, state] = self.day + days

    def prescriptions_of(self, client: str, variant: str) -> list[Prescription]:
        """Hers for a pack, in the order in which they were signed."""
        mine = [p for p in self.prescriptions if p.request.client == client]
        return [p for p in mine if p.variant == variant]
