"""Keeping a card for later: on the page of a session in setup mode, or while something is paid.

Each act is given a `Desk` inside a writing transaction and changes nothing when it refuses.
"""

from __future__ import annotations

from shop.payments.sandbox import objects
from shop.payments.sandbox.cards import NOT_SET_UP, Card, Decline, Fate
from shop.payments.sandbox.desk import Desk, intent_of, new_id, page_url, random_letters, the
from shop.payments.sandbox.objects import Body
from shop.payments.sandbox.protocol import Params, Refusal
from shop.payments.sandbox.store import Kept


def new_setup_intent(desk: Desk, given: Params) -> Kept:
    """Stripe makes the setup intent together with its session."""
    setup = desk.ledger.add(
        objects.setup_intent(
            new_id("seti"),
            created=desk.ledger.now(),
            secret=random_letters(25),
            customer=given["customer"],
            given=given.get("setup_intent_data", {}),
        )
    )
    desk.tell("setup_intent.created", setup.body)
    return setup


def try_card(desk: Desk, session: Kept, card: Card) -> Body:
    """Try to keep a card; answers with the setup intent as the try left it."""
    setup = _setup_of(desk, session)
    if card.asks_when_saved:
        return _ask_to_authenticate(desk, session, setup, objects.payment_method_card(card))
    if card.fate is Fate.DECLINED and card.charged_later is not Fate.DECLINED:
        return _fail(desk, setup, card.decline)
    return _succeed(desk, session, setup, objects.payment_method_card(card))


def answer_authentication(desk: Desk, session: Kept, *, authorised: bool) -> Body:
    """What the client said to the issuer. Raises Refusal when nothing was asked."""
    setup = _setup_of(desk, session)
    if setup.body["status"] != "requires_action":
        raise Refusal(400, "Nothing waits for authentication here.")
    if authorised:
        return _succeed(desk, session, setup, session.hidden["card"])
    return _fail(desk, setup, NOT_SET_UP)


def keep(desk: Desk, method_id: str, card: Body, *, customer: str) -> Kept:
    """A card belongs to a customer from now on, who can be charged with it later."""
    method = desk.ledger.add(
        objects.payment_method(method_id, created=desk.ledger.now(), customer=customer, card=card),
        {"card": card},
    )
    desk.tell("payment_method.attached", method.body)
    return method


def detach(desk: Desk, method_id: str) -> Body:
    method = the(desk.ledger, "payment_method", method_id)
    if method.body["customer"] is None:
        raise Refusal(
            400,
            "The payment method you provided is not attached to a customer so detachment is"
            " impossible.",
        )
    detached = desk.ledger.change(method, customer=None)
    desk.tell("payment_method.detached", detached.body)
    return detached.body


def _setup_of(desk: Desk, session: Kept) -> Kept:
    setup = intent_of(desk.ledger, session)
    assert setup is not None, "a session in setup mode has one from the beginning"
    return setup


def _ask_to_authenticate(desk: Desk, session: Kept, setup: Kept, card: Body) -> Body:
    page = page_url(desk.public_url, session.id)
    asking = desk.ledger.change(
        setup,
        status="requires_action",
        next_action=objects.authentication(f"{page}/authenticate", page),
        last_setup_error=None,
    )
    desk.ledger.hide(session, card=card)
    desk.tell("setup_intent.requires_action", asking.body)
    return asking.body


def _fail(desk: Desk, setup: Kept, decline: Decline) -> Body:
    failed = desk.ledger.change(
        setup,
        status="requires_payment_method",
        next_action=None,
        last_setup_error=objects.payment_error(decline, charge=None),
    )
    desk.tell("setup_intent.setup_failed", failed.body)
    return failed.body


def _succeed(desk: Desk, session: Kept, setup: Kept, card: Body) -> Body:
    method = keep(desk, new_id("pm"), card, customer=setup.body["customer"])
    saved = desk.ledger.change(
        setup,
        status="succeeded",
        next_action=None,
        payment_method=method.id,
        last_setup_error=None,
    )
    complete = desk.ledger.change(
        the(desk.ledger, "checkout.session", session.id),
        status="complete",
        url=None,
        customer_details=objects.buyer(card["name"], session.body["customer_email"]),
    )
    desk.tell("setup_intent.succeeded", saved.body)
    desk.tell("checkout.session.completed", complete.body)
    return saved.body
