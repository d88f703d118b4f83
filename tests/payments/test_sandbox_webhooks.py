"""Events: what is told, in what order, and how it reaches the shop or does not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from shop.payments.gateway import BadSignature
from shop.payments.sandbox import cards
from shop.payments.sandbox.in_process import Visitor
from shop.payments.sandbox.running import Sandbox
from shop.payments.sandbox.webhooks import GIVE_UP_AFTER, LONGEST_PAUSE, next_try
from shop.payments.stripe_gateway import StripeGateway

from .conftest import SECRET_KEY, Control, Inbox, open_session, paid_intent

STORIES = {
    "pays": (
        cards.PAYS,
        [
            "payment_intent.created",
            "charge.succeeded",
            "payment_intent.succeeded",
            "checkout.session.completed",
        ],
    ),
    "declined": (
        cards.DECLINED,
        ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"],
    ),
    "asked": (
        cards.ASKS_TO_AUTHENTICATE,
        ["payment_intent.created", "payment_intent.requires_action"],
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_each_try_tells_its_story(
    story: str, gateway: StripeGateway, visitor: Visitor, control: Control
) -> None:
    number, expected = STORIES[story]
    session = open_session(gateway)
    assert session.url is not None

    visitor.pay(session.url, number=number)

    assert [event["type"] for event in control.events()] == expected


def test_expiry_cancels_an_unpaid_intent_and_tells_both(
    gateway: StripeGateway, visitor: Visitor, control: Control
) -> None:
    session = open_session(gateway)
    assert session.url is not None
    visitor.pay(session.url, number=cards.DECLINED)

    gateway.expire_session(session.id, key="expire:1")

    assert [event["type"] for event in control.events()][-2:] == [
        "payment_intent.canceled",
        "checkout.session.expired",
    ]


def test_a_delivered_event_is_signed_and_read_by_the_gateway(
    gateway: StripeGateway, visitor: Visitor, control: Control, inbox: Inbox
) -> None:
    intent_id = paid_intent(gateway, visitor)
    told = next(e for e in control.events() if e["type"] == "payment_intent.succeeded")

    assert control.post(f"events/{told['id']}/delivery") == {"answer": "200"}

    [(body, signature)] = inbox.taken
    event = gateway.read_event(body, signature, at=datetime.now(UTC))
    assert (event.id, event.type) == (told["id"], "payment_intent.succeeded")
    assert (event.object_type, event.object_id) == ("payment_intent", intent_id)


def test_events_may_come_twice_and_in_any_order(
    gateway: StripeGateway, visitor: Visitor, control: Control, inbox: Inbox
) -> None:
    paid_intent(gateway, visitor)
    backwards = [event["id"] for event in control.events()][::-1]

    for event_id in [*backwards, backwards[0]]:
        control.post(f"events/{event_id}/delivery")

    assert [json.loads(body)["id"] for body, _ in inbox.taken] == [*backwards, backwards[0]]
    assert control.events(pending=True) == []


def test_a_signature_can_be_given_another_time(
    gateway: StripeGateway, visitor: Visitor, control: Control, inbox: Inbox
) -> None:
    paid_intent(gateway, visitor)
    now = datetime.now(UTC)
    ahead = int((now + timedelta(seconds=400)).timestamp())

    control.post(f"events/{control.events()[0]['id']}/delivery", signed_at=ahead)

    body, signature = inbox.taken[0]
    with pytest.raises(BadSignature):
        gateway.read_event(body, signature, at=now)


def test_what_is_due_is_sent_once_oldest_first(
    gateway: StripeGateway, visitor: Visitor, control: Control, inbox: Inbox
) -> None:
    paid_intent(gateway, visitor)
    told = [event["id"] for event in control.events()]

    assert control.post("delivery", due=True) == {"sent": 4}
    assert control.post("delivery", due=True) == {"sent": 0}

    assert [json.loads(body)["id"] for body, _ in inbox.taken] == told


def test_held_events_wait_until_they_are_let_go(
    gateway: StripeGateway, visitor: Visitor, control: Control, inbox: Inbox
) -> None:
    control.post("delivery", held=True)
    paid_intent(gateway, visitor)

    assert control.post("delivery", due=True) == {"sent": 0}
    assert len(control.events(pending=True)) == 4
    assert inbox.taken == []

    assert control.post("delivery", held=False, due=True) == {"sent": 4}


@pytest.mark.parametrize("failure", [500, 404, 302, 0])
def test_an_event_not_taken_comes_again_after_a_pause(
    failure: int,
    gateway: StripeGateway,
    visitor: Visitor,
    control: Control,
    inbox: Inbox,
) -> None:
    paid_intent(gateway, visitor)
    inbox.answers = [failure]

    assert control.post("delivery", due=True) == {"sent": 4}
    [waiting] = control.events(pending=True)
    assert waiting["attempts"] == 1
    assert waiting["last_answer"] == (str(failure) if failure else "ConnectionRefusedError")
    assert control.post("delivery", due=True) == {"sent": 0}

    control.post("clock", advance=10)
    assert control.post("delivery", due=True) == {"sent": 1}
    assert control.events(pending=True) == []


def test_the_pauses_double_up_to_an_hour_and_end_after_three_days() -> None:
    assert [next_try(0, attempts, 0) for attempts in (1, 2, 3, 11)] == [2, 4, 8, 2048]
    assert next_try(0, 40, 0) == LONGEST_PAUSE
    assert next_try(0, 40, GIVE_UP_AFTER) is None


def test_the_courier_carries_news_by_itself(
    sandbox: Sandbox, gateway: StripeGateway, visitor: Visitor, inbox: Inbox
) -> None:
    arrived = []

    def send(_url: str, body: bytes, headers: dict[str, str]) -> int:
        arrived.append(json.loads(body)["type"])
        if len(arrived) == 4:
            sandbox.courier.stop_soon()
        return inbox.send(_url, body, headers)

    sandbox.courier.send = send
    sandbox.courier.start()
    paid_intent(gateway, visitor)

    assert sandbox.courier.ended(within=30)
    assert arrived == STORIES["pays"][1]


def types(control: Control, *, pending: bool) -> list[str]:
    return [event["type"] for event in control.events(pending=pending)]


LOSSES: dict[str, tuple[dict[str, object], set[int]]] = {
    "one of a type": ({"type": "payment_intent.succeeded"}, {2}),
    "the next two of any": ({"times": 2}, {0, 1}),
    "one that does not come": ({"type": "refund.created", "times": 9}, set()),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_an_event_may_never_be_sent(
    loss: str, gateway: StripeGateway, visitor: Visitor, control: Control, inbox: Inbox
) -> None:
    told, lost = LOSSES[loss]
    control.post("losses", **told)

    paid_intent(gateway, visitor)
    control.post("clock", advance=4 * 24 * 60 * 60)
    control.post("delivery", due=True)

    came = [json.loads(body)["type"] for body, _ in inbox.taken]
    expected = [word for place, word in enumerate(STORIES["pays"][1]) if place not in lost]
    assert [word for word in came if not word.startswith("payout.")] == expected
    assert [event["lost"] for event in control.events()][:4] == [n in lost for n in range(4)]


def test_an_event_that_waits_can_be_lost_and_be_sent_by_hand(
    gateway: StripeGateway, visitor: Visitor, control: Control, inbox: Inbox, browser: FlaskClient
) -> None:
    paid_intent(gateway, visitor)
    first, *_ = control.events()
    control.post(f"events/{first['id']}/loss")
    control.post("losses")
    assert browser.delete("/_sandbox/losses").get_json() == {"losses": []}

    assert control.post("delivery", due=True) == {"sent": 3}
    assert types(control, pending=True) == [first["type"]]
    assert control.post(f"events/{first['id']}/delivery") == {"answer": "200"}
    assert types(control, pending=True) == []
    assert len(inbox.taken) == 4


def test_one_change_may_be_told_by_two_events(
    gateway: StripeGateway, visitor: Visitor, control: Control
) -> None:
    paid_intent(gateway, visitor)
    told = control.events()[2]

    control.post(f"events/{told['id']}/twin")

    twin = control.events()[-1]
    assert (twin["type"], twin["object_id"]) == (told["type"], told["object_id"])
    assert twin["id"] != told["id"]


def test_an_unknown_event_cannot_be_delivered(browser: FlaskClient) -> None:
    for event_id in ("evt_none", "%00"):
        answer = browser.post(f"/_sandbox/events/{event_id}/delivery", json={})
        assert answer.status_code == 404


def test_an_event_keeps_the_object_as_it_was(
    gateway: StripeGateway, visitor: Visitor, browser: FlaskClient, control: Control
) -> None:
    intent_id = paid_intent(gateway, visitor)
    gateway.refund(intent_id=intent_id, amount_cents=4800, order_ref="A-7K2M9", key="r1")
    told = {event["type"]: event["id"] for event in control.events()}

    def shown(event_type: str) -> bool:
        answer = browser.get(
            f"/v1/events/{told[event_type]}", headers={"Authorization": f"Bearer {SECRET_KEY}"}
        )
        refunded: bool = answer.get_json()["data"]["object"]["refunded"]
        return refunded

    assert not shown("charge.succeeded")
    assert shown("charge.refunded")
