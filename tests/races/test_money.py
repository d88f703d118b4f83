"""Money comes while its order is cancelled or runs out of time; money goes back once."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
import stripe

from shop.catalog.models import Variant
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.orders.models import Order
from shop.payments import calls, chasing, planning, queries, refunding, settling, webhook
from shop.payments.gateway import Gateway, ProviderEvent
from shop.payments.models import Payment, Refund
from shop.payments.models import ProviderEvent as Remembered
from shop.payments.sandbox.in_process import Visitor
from tests.at_once import Act
from tests.builders import a_variant
from tests.inventory.lots import a_lot
from tests.payments.conftest import Control
from tests.payments.orders_to_pay import SHOP, an_order, begun, opened
from tests.people import sam
from tests.races import money
from tests.races.acts import boxed, cancel, either_first, expire, ship
from tests.races.money import Attempt, learn, receive
from tests.races.race import FEW, SOME, Race
from tests.regime import RACE_THREADS

OTHERS = RACE_THREADS - 1
HALF = RACE_THREADS // 2
WRITE = "UPDATE|INSERT"


# An order ends while its money is on the way.


def test_cancel_against_money(race: Race) -> None:
    """I16: whichever comes first, the order is cancelled and the money goes back once."""
    soap = a_shop(race)

    def one_round() -> None:
        attempt = race.made(lambda: money.an_attempt(soap))
        met = race.met(either_first(learn(attempt), cancel(attempt.order_id)))
        assert met == {"learnt": HALF, "cancelled": 1, "wrong_state": HALF - 1}
        race.at_once([wind_up(attempt)] * 2)  # what follows the event; a job may run twice
        assert end_of(race, attempt) == ("cancelled", "succeeded", "all back", 1)
        race.met_so_far["paid first"] += was_paid(race, attempt)

    race.rounds("cancel against money", one_round, rounds=SOME, tell=["paid first"])


def test_expire_against_money(race: Race) -> None:
    soap = a_shop(race)

    def one_round() -> None:
        attempt = race.made(lambda: money.an_attempt(soap, late=True))
        met = race.met(either_first(learn(attempt), expire(attempt.order_id)))
        assert met["learnt"] == HALF
        assert (met["expired"], met["wrong_state"]) in ((1, HALF - 1), (0, HALF))
        assert end_of(race, attempt) == (
            ("expired", "succeeded", "all back", 1)
            if met["expired"]
            else ("paid", "succeeded", "kept", 0)
        )

    race.rounds("expire against money", one_round, rounds=FEW, tell=["expired"])


def test_cancel_against_ship(race: Race) -> None:
    """What ships is not cancelled; what was cancelled does not leave."""
    soap, packer = a_shop(race), race.made(lambda: sam().id)

    def one_round() -> None:
        attempt = race.made(lambda: an_order_paid(soap))
        met = race.met(either_first(ship(attempt.order_id, packer), cancel(attempt.order_id)))
        race.at_once([wind_up(attempt)])
        if met["shipped"]:
            assert met == {"shipped": 1, "not_paid": HALF - 1, "already_shipped": HALF}
            assert end_of(race, attempt) == ("closed", "succeeded", "kept", 0)
        else:
            assert met == {"cancelled": 1, "wrong_state": HALF - 1, "not_paid": HALF}
            assert end_of(race, attempt) == ("cancelled", "succeeded", "all back", 1)

    race.rounds("cancel against ship", one_round, rounds=FEW, tell=["shipped"])


ENDS = {"cancel": cancel, "expire": expire}
# All that keeps money from paying an order that has ended, but for the lock.
BELTS = (
    "DROP TRIGGER order_goes_along_an_arrow ON orders",
    "DROP TRIGGER line_goes_along_an_arrow ON order_lines",
    "DROP TRIGGER order_gate ON orders",
    "DROP TRIGGER order_line_gate ON order_lines",
    "ALTER TABLE events DROP CONSTRAINT event_is_a_legal_transition",
    "ALTER TABLE orders DROP CONSTRAINT ended_at_some_time",
    "ALTER TABLE order_lines DROP CONSTRAINT cancelled_at_some_time",
)


@pytest.mark.parametrize("ends", ENDS)
def test_without_the_lock_the_database_keeps_an_ended_order_ended(race: Race, ends: str) -> None:
    soap = a_shop(race)
    attempt = race.made(lambda: money.an_attempt(soap, late=True))

    met = race.carelessly(
        [receive(attempt)] * HALF, before=WRITE, overtaken_by=ENDS[ends](attempt.order_id)
    )

    assert met.total() == met["order_goes_along_an_arrow"] + met["event_is_a_legal_transition"]
    assert end_of(race, attempt)[1:] == ("open", "kept", 0)


@pytest.mark.parametrize("ends", ENDS)
def test_without_lock_and_belts_an_ended_order_is_paid(
    unguarded: Callable[..., Race], ends: str
) -> None:
    race = unguarded(*BELTS)
    soap = a_shop(race)
    attempt = race.made(lambda: money.an_attempt(soap, late=True))

    met = race.carelessly(
        [receive(attempt)], before=WRITE, overtaken_by=ENDS[ends](attempt.order_id)
    )

    assert met == {"learnt": 1}
    assert end_of(race, attempt) == ("paid", "succeeded", "kept", 0)
    # Its units are back on the shelf.
    assert any(wrong.startswith("I9 a line that waits or is ready") for wrong in race.wrongs())


# Money goes back.


def test_refund_against_settling(race: Race) -> None:
    """I15: the order ended; who books its money and who winds it up ask for one refund."""
    soap = a_shop(race)

    def ended() -> Attempt:
        attempt = money.an_attempt(soap)
        cancel(attempt.order_id)()
        return attempt

    def one_round() -> None:
        attempt = race.made(ended)
        met = race.met(either_first(learn(attempt), wind_up(attempt)))
        assert met == {"learnt": HALF, "wound up": HALF}
        assert end_of(race, attempt) == ("cancelled", "succeeded", "all back", 1)

    race.rounds("refund against settling", one_round, rounds=FEW)


def test_no_more_goes_back_than_came(race: Race) -> None:
    """Twenty different requests for the whole: one of them fits."""
    soap = a_shop(race)

    def one_round() -> None:
        attempt = race.made(lambda: an_order_over(soap))
        met = race.met(refunds_of(attempt))
        assert met == {"planned": 1, "refund_too_large": OTHERS}
        assert end_of(race, attempt) == ("cancelled", "succeeded", "all back", 1)

    race.rounds("refunds within what came", one_round, rounds=FEW)


def test_without_the_lock_the_database_gives_back_once(race: Race) -> None:
    soap = a_shop(race)
    attempt = race.made(lambda: an_order_over(soap))

    met = race.carelessly(refunds_of(attempt), before="INSERT INTO refunds")

    assert met == {"planned": 1, "refunds_within_capture": OTHERS}


def test_without_lock_and_check_it_goes_back_twenty_times(
    unguarded: Callable[..., Race],
) -> None:
    race = unguarded("ALTER TABLE payments DROP CONSTRAINT refunds_within_capture")
    soap = a_shop(race)
    attempt = race.made(lambda: an_order_over(soap))

    met = race.carelessly(refunds_of(attempt), before="INSERT INTO refunds")

    assert met == {"planned": RACE_THREADS}
    payment = race.row(Payment, attempt.payment_id)
    assert payment.refunded_cents == RACE_THREADS * payment.captured_cents
    assert any(wrong.startswith("I15") for wrong in race.wrongs())


# One payment.


def test_many_begin_and_there_is_one_payment(race: Race) -> None:
    soap = a_shop(race)

    def one_round() -> None:
        order = race.made(lambda: an_order(variant=_variant(soap))).id
        assert len(set(race.at_once([begin(order)] * RACE_THREADS))) == 1
        assert payments_of(race, order) == 1

    race.rounds("one payment is begun", one_round, rounds=FEW)


def test_without_the_lock_the_database_begins_one(race: Race) -> None:
    soap = a_shop(race)
    order = race.made(lambda: an_order(variant=_variant(soap))).id

    met = race.carelessly([begin(order)] * RACE_THREADS, before="INSERT INTO payments")

    assert met["payments_one_live"] == OTHERS
    assert payments_of(race, order) == 1


def test_without_lock_and_index_twenty_are_begun(unguarded: Callable[..., Race]) -> None:
    race = unguarded("DROP INDEX payments_one_live")
    soap = a_shop(race)
    order = race.made(lambda: an_order(variant=_variant(soap))).id

    race.carelessly([begin(order)] * RACE_THREADS, before="INSERT INTO payments")

    assert payments_of(race, order) == RACE_THREADS
    assert any(wrong.startswith("I14") for wrong in race.wrongs())


# The provider's word, heard at the door.


def test_one_event_told_twenty_times_at_once_is_one_job(race: Race) -> None:
    """I19."""

    def one_round() -> None:
        event_id = f"evt_{uuid4().hex}"
        answers = race.at_once([hear(race, event_id)] * RACE_THREADS)
        assert {answer.status_code for answer in answers} == {200}
        assert (remembered(race, event_id), jobs(race, event_id)) == (1, 1)

    race.rounds("one event told at once", one_round, rounds=SOME)


def test_without_its_key_one_event_is_twenty_jobs(unguarded: Callable[..., Race]) -> None:
    race = unguarded("ALTER TABLE provider_events DROP CONSTRAINT provider_events_pkey")
    event_id = f"evt_{uuid4().hex}"

    race.at_once([hear(race, event_id)] * RACE_THREADS)

    assert (remembered(race, event_id), jobs(race, event_id)) == (RACE_THREADS, RACE_THREADS)


# With a provider.


def test_many_send_and_there_is_one_page(race: Race, gateway: Gateway) -> None:
    soap = a_shop(race)
    order, call = race.made(lambda: planned(soap))
    asked = Counting(gateway)

    met = race.met([lambda: calls.send(call, asked)] * RACE_THREADS)

    assert met == {"done": 1, "None": OTHERS}
    assert asked.opened == 1
    assert pages_of(gateway, order) == 1


def test_without_the_lock_the_database_lets_one_ask(race: Race, gateway: Gateway) -> None:
    soap = a_shop(race)
    order, call = race.made(lambda: planned(soap))
    asked = Counting(gateway)

    met = race.carelessly(
        [lambda: calls.send(call, asked)] * RACE_THREADS, before="UPDATE provider_calls"
    )

    assert met == {"done": 1, "call_is_sent_as_it_was_planned": OTHERS}
    assert (asked.opened, pages_of(gateway, order)) == (1, 1)


def test_without_lock_and_trigger_twenty_ask_and_the_key_keeps_it_one(
    unguarded: Callable[..., Race], gateway: Gateway
) -> None:
    """I20: the provider does once what it is asked twenty times under one key."""
    race = unguarded("DROP TRIGGER provider_call_is_kept ON provider_calls")
    soap = a_shop(race)
    order, call = race.made(lambda: planned(soap))
    asked = Counting(gateway)

    race.carelessly(
        [lambda: calls.send(call, asked)] * RACE_THREADS, before="UPDATE provider_calls"
    )

    assert (asked.opened, pages_of(gateway, order)) == (RACE_THREADS, 1)


def test_cancel_against_the_webhook(
    race: Race, gateway: Gateway, visitor: Visitor, control: Control
) -> None:
    """The whole road: the door, the job behind it, the provider; three events, each told thrice."""
    soap = a_shop(race)

    def one_round() -> None:
        order, payment, events = race.made(lambda: a_paid_page(soap, gateway, visitor, control))
        told = [tell(race, event, gateway) for event in events] * 3
        met = race.met([*told, *[cancel(order)] * (RACE_THREADS - len(told))])
        assert (met["told"], met["cancelled"]) == (len(told), 1)
        race.at_once([lambda: chasing.order_ended(order, gateway)] * 2)
        went = race.row(Payment, payment)
        assert went.captured_cents == went.refunded_cents > 0
        with race.app.app_context():
            refunds = db.session.scalars(sa.select(Refund).where(Refund.payment_id == payment))
            assert [str(refund.status) for refund in refunds] == ["done"]
        assert race.row(Order, order).status == "cancelled"

    race.rounds("cancel against webhook", one_round, rounds=FEW)


def a_shop(race: Race) -> UUID:
    """A soap on the shelf."""

    def make() -> UUID:
        soap = a_variant()
        a_lot(soap, 100_000)
        return soap.id

    return race.made(make)


def _variant(key: UUID) -> Variant:
    return db.session.get_one(Variant, key)


def an_order_paid(soap: UUID) -> Attempt:
    attempt = money.an_attempt(soap)
    learn(attempt)()
    boxed(attempt.order_id)
    return attempt


def an_order_over(soap: UUID) -> Attempt:
    """Paid and then cancelled: its money has still to go back."""
    attempt = an_order_paid(soap)
    cancel(attempt.order_id)()
    return attempt


def wind_up(attempt: Attempt) -> Act:
    """What the worker does when an order has ended."""

    def act() -> str:
        settling.wind_up(queries.locked_order(attempt.order_id), at=now())
        return "wound up"

    return act


def refunds_of(attempt: Attempt) -> list[Act]:
    """Twenty requests that the whole go back."""

    def asking(key: str) -> Act:
        def act() -> str:
            queries.locked_order(attempt.order_id)
            payment = queries.payment(attempt.payment_id)
            cents = payment.captured_cents
            refunding.plan(payment, cents, request_key=key, reason="cancelled", at=now())
            return "planned"

        return act

    return [asking(f"request-{number}") for number in range(RACE_THREADS)]


def begin(order_id: UUID) -> Act:
    """Answers which payment it is."""

    def act() -> UUID:
        order = queries.locked_order(order_id)
        return settling.begin(order, by=order.client, at=now(), base_url=SHOP).id

    return act


def hear(race: Race, event_id: str, object_id: str = "re_nobody", kind: str = "refund") -> Act:
    """The provider knocks at the door, and signs."""
    event = {
        "id": event_id,
        "object": "event",
        "type": f"{kind}.updated",
        "created": int(time.time()),
        "livemode": False,
        "data": {"object": {"id": object_id, "object": kind}},
    }
    body = json.dumps(event)

    def act() -> Any:
        sign = stripe.WebhookSignature.generate_signature_header
        headers = {"Stripe-Signature": sign(body, "whsec_test_shop", int(time.time()))}
        return race.app.test_client().post("/webhooks/stripe", data=body, headers=headers)

    return act


def tell(race: Race, event: ProviderEvent, gateway: Gateway) -> Act:
    """An event comes in at the door, and a worker follows it."""
    knock = hear(race, event.id, event.object_id or "", event.object_type)

    def act() -> str:
        answer = knock()
        assert answer.status_code == 200, answer.text
        act_as("system:worker")
        webhook.follow(event.id, gateway)
        return "told"

    return act


class Counting:
    """The gateway, counting the pages it was asked for."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._asked = itertools.count(1)
        self.opened = 0

    def __getattr__(self, name: str) -> Any:
        if name == "open_session":
            self.opened = next(self._asked)
        return getattr(self._gateway, name)


