"""Take an order for a client, by telephone or at the desk.

The same road as her own (`checkout.promise`): the same gate, prices, stock and rules of law.
Whoever takes it is not shown why the gate is closed for her, only what kind of answer it is; she
reads the reasons in her own cart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shop.accounts.models import Person, Role
from shop.catalog.models import Variant
from shop.core.errors import NotAllowed, Refused
from shop.merchant.routes import Route
from shop.orders import cart as carts
from shop.orders import checkout, judging, queries
from shop.orders.checkout import Address, Via
from shop.orders.errors import BadQuantity, NotOrderableForHer, PlacedJustNow
from shop.orders.models import MAX_QUANTITY, Order
from shop.orders.pricing import Totals
from shop.prescriptions import asking
from shop.prescriptions.asking import Stage
from shop.prescriptions.gate import Answer, Wish

TIME_TO_PAY = timedelta(days=3)  # she has to find the letter first, or her way to the desk
JUST_NOW = timedelta(minutes=10)

# What says nothing of the client; of all else only what kind of answer it is.
OPEN_REASONS = {
    "out_of_stock": "Out of stock.",
    "not_for_sale": "Not sold at the moment.",
    "never_sold": "Not sold to clients.",
    "not_sold_in_state": "May not be sold into this state.",
}
PLAIN = {
    Answer.OPEN: "Can be ordered.",
    Answer.NEEDS_REQUEST: "Needs a prescription first: she asks the physician in her account.",
    Answer.NEEDS_CLIENT_ACTION: "She has something to do first: her own cart says what.",
    Answer.HOLD_UNTIL: "Not yet: her own cart says from when.",
    Answer.BLOCKED: "Cannot be ordered for her: her own cart says why.",
}

Wishes = Sequence[tuple[Variant, int]]


@dataclass(frozen=True)
class Told:
    """A wish as whoever takes the order sees it."""

    sku: str
    name: str
    quantity: int
    unit_cents: int
    open: bool
    decision: str
    text: str


@dataclass(frozen=True)
class Quote:
    """What it would cost, and whether each wish can be ordered."""

    lines: list[Told]
    totals: Totals

    @property
    def open(self) -> bool:
        return all(line.open for line in self.lines)


def quote(
    client: Person, wishes: Wishes, *, state: str, shipping_method: str, by: Person, at: datetime
) -> Quote:
    """Ask the gate and the prices. Changes nothing.

    Raises NotAllowed, BadQuantity, NotForSale, StateNotServed, UnknownShippingMethod.
    """
    _insist(client, wishes, by)
    offers = [checkout.offer(variant, quantity, at) for variant, quantity in wishes]
    decisions = asking.ask(client, _wished(wishes), ship_to_state=state, at=at, stage=Stage.PLACE)
    return Quote(
        lines=[
            Told(
                offer.variant.sku,
                f"{offer.variant.product.name}, {offer.variant.name}",
                offer.quantity,
                offer.price.cents,
                decision.open,
                decision.answer.value,
                plain(decision.answer, [reason.code for reason in decision.reasons]),
            )
            for offer, decision in zip(offers, decisions, strict=True)
        ],
        totals=checkout.quote(offers, shipping_method=shipping_method, state=state, at=at),
    )


def take(
    client: Person,
    wishes: Wishes,
    *,
    address: Address,
    shipping_method: str,
    expect_total_cents: int | None,
    via: Via,
    by: Person,
    at: datetime,
) -> Order:
    """Place what a client wishes; she is written to, and pays within three days.

    What she orders at the desk is paid there: it needs no permission for online payment.
    Her cart is locked, and stays as it is: whoever takes the same a second time at once finds the
    first. Raises NotAllowed, BadQuantity, PlacedJustNow, NotOrderableForHer (where the gate
    refuses), and what else `checkout.promise` raises.
    """
    _insist(client, wishes, by)
    carts.cart_of(client, lock=True)
    _refuse_a_repeat(client, wishes, at)
    try:
        return checkout.promise(
            client,
            _wished(wishes),
            address=address,
            shipping_method=shipping_method,
            expect_total_cents=expect_total_cents,
            payment_route=Route.DESK if via is Via.DESK else Route.ONLINE,
            by=by,
            at=at,
            time_to_pay=TIME_TO_PAY,
            via=via,
        )
    except Refused as refusal:
        if type(refusal) not in judging.REFUSALS.values():
            raise
        raise _without_reasons(refusal) from None


def plain(answer: Answer, codes: Sequence[str]) -> str:
    """A gate's answer without anything of the client's health in it."""
    told = next((OPEN_REASONS[code] for code in codes if code in OPEN_REASONS), None)
    return told or PLAIN[answer]


def _without_reasons(refusal: Refused) -> NotOrderableForHer:
    lines = [_less(line) for line in refusal.facts["lines"]]  # type: ignore[attr-defined]
    first = lines[0]
    return NotOrderableForHer(f"{first['sku']}: {first['text']}", lines=lines)


def _less(line: Mapping[str, object]) -> dict[str, str]:
    codes = [str(reason["code"]) for reason in line["reasons"]]  # type: ignore[attr-defined]
    answer = Answer(str(line["decision"]))
    return {"sku": str(line["sku"]), "decision": answer.value, "text": plain(answer, codes)}


def _insist(client: Person, wishes: Wishes, by: Person) -> None:
    if by.role not in (Role.STAFF, Role.MANAGER) or client.role is not Role.CLIENT:
        raise NotAllowed("Staff takes orders, for clients.")
    for variant, quantity in wishes:
        if not 1 <= quantity <= MAX_QUANTITY:
            text = f"Of {variant.sku} choose 1 to {MAX_QUANTITY}."
            raise BadQuantity(text, fields={"wishes": [text]}, quantity=quantity, most=MAX_QUANTITY)


def _refuse_a_repeat(client: Person, wishes: Wishes, at: datetime) -> None:
    wanted = sorted((variant.sku, quantity) for variant, quantity in wishes)
    for order in queries.placed_just_now(client, at - JUST_NOW):
        if sorted((line.sku, line.quantity) for line in order.lines) == wanted:
            raise PlacedJustNow(
                f"Order {order.number} of the same was placed a moment ago. If she really wants"
                " it twice, change its number of packs, or wait ten minutes.",
                order=order.number,
            )


def _wished(wishes: Wishes) -> list[Wish]:
    return [Wish(variant.id, variant.sku, quantity) for variant, quantity in wishes]
