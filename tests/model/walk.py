"""Step by step: the model says what the shop will answer, the shop answers, both are compared.

Each method marked `act` is a step that a walk may take next. Whatever a step did or refused,
afterwards every state in the database is the model's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import hypothesis
from hypothesis import HealthCheck, Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests import invariants
from tests.model import machine
from tests.model.clinic import HOMES, LICENCES, Clinic, Row
from tests.model.machine import No
from tests.model.trade import Shop

Thing = TypeVar("Thing")
Method = TypeVar("Method", bound=Callable[..., None])

CLIENTS, PHYSICIANS = ("alice", "bob"), ("chen", "ruiz")
PICK = st.integers(0, 11)  # which of those there are
WILD = st.sampled_from([False, False, False, True])  # any of them, also where it cannot go well
CLIENT = st.sampled_from(CLIENTS)
STATE = st.sampled_from([*["home"] * 4, "CA", "NV"])
QUANTITY = st.sampled_from([1, 1, 1, 2])

# What no step may leave behind, of tests/invariants.py: all that is about prescriptions.
GATE = " UNION ALL ".join(
    f"({statement})"
    for rule_, statement in invariants.RULES.items()
    if rule_.startswith(("I1 ", "I2 ", "I6 "))
)


@dataclass(frozen=True)
class Act:
    """A step that may come next: how likely, as the model stands, and with what."""

    weight: Callable[[Walk], int]
    arguments: st.SearchStrategy[dict[str, Any]]


ACTS: dict[str, Act] = {}


def act(weight: Callable[[Walk], int], **arguments: st.SearchStrategy[Any]) -> Any:
    """Mark a step. One rule draws among all of them by weight, because Hypothesis draws among rules
    evenly and leaves half of them out of a walk: too few walks would get as far as a parcel.
    """

    def mark(method: Method) -> Method:
        ACTS[method.__name__] = Act(weight, st.fixed_dictionaries(arguments))
        return method

    return mark


class Walk(RuleBasedStateMachine):
    """The shop against its model. A subclass names the clinic."""

    clinic: ClassVar[Clinic]
    counts: ClassVar[Counter[tuple[str, str]]]

    def __init__(self) -> None:
        super().__init__()
        self.counts["walk", ""] += 1
        self.model: Shop = self.clinic.forget()
        self.agreed = True
        self.heard: set[str] = set()  # the events the shop knows by their ids

    @rule(data=st.data())
    def goes_on(self, data: st.DataObject) -> None:
        self.counts["step", ""] += 1
        weights = {name: each.weight(self) for name, each in ACTS.items()}
        among = [name for name, weight in weights.items() for _ in range(weight)]
        name = data.draw(st.sampled_from(among), label="act")
        getattr(self, name)(**data.draw(ACTS[name].arguments, label=name))

    def step(self, name: str, expect: Callable[[], Any], act: Callable[[], Any]) -> Any:
        """One step: what the model made of it. Fails where shop and model differ."""
        self.agreed = False
        expected, made = "", None
        try:
            made = expect()
        except No as no:
            expected = no.code
        code, answer = self.clinic.act(act)
        self.counts[name, code] += 1
        event(f"{name}: {code or 'done'}")
        assert code == expected, f"{name}: the shop says {code!r}, the model {expected!r}"
        if answer is not None and not made.id:
            made.id = answer
        self.compare(name)
        self.agreed = True
        return made

    def compare(self, name: str) -> None:
        shop, model = self.clinic.look(), told(self.model, self.clinic)
        assert shop == model, (
            f"after {name}:\n"
            + "".join(f"  only in the shop:  {row}\n" for row in sorted(shop - model))
            + "".join(f"  only in the model: {row}\n" for row in sorted(model - shop))
        )

    @invariant()
    def the_gate_holds(self) -> None:
        """Whatever the model thinks: asked of the tables alone, at every step."""
        if self.agreed:
            assert not self.clinic.watch.execute(GATE).fetchall()

    def teardown(self) -> None:
        """The end of a walk: money goes back, and nothing that must never be is."""
        if self.agreed:
            for order in self.model.orders:
                if order.status in ("cancelled", "expired"):
                    self.worker("follow_end", order)
            assert not invariants.broken(self.clinic.watch)

    @initialize(
        beginnings=st.lists(
            st.tuples(
                CLIENT,
                st.sampled_from(["cream", "gel"]),
                st.sampled_from(["asked", "signed", "placed", "paying", "paying", "paid", "paid"]),
                QUANTITY,
                st.integers(1, 3),
            ),
            max_size=2,
        )
    )
    def some_way_down_the_road(self, beginnings: list[tuple[str, str, str, int, int]]) -> None:
        """So that twenty steps are enough for what comes late."""
        for client, variant, end, quantity, fills in beginnings:
            asked = self.ask(client, variant, quantity, "home")
            if asked is None or end == "asked":
                continue
            self.claim(asked, "chen")
            self.sign(asked, "chen", quantity, fills, None, 365, fresh=True)
            if end != "signed":
                self.buy_and_pay(client, variant, quantity, end)

    def buy_and_pay(self, client: str, variant: str, quantity: int, end: str) -> None:
        self.put(client, variant, quantity)
        self.put(client, "soap", 1)
        order = self.place(client, (variant, "soap"), "home")
        if order is None or end == "placed":
            return
        payment = self.begin(order, client, sent=True)
        if end == "paid" and payment is not None:
            self.pay(payment, "paid")
            self.deliver(len(self.clinic.bank.events) - 1)

    # Asking for it

    def ask(self, client: str, variant: str, quantity: int, state: str) -> machine.Request | None:
        """Begun, answered, handed in."""
        at, do = self.model, self.clinic
        state = HOMES[client] if state == "home" else state
        begun = self.step(
            "start",
            lambda: at.start(client, variant, quantity, state),
            lambda: do.start(client, variant, quantity, state),
        )
        if begun is not None:
            self.step("answer", lambda: at.answer(begun), lambda: do.answer(begun.id, client))
            self.step(
                "submit", lambda: at.submit(begun, True), lambda: do.submit(begun.id, client, True)
            )
        return begun  # type: ignore[no-any-return]

    @act(
        lambda walk: 5 if len(walk.model.requests) < 2 else 2,
        client=CLIENT,
        variant=st.sampled_from(["cream", "gel"]),
        quantity=QUANTITY,
        state=STATE,
    )
    def asks(self, client: str, variant: str, quantity: int, state: str) -> None:
        self.ask(client, variant, quantity, state)

    @act(
        lambda walk: 2,
        client=CLIENT,
        variant=st.sampled_from(["cream", "gel", "gel", "soap"]),
        quantity=QUANTITY,
    )
    def begins_to_ask(self, client: str, variant: str, quantity: int) -> None:
        self.step(
            "start",
            lambda: self.model.start(client, variant, quantity, HOMES[client]),
            lambda: self.clinic.start(client, variant, quantity, HOMES[client]),
        )

    @act(
        lambda walk: 3 * bool(walk.model.requests),
        verb=st.sampled_from(["answer", "submit", "submit", "withdraw"]),
        pick=PICK,
        wild=WILD,
    )
    def the_client(self, verb: str, pick: int, wild: bool) -> None:
        at, do = self.model, self.clinic
        asked = chosen(at.requests, pick, wild, lambda r: r.status in ("draft", "queued"))
        by = asked.client
        if verb == "answer":
            self.step(verb, lambda: at.answer(asked), lambda: do.answer(asked.id, by))
        elif verb == "submit":
            self.step(
                verb, lambda: at.submit(asked, not wild), lambda: do.submit(asked.id, by, not wild)
            )
        else:
            by = CLIENTS[pick % 2] if wild else by
            self.step(verb, lambda: at.withdraw(asked, by), lambda: do.withdraw(asked.id, by))

    @act(
        lambda walk: 3 * bool(walk.model.requests) + 3 * walk.asked(),
        verb=st.sampled_from(["claim", "claim", "release", "refuse"]),
        physician=st.sampled_from(PHYSICIANS),
        pick=PICK,
        wild=WILD,
    )
    def the_physician(self, verb: str, physician: str, pick: int, wild: bool) -> None:
        waits = "queued" if verb == "claim" else "in_review"
        asked = chosen(self.model.requests, pick, wild, lambda r: r.status == waits)
        by = physician if wild or verb == "claim" else asked.claimed_by or physician
        do, expect = getattr(self.clinic, verb), getattr(self.model, verb)
        self.step(verb, lambda: expect(asked, by), lambda: do(asked.id, by))

    @act(
        lambda walk: bool(walk.model.requests) + 7 * walk.asked(),
        fills=st.integers(1, 3),
        interval=st.sampled_from([None, None, 20]),
        days=st.sampled_from([365, 365, 10]),
        pick=PICK,
        wild=WILD,
    )
    def signs(self, fills: int, interval: int | None, days: int, pick: int, wild: bool) -> None:
        asked = chosen(
            self.model.requests, pick, wild, lambda r: r.status in ("queued", "in_review")
        )
        by = PHYSICIANS[pick % 2] if wild else asked.claimed_by or "chen"
        if self.model.seen(asked) == "queued" and not wild:
            self.claim(asked, by)
        quantity = asked.quantity + (wild and pick % 4 == 3)
        self.sign(asked, by, quantity, fills, interval, days, fresh=not (wild and pick % 4 == 2))

    def claim(self, asked: machine.Request, by: str) -> None:
        self.step(
            "claim", lambda: self.model.claim(asked, by), lambda: self.clinic.claim(asked.id, by)
        )

    def sign(
        self,
        asked: machine.Request,
        by: str,
        quantity: int,
        fills: int,
        interval: int | None,
        days: int,
        fresh: bool,
    ) -> None:
        terms = (by, quantity, fills, interval, days, fresh)
        self.step(
            "sign",
            lambda: self.model.sign(asked, *terms),
            lambda: self.clinic.sign(asked.id, *terms),
        )

    def asked(self) -> bool:
        return any(r.status in ("queued", "in_review") for r in self.model.requests)

    def promised(self) -> bool:
        return any(p.status == "active" and waits(p) for p in self.model.prescriptions)

    def ordered(self, status: str) -> bool:
        return any(order.status == status for order in self.model.orders)

    # The authority

    @act(
        lambda walk: 3 * bool(walk.model.prescriptions) + 6 * walk.promised(),
        verb=st.sampled_from(["hold", "resume", "revoke", "revoke"]),
        by=st.sampled_from(["prescriber", "prescriber", "client", "other"]),
        pick=PICK,
        wild=WILD,
    )
    def about_a_prescription(self, verb: str, by: str, pick: int, wild: bool) -> None:
        before = {"hold": "active", "resume": "on_hold", "revoke": "active"}[verb]
        p = chosen(
            self.model.prescriptions,
            pick,
            wild,
            lambda p: p.status == before and (waits(p) or not self.promised()),
        )
        other = PHYSICIANS[p.by == PHYSICIANS[0]]
        who = {"prescriber": p.by, "client": p.request.client, "other": other}[by]
        do, expect = getattr(self.clinic, verb), getattr(self.model, verb)
        self.step(verb, lambda: expect(p, who), lambda: do(p.id, who))

    @act(lambda walk: 1, which=st.sampled_from([*sorted(LICENCES), ("ruiz", "CA"), ("chen", "NV")]))
    def a_licence_ends(self, which: tuple[str, str]) -> None:
        self.step(
            "end_licence",
            lambda: self.model.end_licence(*which),
            lambda: self.clinic.end_licence(*which),
        )

    # The shelf and the clock

    @act(
        lambda walk: 3,
        to=st.sampled_from(["available", "available", "quarantine", "on_hold"]),
        pick=PICK,
        wild=WILD,
    )
    def a_lot(self, to: str, pick: int, wild: bool) -> None:
        before = ("quarantine", "on_hold") if to == "available" else ("available",)
        lots = list(self.model.lots.values())
        lot = chosen(lots, pick, wild, lambda lot: lot.status in before)
        self.step(
            f"lot_{to}",
            lambda: self.model.move_lot(lot, to),
            lambda: self.clinic.move_lot(lot.id, to),
        )

    @act(
        lambda walk: 5,
        minutes=st.sampled_from([10] * 4 + [40] * 4 + [120, 120, 1440, 1440, 15 * 1440, 40 * 1440]),
    )
    def time_passes(self, minutes: int) -> None:
        self.model.now += minutes
        self.clinic.travel(minutes)

    @act(lambda walk: 1)
    def a_night(self) -> None:
        self.step("night", self.model.night, self.clinic.night)

    # Commerce

    def put(self, client: str, variant: str, quantity: int) -> None:
        self.step(
            "put",
            lambda: self.model.put(client, variant, quantity),
            lambda: self.clinic.put(client, variant, quantity),
        )

    @act(
        lambda walk: 3,
        client=CLIENT,
        variant=st.sampled_from(["cream", "cream", "gel", "gel", "soap"]),
        quantity=st.sampled_from([1, 1, 1, 1, 1, 2, 3, 0]),
    )
    def puts_in_the_cart(self, client: str, variant: str, quantity: int) -> None:
        self.put(client, variant, quantity)

    @act(
        lambda walk: 1 + 3 * any(walk.model.carts.values()),
        client=CLIENT,
        named=st.sampled_from([None, None, None, (), ("cream",), ("gel", "soap")]),
        state=STATE,
    )
    def places(self, client: str, named: tuple[str, ...] | None, state: str) -> None:
        self.place(client, named, state)

    def place(self, client: str, named: tuple[str, ...] | None, state: str) -> machine.Order | None:
        state = HOMES[client] if state == "home" else state
        variants = None if named is None else list(named)
        return self.step(  # type: ignore[no-any-return]
            "place",
            lambda: self.model.place(client, variants, state),
            lambda: self.clinic.place(client, variants, state),
        )

    @act(
        lambda walk: 2 + 6 * bool(walk.model.prescriptions),
        client=CLIENT,
        variants=st.sampled_from(
            [("cream",), ("gel",), ("cream", "soap"), ("gel", "soap"), ("cream", "gel"), ("soap",)]
        ),
    )
    def buys(self, client: str, variants: tuple[str, ...]) -> None:
        """What she has a prescription for, in the quantity that it says."""
        for variant in variants:
            mine = [p for p in self.model.prescriptions if p.request.client == client]
            mine = [p for p in mine if p.request.variant == variant]
            self.put(client, variant, mine[-1].request.quantity if mine else 1)
        self.place(client, variants, "home")

    @act(
        lambda walk: bool(walk.model.orders) + 6 * walk.ordered("awaiting_payment"),
        pick=PICK,
        wild=WILD,
        sent=st.sampled_from([True, True, True, False]),
    )
    def begins_to_pay(self, pick: int, wild: bool, sent: bool) -> None:
        order = chosen(self.model.orders, pick, wild, lambda o: o.status == "awaiting_payment")
        by = CLIENTS[pick % 2] if wild else order.client
        self.begin(order, by, sent=sent)

    def begin(self, order: machine.Order, by: str, *, sent: bool) -> machine.Payment | None:
        payment = self.step(
            "begin",
            lambda: self.model.begin(order, by),
            lambda: self.clinic.begin_to_pay(order.id, by),
        )
        if payment is not None and sent:
            self.worker("send", order)
        return payment  # type: ignore[no-any-return]

    def worker(self, verb: str, order: machine.Order) -> None:
        do, expect = getattr(self.clinic, verb), getattr(self.model, verb)
        self.step(verb, lambda: expect(order), lambda: do(order.id))

    @act(
        lambda walk: 3 * bool(walk.model.orders),
        verb=st.sampled_from(["send", "follow_end", "chase", "chase"]),
        pick=PICK,
        wild=WILD,
    )
    def the_worker(self, verb: str, pick: int, wild: bool) -> None:
        now = self.model.now
        liked: dict[str, Callable[[machine.Order], bool]] = {
            "send": lambda o: any(p.open_call == "planned" for p in o.payments),
            "follow_end": lambda o: o.status in ("cancelled", "expired"),
            "chase": lambda o: o.status == "awaiting_payment" and o.pay_by <= now,
        }
        self.worker(verb, chosen(self.model.orders, pick, wild, liked[verb]))

    @act(
        lambda walk: 3 * bool(walk.model.orders) + 4 * bool(walk.payable()),
        verb=st.sampled_from(["cancel", "expire"]),
        pick=PICK,
        wild=WILD,
    )
    def ends(self, verb: str, pick: int, wild: bool) -> None:
        now = self.model.now
        liked: dict[str, Callable[[machine.Order], bool]] = {
            "cancel": lambda o: o.status in ("awaiting_payment", "paid"),
            "expire": lambda o: o.status == "awaiting_payment" and o.pay_by <= now,
        }
        self.worker(verb, chosen(self.model.orders, pick, wild, liked[verb]))

    @act(
        lambda walk: bool(walk.model.orders) + 6 * walk.ordered("paid"),
        pick=PICK,
        wild=WILD,
        part=st.sampled_from([None, None, (0,), (1,)]),
    )
    def ships(self, pick: int, wild: bool, part: tuple[int, ...] | None) -> None:
        order = chosen(self.model.orders, pick, wild, lambda o: o.status == "paid")
        places = None
        if part is not None and part[0] < len(order.lines):
            places = list(part)
        self.step(
            "ship",
            lambda: self.model.ship(order, places),
            lambda: self.clinic.ship(order.id, places),
        )

    # The bank

    def payments(self) -> list[tuple[machine.Order, machine.Payment]]:
        return [(order, payment) for order in self.model.orders for payment in order.payments]

    def payable_too_late(self) -> bool:
        """Whether a page is open whose order is over."""
        return any(late(pair) for pair in self.payable())

    def payable(self) -> list[tuple[machine.Order, machine.Payment]]:
        return [pair for pair in self.payments() if self.model.page(pair[1]) == "open"]

    @act(
        lambda walk: 4 * bool(walk.payable()) + 12 * walk.payable_too_late(),
        card=st.sampled_from(["paid", "paid", "declined"]),
        pick=PICK,
        told=st.sampled_from([0, 1, 1, 2]),
    )
    def pays(self, card: str, pick: int, told: int) -> None:
        """On the bank's page; the webhooks come in any order, twice, or not at all."""
        over = self.payable_too_late()
        _, payment = chosen(self.payable(), pick, False, lambda one: not over or late(one))
        before = len(self.clinic.bank.events)
        self.pay(payment, card)
        for event_number in range(len(self.clinic.bank.events) - 1, before - 1, -1):
            for _ in range(told):
                self.deliver(event_number)

    def pay(self, payment: machine.Payment, card: str) -> None:
        self.step(
            f"pay_{card}",
            lambda: self.model.pay(payment, card),
            lambda: self.clinic.pay(payment.id, card == "declined"),
        )

    def deliver(self, number: int) -> None:
        """The shop hears of one of the bank's events."""
        told = self.clinic.bank.events[number]
        self.step(
            f"webhook_{told.object_type}",
            lambda: self.hear(told.id, told.object_type, told.object_id or ""),
            lambda: self.clinic.deliver(told),
        )

    def hear(self, event_id: str, object_type: str, object_id: str) -> None:
        if event_id in self.heard:
            return
        self.heard.add(event_id)
        bank = self.clinic.bank
        if object_type == "refund":
            object_id = bank.refunds[object_id].intent_id or ""
        for order, payment in self.payments():
            page = bank.answered.get(f"open_session:{payment.id}")
            if page is not None and object_id in (page, f"pi_{page}"):
                self.model.hear(order, payment, object_type)

    @act(lambda walk: 3 * bool(walk.clinic.bank.events), pick=st.integers(0, 30))
    def a_webhook_comes(self, pick: int) -> None:
        """One of all that ever happened there, perhaps once more."""
        self.deliver(pick % len(self.clinic.bank.events))

    @act(lambda walk: 2 * bool(walk.payments()), pick=PICK)
    def reconciles(self, pick: int) -> None:
        order, payment = chosen(self.payments(), pick, True)
        self.step(
            "reconcile",
            lambda: self.model.reconcile(order, payment),
            lambda: self.clinic.reconcile(payment.id),
        )

    def returned(self) -> list[tuple[machine.Payment, str]]:
        return [
            (payment, key)
            for _, payment in self.payments()
            for key, (_, bank) in payment.refunds.items()
            if bank == "succeeded"
        ]

    @act(lambda walk: bool(walk.returned()), pick=PICK)
    def a_refund_comes_back(self, pick: int) -> None:
        payment, key = chosen(self.returned(), pick, True)
        self.step(
            "fail_refund",
            lambda: self.model.fail_refund(payment, key),
            lambda: self.clinic.fail_refund(payment.id, key),
        )


