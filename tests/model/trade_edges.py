"""The shop's verbs about the shelf, orders and money, as an edge, the worker or the bank would call them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from shop.core.clock import now
from shop.core.db import db, locked
from shop.inventory import expiring as lots_expiring
from shop.inventory import releasing
from shop.inventory.models import Lot
from shop.orders import cancelling, checkout, expiring, queries
from shop.orders import cart as carts
from shop.orders.models import Order
from shop.payments import calls, chasing, following, settling, webhook
from shop.payments.gateway import ProviderEvent
from shop.payments.models import Payment, Refund
from shop.prescriptions import expiring as requests_expiring
from tests.model.bank import Bank
from tests.model.edges import Edges, one
from tests.orders.things import HOME, leave

ADDRESSES = {
    state: checkout.Address(
        name=HOME.name, line1=HOME.line1, city=HOME.city, state=state, postal_code=HOME.postal_code
    )
    for state in ("CA", "NV")
}


@dataclass(kw_only=True)
class TradeEdges(Edges):
    """The same with what the bank does."""

    bank: Bank

    def move_lot(self, lot: str, to: str) -> None:
        held = db.session.scalars(locked(one(Lot, lot))).one()
        verb: Any = {
            "available": releasing.release,
            "quarantine": releasing.quarantine,
            "on_hold": releasing.hold,
        }[to]
        more = {} if to == "available" else {"reason": "looks odd"}
        if (held.status, to) == ("quarantine", "available"):
            releasing.check(held, by=self.person("sam"), at=now())
        verb(held, by=self.person("mona"), at=now(), **more)

    def put(self, client: str, variant: str, quantity: int) -> None:
        cart = carts.cart_of(self.person(client), lock=True)
        carts.put(cart, self.variant(variant), quantity)

    def place(self, client: str, variants: list[str] | None, state: str) -> str:
        who = self.person(client)
        cart = carts.cart_of(who, lock=True)
        skus = None if variants is None else [self.variant(each).sku for each in variants]
        order = checkout.place(
            cart,
            skus=skus,
            address=ADDRESSES[state],
            shipping_method="standard",
            expect_total_cents=None,
            by=who,
            at=now(),
        )
        return str(order.id)

    def order(self, o: str) -> Order:
        return queries.locked_order(uuid.UUID(o))

    def begin(self, o: str, by: str) -> str:
        payment = settling.begin(
            self.order(o), by=self.person(by), at=now(), base_url="http://localhost"
        )
        return str(payment.id)

    def cancel(self, o: str) -> None:
        order = self.order(o)
        cancelling.cancel(order, reason="changed_mind", by=order.client, at=now())

    def expire(self, o: str) -> None:
        expiring.expire(self.order(o), at=now())

    def ship(self, o: str, places: list[int] | None) -> None:
        order = self.order(o)
        skus = None if places is None else [order.lines[place].sku for place in places]
        leave(order, skus=skus, by=self.person("mona"))

    # What the worker does; these commit as they go

    def send(self, o: str) -> None:
        calls.send_for(uuid.UUID(o), self.bank)

    def follow_end(self, o: str) -> None:
        chasing.order_ended(uuid.UUID(o), self.bank)

    def chase(self, o: str) -> None:
        chasing.overdue_order(uuid.UUID(o), self.bank)

    def reconcile(self, payment: str) -> None:
        for order_id in following.payment(uuid.UUID(payment), self.bank):
            calls.send_for(order_id, self.bank)

    def deliver(self, event: ProviderEvent) -> None:
        """The webhook, and the job it queues; one that came before queues none."""
        new = webhook.remember(event)
        db.session.commit()
        if new:
            webhook.follow(event.id, self.bank)

    def night(self) -> None:
        requests_expiring.expire(at=now())
        lots_expiring.expire(today=now().date())

    # The bank's side

    def pay(self, payment: str, card: str) -> None:
        session = db.session.get_one(Payment, uuid.UUID(payment)).provider_session_id
        assert session is not None
        self.bank.pay(session, declined=card == "declined")

    def fail_refund(self, payment: str, key: str) -> None:
        query = one(Refund, payment, Refund.payment_id).where(Refund.request_key == key)
        name = db.session.scalars(query).one().provider_refund_id
        assert name is not None
        self.bank.fail_refund(name)
