"""What a walk may do on the shelf, in the shop and at the bank."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

from tests.model import machine
from tests.model.life_acts import LifeActs
from tests.model.steps import CLIENT, CLIENTS, PICK, STATE, WILD, act, chosen


class TradeActs(LifeActs):
    """The walk's steps of trade."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: set[str] = set()  # the events the shop knows by their ids

    def ordered(self, status: str) -> bool:
        return any(order.status == status for order in self.model.orders)

    # The shelf

    @act(
        lambda walk: 2,
        to=st.sampled_from(["available", "available", "quarantine", "on_hold"]),
        pick=PICK,
        wild=WILD,
    )
    def a_lot(self, to: str, pick: int, wild: bool) -> None:
        before = ("quarantine", "on_hold") if to == "available" else ("available",)
        lots = list(self.model.lots.values())
        lot = chosen(lots, pick, wild, lambda lot: lot.status in before)
        self.both("move_lot", lot, to)

    @act(lambda walk: 1)
    def a_night(self) -> None:
        self.both("night")

    # Commerce

    def put(self, client: str, variant: str, quantity: int) -> None:
        self.both("put", client, variant, quantity)

    @act(
        lambda walk: 2,
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
        variants = None if named is None else list(named)
        return self.both("place", client, variants, self.home(client, state))  # type: ignore[no-any-return]

    @act(
        lambda walk: 8 * bool(walk.model.prescriptions),
        beside=st.sampled_from(["", "", "soap", "cream", "gel"]),
        pick=PICK,
        wild=WILD,
    )
    def buys(self, beside: str, pick: int, wild: bool) -> None:
        """What somebody has a prescription for, in the quantity that it says."""
        p = chosen(self.model.prescriptions, pick, wild, lambda p: p.status == "active")
        client = p.request.client
        self.put(client, p.variant, p.quantity)
        if beside not in ("", p.variant):
            self.put(client, beside, 1)
        self.place(client, tuple(sorted({p.variant, beside} - {""})), "home")

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
        payment = self.both("begin", order, by)
        if payment is not None and sent:
            self.both("send", order)
        return payment  # type: ignore[no-any-return]

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
        self.both(verb, chosen(self.model.orders, pick, wild, liked[verb]))

    @act(
        lambda walk: 2 * bool(walk.model.orders) + 7 * bool(walk.payable()),
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
        self.both(verb, chosen(self.model.orders, pick, wild, liked[verb]))

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
        self.both("ship", order, places)

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
        self.both("pay", payment, card)
        for event_number in range(len(self.clinic.bank.events) - 1, before - 1, -1):
            for _ in range(told):
                self.deliver(event_number)

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
        self.both("fail_refund", payment, key)


def late(pair: tuple[machine.Order, machine.Payment]) -> bool:
    return pair[0].status != "awaiting_payment"