def waits(p: machine.Prescription) -> bool:
    """Whether something that was paid for under it has not left yet."""
    return any(fill.status == "consumed" for fill in p.taken)


def late(pair: tuple[machine.Order, machine.Payment]) -> bool:
    return pair[0].status != "awaiting_payment"


# Hypothesis makes five mutants of every walk once a run is past its first ten, and a mutant that
# repeats half of another walk teaches little: so a run is never longer.
RUN = 10


def walk(
    clinic: Clinic,
    *,
    seed: int,
    examples: int,
    steps: int,
    counts: Counter[tuple[str, str]],
    phases: Sequence[Phase] = (Phase.generate, Phase.shrink),
) -> None:
    """Walk so many times so far; raises where shop and model differ."""
    machine_of = type("Walk", (Walk,), {"clinic": clinic, "counts": counts})
    for run in range(examples // RUN):
        run_state_machine_as_test(
            hypothesis.seed(seed * 1000 + run)(machine_of),
            settings=settings(
                max_examples=RUN,
                stateful_step_count=steps,
                phases=phases,
                database=None,
                deadline=None,
                print_blob=True,
                suppress_health_check=list(HealthCheck),
            ),
        )


def chosen(
    things: Sequence[Thing], pick: int, wild: bool, liked: Callable[[Thing], bool] | None = None
) -> Thing:
    """One of them; unless `wild`, one that is liked, if there is any."""
    likely = [] if wild or liked is None else [each for each in things if liked(each)]
    pool = likely or things
    return pool[pick % len(pool)]


def told(model: Shop, clinic: Clinic) -> set[Row]:
    """The model's states in the words of `Clinic.look`."""
    ids = {name: str(known) for name, known in clinic.ids.items()}
    rows: set[Row] = set()
    for r in model.requests:
        rows.add(("request", r.id, r.status, ids.get(r.claimed_by, ""), ""))
    for p in model.prescriptions:
        rows.add(("prescription", p.id, p.status, str(p.left()), ""))
    for client, wishes in model.carts.items():
        rows |= {("cart", ids[client], ids[each], str(many), "") for each, many in wishes.items()}
    for order in model.orders:
        rows.add(("order", order.id, order.status, "", ""))
        rows |= {
            ("line", order.id, *line_told(place, each)) for place, each in enumerate(order.lines)
        }
        for payment in order.payments:
            rows |= payment_told(payment)
    for lot in model.lots.values():
        rows.add(("lot", lot.id, lot.status, str(lot.on_hand), str(model.reserved(lot.id))))
    return rows


def line_told(place: int, line: machine.Line) -> tuple[str, str, str]:
    fill = line.fill
    return (
        f"{place + 1} {line.status} {line.quantity}",
        "" if fill is None else f"{fill.status} {fill.number} {fill.of.id}",
        ",".join(f"{lot} {units}" for lot, units in sorted(line.units.items())),
    )


def payment_told(payment: machine.Payment) -> set[Row]:
    money = ("true" if payment.status == "succeeded" else "false", payment.returned())
    rows = {("payment", payment.id, payment.status, money[0], "true" if money[1] else "false")}
    for key, (here, _) in payment.refunds.items():
        rows.add(("refund", payment.id, key, here, ""))
    return rows