def planned(soap: UUID) -> tuple[Order, UUID]:
    """An order, and the call that opens its page, not sent."""
    order = an_order(variant=_variant(soap))
    begun(order)
    (call,) = planning.pending(order.id)
    return order, call


def a_paid_page(
    soap: UUID, gateway: Gateway, visitor: Visitor, control: Control
) -> tuple[UUID, UUID, list[ProviderEvent]]:
    """The client has paid on the provider's page, and the shop does not know yet."""
    order = an_order(variant=_variant(soap))
    payment = opened(order, gateway)
    visitor.pay(payment.url or "")
    events = [
        ProviderEvent(
            id=event["id"],
            type=event["type"],
            object_type=event["object"],
            object_id=event["object_id"],
            created=now(),
            livemode=False,
        )
        for event in control.events()[-3:]
    ]
    return order.id, payment.id, events


def pages_of(gateway: Gateway, order: Order) -> int:
    pages = gateway.sessions_since(order.placed_at)
    return len([page for page in pages if page.order_ref == order.number])


def payments_of(race: Race, order_id: UUID) -> int:
    return race.count(sa.select(Payment).where(Payment.order_id == order_id))


def remembered(race: Race, event_id: str) -> int:
    return race.count(sa.select(Remembered.type).where(Remembered.id == event_id))


def jobs(race: Race, event_id: str) -> int:
    query = (
        "SELECT id FROM jobs.procrastinate_jobs WHERE task_name = 'follow_provider_event'"
        " AND args ->> 'event_id' = :event"
    )
    return race.count(sa.text(query).bindparams(event=event_id).columns(sa.column("id")))


def was_paid(race: Race, attempt: Attempt) -> bool:
    return race.row(Order, attempt.order_id).paid_at is not None


def end_of(race: Race, attempt: Attempt) -> tuple[str, str, str, int]:
    """How order and payment stand, whether the money went back, and by how many refunds."""
    order = race.row(Order, attempt.order_id)
    payment = race.row(Payment, attempt.payment_id)
    back = payment.refunded_cents == payment.captured_cents > 0
    refunds = race.count(sa.select(Refund).where(Refund.payment_id == payment.id))
    return str(order.status), str(payment.status), "all back" if back else "kept", refunds
