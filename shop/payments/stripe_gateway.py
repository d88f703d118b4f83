"""The gateway spoken in Stripe: the only room of the shop that knows Stripe's library."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar
from urllib.parse import urlsplit

import stripe

from shop.payments.gateway import (
    CURRENCY,
    EVENT_TOLERANCE,
    BadEvent,
    BadSignature,
    Card,
    CheckoutSession,
    Declined,
    Dispute,
    DisputeMoney,
    DisputeState,
    Evidence,
    FraudWarning,
    GatewayError,
    Intent,
    IntentState,
    Misconfigured,
    Movement,
    NotExecuted,
    NotThere,
    Payout,
    PayoutState,
    ProviderEvent,
    ProviderRefused,
    Refund,
    RefundState,
    Remembered,
    SessionState,
    SetupPage,
    Unknown,
)

if TYPE_CHECKING:
    from stripe.params import (
        BalanceTransactionListParams,
        CustomerCreateParams,
        DisputeListParams,
        DisputeUpdateParams,
        DisputeUpdateParamsEvidence,
        PaymentIntentCreateParams,
        PaymentIntentListParams,
        PayoutListParams,
        RefundCreateParams,
        RefundListParams,
    )
    from stripe.params.checkout import SessionCreateParams, SessionListParams
    from stripe.params.radar import EarlyFraudWarningListParams

# What the code below was written against. The webhook endpoint must be pinned to the same.
API_VERSION = "2026-10-28.endive"

CONNECT_SECONDS = 3.0
READ_SECONDS = 20.0
PAGE = 100

# The library would otherwise report machine and timing of each call with the next one.
stripe.enable_telemetry = False

type_of_key = re.compile(r"(?:sk|rk)_(test|live)_[\w-]+", re.ASCII)
event_id_form = re.compile(r"evt_\w{1,250}", re.ASCII)
event_type_form = re.compile(r"[a-z0-9_.]{1,100}", re.ASCII)
word_form = re.compile(r"[a-z_]{1,60}", re.ASCII)
object_id_form = re.compile(r"[\w-]{1,255}", re.ASCII)

Json = Mapping[str, Any]
T = TypeVar("T")

UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError)


class _After(TypedDict, total=False):
    starting_after: str


class StripeGateway:
    """Implements `shop.payments.gateway.Gateway`.

    `api_base` is for the sandbox and must be https or loopback; `transport` lets the library's
    client reach an application in the same process. A live key never leaves for either.
    Raises Misconfigured at once when key, secrets or address cannot work.
    """

    def __init__(
        self,
        secret_key: str,
        webhook_secrets: tuple[str, ...],
        api_base: str | None = None,
        transport: stripe.HTTPClient | None = None,
    ) -> None:
        self._livemode = _livemode_of(secret_key)
        self._webhook_secrets = _checked_secrets(webhook_secrets)
        if api_base is not None:
            _check_address(api_base, livemode=self._livemode)
        self._client = stripe.StripeClient(
            secret_key,
            stripe_version=API_VERSION,
            base_addresses={"api": api_base.rstrip("/")} if api_base else None,
            max_network_retries=0,  # what to send again, and when, is the shop's own decision
            http_client=transport or _over_the_network(api_base),
        )

    def open_session(
        self,
        *,
        order_ref: str,
        amount_cents: int,
        success_url: str,
        cancel_url: str,
        expires_at: datetime,
        key: str,
        setup_ref: str | None = None,
    ) -> CheckoutSession:
        wanted: SessionCreateParams = {
            "mode": "payment",
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": CURRENCY,
                        "unit_amount": amount_cents,
                        "product_data": {"name": f"Order {order_ref}"},
                    },
                }
            ],
            "allowed_payment_method_types": ["card"],
            "success_url": success_url,
            "cancel_url": cancel_url,
            "expires_at": int(expires_at.timestamp()),
            "client_reference_id": order_ref,
            "metadata": {"order_ref": order_ref},
            "payment_intent_data": {"metadata": {"order_ref": order_ref}},
        }
        if setup_ref is not None:
            wanted["customer"] = self._customer_for(setup_ref, key)
            wanted["payment_intent_data"] = {
                "metadata": {"order_ref": order_ref, "setup_ref": setup_ref},
                "setup_future_usage": "off_session",
            }
        sessions = self._client.v1.checkout.sessions
        return self._ask(
            lambda: sessions.create(wanted, {"idempotency_key": key}), self._session_from
        )

    def open_setup(
        self, *, setup_ref: str, success_url: str, cancel_url: str, expires_at: datetime, key: str
    ) -> SetupPage:
        wanted: SessionCreateParams = {
            "mode": "setup",
            "currency": CURRENCY,
            "customer": self._customer_for(setup_ref, key),
            "allowed_payment_method_types": ["card"],
            "success_url": success_url,
            "cancel_url": cancel_url,
            "expires_at": int(expires_at.timestamp()),
            "metadata": {"setup_ref": setup_ref},
            "setup_intent_data": {"metadata": {"setup_ref": setup_ref}},
        }
        sessions = self._client.v1.checkout.sessions
        return self._ask(
            lambda: sessions.create(wanted, {"idempotency_key": key}), self._setup_from
        )

    def _customer_for(self, setup_ref: str, key: str) -> str:
        """A customer who is nobody: its only use is that a card can be kept with it.

        Made under a key of its own, so that the call that needs it can be sent again as it was.
        """
        wanted: CustomerCreateParams = {"metadata": {"setup_ref": setup_ref}}
        customers = self._client.v1.customers
        return self._ask(
            lambda: customers.create(wanted, {"idempotency_key": f"{key}:customer"}), _id_from
        )

    def page(self, session_id: str) -> CheckoutSession | SetupPage:
        sessions = self._client.v1.checkout.sessions
        return self._ask(lambda: sessions.retrieve(session_id), self._page_of_either_kind)

    def setups_since(self, since: datetime) -> Iterator[SetupPage]:
        for body in self._sessions_since(since):
            if body.get("mode") == "setup":
                yield self._read(self._setup_from, body)

    def method_saved(self, saved_by: str) -> str | None:
        setups = self._client.v1.setup_intents
        return self._ask(lambda: setups.retrieve(saved_by), _method_from)

    def card(self, method_id: str) -> Card:
        methods = self._client.v1.payment_methods
        return self._ask(lambda: methods.retrieve(method_id), _card_from)

    def detach(self, method_id: str, *, key: str) -> Card:
        methods = self._client.v1.payment_methods
        return self._ask(
            lambda: methods.detach(method_id, options={"idempotency_key": key}), _card_from
        )

    def charge_card(
        self,
        *,
        order_ref: str,
        payment_ref: str,
        amount_cents: int,
        customer_id: str,
        method_id: str,
        key: str,
    ) -> Intent:
        wanted: PaymentIntentCreateParams = {
            "amount": amount_cents,
            "currency": CURRENCY,
            "customer": customer_id,
            "payment_method": method_id,
            "allowed_payment_method_types": ["card"],
            "off_session": True,
            "confirm": True,
            "metadata": {"order_ref": order_ref, "payment_ref": payment_ref},
        }
        intents = self._client.v1.payment_intents
        return self._ask(
            lambda: intents.create(wanted, {"idempotency_key": key}), self._intent_from
        )

    def session(self, session_id: str) -> CheckoutSession:
        sessions = self._client.v1.checkout.sessions
        return self._ask(lambda: sessions.retrieve(session_id), self._session_from)

    def expire_session(self, session_id: str, *, key: str) -> CheckoutSession:
        sessions = self._client.v1.checkout.sessions
        try:
            return self._ask(
                lambda: sessions.expire(session_id, options={"idempotency_key": key}),
                self._session_from,
            )
        except ProviderRefused:
            as_it_stands = self.session(session_id)
            if as_it_stands.state is SessionState.OPEN:
                raise
            return as_it_stands

    def intent(self, intent_id: str) -> Intent:
        intents = self._client.v1.payment_intents
        return self._ask(lambda: intents.retrieve(intent_id), self._intent_from)

    def sessions_since(self, since: datetime) -> Iterator[CheckoutSession]:
        for body in self._sessions_since(since):
            if body.get("mode") == "payment":  # others ask for no money of their own
                yield self._read(self._session_from, body)

    def _sessions_since(self, since: datetime) -> Iterator[Json]:
        sessions = self._client.v1.checkout.sessions
        wanted: SessionListParams = {"created": {"gte": int(since.timestamp())}, "limit": PAGE}
        return self._all(lambda after: sessions.list({**wanted, **after}))

    def intents_since(self, since: datetime) -> Iterator[Intent]:
        intents = self._client.v1.payment_intents
        wanted: PaymentIntentListParams = {
            "created": {"gte": int(since.timestamp())},
            "limit": PAGE,
        }
        for body in self._all(lambda after: intents.list({**wanted, **after})):
            yield self._read(self._intent_from, body)

    def refunds_of(self, intent_id: str) -> list[Refund]:
        refunds = self._client.v1.refunds
        wanted: RefundListParams = {"payment_intent": intent_id, "limit": PAGE}
        found = self._all(lambda after: refunds.list({**wanted, **after}))
        return [self._read(_refund_from, body) for body in found]

    def refund(
        self,
        *,
        intent_id: str,
        amount_cents: int,
        order_ref: str,
        key: str,
        refund_ref: str | None = None,
    ) -> Refund:
        named = {} if refund_ref is None else {"refund_ref": refund_ref}
        wanted: RefundCreateParams = {
            "payment_intent": intent_id,
            "amount": amount_cents,
            "metadata": {"order_ref": order_ref, **named},
        }
        refunds = self._client.v1.refunds
        return self._ask(lambda: refunds.create(wanted, {"idempotency_key": key}), _refund_from)

    def refund_state(self, refund_id: str) -> Refund:
        refunds = self._client.v1.refunds
        return self._ask(lambda: refunds.retrieve(refund_id), _refund_from)

    def movements_since(self, since: datetime) -> Iterator[Movement]:
        return self._movements({"created": {"gte": int(since.timestamp())}})

    def movements_of(self, payout_id: str) -> list[Movement]:
        return list(self._movements({"payout": payout_id}))

    def _movements(self, which: BalanceTransactionListParams) -> Iterator[Movement]:
        movements = self._client.v1.balance_transactions
        wanted: BalanceTransactionListParams = {
            **which,
            "limit": PAGE,
            "expand": ["data.source"],  # it names the intent, which is what the shop knows
        }
        for body in self._all(lambda after: movements.list({**wanted, **after})):
            yield self._read(_movement_from, body)

    def payouts_since(self, since: datetime) -> Iterator[Payout]:
        payouts = self._client.v1.payouts
        wanted: PayoutListParams = {"created": {"gte": int(since.timestamp())}, "limit": PAGE}
        for body in self._all(lambda after: payouts.list({**wanted, **after})):
            yield self._read(_payout_from, body)

    def dispute(self, dispute_id: str) -> Dispute:
        disputes = self._client.v1.disputes
        return self._ask(lambda: disputes.retrieve(dispute_id), _dispute_from)

    def disputes_since(self, since: datetime) -> Iterator[Dispute]:
        disputes = self._client.v1.disputes
        wanted: DisputeListParams = {"created": {"gte": int(since.timestamp())}, "limit": PAGE}
        for body in self._all(lambda after: disputes.list({**wanted, **after})):
            yield self._read(_dispute_from, body)

    def submit_evidence(self, dispute_id: str, evidence: Evidence, *, key: str) -> Dispute:
        told: DisputeUpdateParamsEvidence = {"uncategorized_text": evidence.text}
        if evidence.carrier and evidence.tracking:
            told["shipping_carrier"] = evidence.carrier
            told["shipping_tracking_number"] = evidence.tracking
        if evidence.shipped_on:
            told["shipping_date"] = evidence.shipped_on
        wanted: DisputeUpdateParams = {"evidence": told, "submit": True}
        disputes = self._client.v1.disputes
        return self._ask(
            lambda: disputes.update(dispute_id, wanted, {"idempotency_key": key}), _dispute_from
        )

    def fraud_warning(self, warning_id: str) -> FraudWarning:
        warnings = self._client.v1.radar.early_fraud_warnings
        return self._ask(lambda: warnings.retrieve(warning_id), _warning_from)

    def fraud_warnings_since(self, since: datetime) -> Iterator[FraudWarning]:
        warnings = self._client.v1.radar.early_fraud_warnings
        wanted: EarlyFraudWarningListParams = {
            "created": {"gte": int(since.timestamp())},
            "limit": PAGE,
        }
        for body in self._all(lambda after: warnings.list({**wanted, **after})):
            yield self._read(_warning_from, body)

    def read_event(self, body: bytes, signature: str, *, at: datetime) -> ProviderEvent:
        if not self._webhook_secrets:
            raise Misconfigured("No webhook secret is configured.", code="no_webhook_secret")
        if not any(_signed_by(secret, body, signature) for secret in self._webhook_secrets):
            raise BadSignature("No configured secret signed this body.")
        _check_recent(signature, at=at)
        return _event_from(_json_object(body), livemode=self._livemode)

    def _ask(self, call: Callable[[], stripe.StripeObject], reader: Callable[[Json], T]) -> T:
        try:
            answer = call()
        except stripe.StripeError as error:
            raise self._translated(error) from error
        return self._read(reader, answer)

    def _read(self, reader: Callable[[Json], T], answer: stripe.StripeObject | Json) -> T:
        """What the provider sent, in our words; if we cannot read it, we do not know."""
        try:
            body = answer.to_dict() if isinstance(answer, stripe.StripeObject) else answer
            return reader(body)
        except UNREADABLE as error:
            raise Remembered("The answer cannot be read.", code="unreadable_answer") from error

    def _all(self, page: Callable[[_After], stripe.StripeObject]) -> Iterator[Json]:
        """Every item of a list, asking for the next page only when it is wanted."""
        after: _After = {}
        while True:
            items, more = self._ask(partial(page, after), _page_from)
            yield from items
            if not more:
                return
            after = {"starting_after": self._read(lambda last: _text(last["id"]), items[-1])}

    def _session_from(self, body: Json) -> CheckoutSession:
        self._check_mode(body)
        return CheckoutSession(
            id=_text(body["id"]),
            url=_text_or_none(body.get("url")),
            state=SessionState(body["status"]),
            paid=body["payment_status"] == "paid",
            intent_id=_id_or_none(body.get("payment_intent")),
            amount_cents=_number(body["amount_total"]),
            currency=_text(body["currency"]),
            order_ref=_named(body, "order_ref"),
            livemode=self._livemode,
            expires_at=_moment(body["expires_at"]),
        )

    def _page_of_either_kind(self, body: Json) -> CheckoutSession | SetupPage:
        return self._setup_from(body) if body["mode"] == "setup" else self._session_from(body)

    def _setup_from(self, body: Json) -> SetupPage:
        self._check_mode(body)
        return SetupPage(
            id=_text(body["id"]),
            url=_text_or_none(body.get("url")),
            state=SessionState(body["status"]),
            saved_by=_id_or_none(body.get("setup_intent")),
            setup_ref=_named(body, "setup_ref"),
            livemode=self._livemode,
            expires_at=_moment(body["expires_at"]),
        )

    def _intent_from(self, body: Json) -> Intent:
        self._check_mode(body)
        return Intent(
            id=_text(body["id"]),
            state=IntentState(body["status"]),
            amount_cents=_number(body["amount"]),
            received_cents=_number(body["amount_received"]),
            currency=_text(body["currency"]),
            order_ref=_named(body, "order_ref"),
            livemode=self._livemode,
            failure_code=_failure_code(body.get("last_payment_error")),
            payment_ref=_named(body, "payment_ref"),
            setup_ref=_named(body, "setup_ref"),
            method_id=_id_or_none(body.get("payment_method")),
        )

    def _translated(self, error: stripe.StripeError) -> GatewayError:
        status, told = error.http_status, _error_body(error)
        message = error.user_message or "The provider gave no reason."
        if status == 402:
            return self._declined(message, told, request_id=error.request_id)
        return _kind_of(error)(
            message,
            code=told.get("code") or told.get("type"),
            status=status,
            param=told.get("param"),
            request_id=error.request_id,
        )

    def _declined(self, message: str, told: Json, *, request_id: str | None) -> Declined:
        carried = told.get("payment_intent")
        return Declined(
            message,
            code=told.get("code"),
            intent=None if carried is None else self._read(self._intent_from, carried),
            decline_code=told.get("decline_code"),
            request_id=request_id,
        )

    def _check_mode(self, body: Json) -> None:
        if body["livemode"] is not self._livemode:
            raise Misconfigured(
                "The key and the provider's object disagree about test and live.",
                code="wrong_mode",
                object=_text(body["id"]),
            )


def _livemode_of(secret_key: str) -> bool:
    found = type_of_key.fullmatch(secret_key)
    if found is None:
        raise Misconfigured(
            "The provider's key must begin with sk_test_, sk_live_, rk_test_ or rk_live_.",
            code="bad_secret_key",
        )
    return found[1] == "live"


def _checked_secrets(webhook_secrets: tuple[str, ...]) -> tuple[str, ...]:
    if any(not secret.strip() for secret in webhook_secrets):
        raise Misconfigured("A webhook secret is empty.", code="bad_webhook_secret")
    return webhook_secrets


def _check_address(api_base: str, *, livemode: bool) -> None:
    if livemode:
        raise Misconfigured("A live key goes to the provider only.", code="live_key_elsewhere")
    if urlsplit(api_base).scheme != "https" and not _is_loopback(api_base):
        raise Misconfigured(
            "The provider's address must be https, or on this machine.", code="bad_api_base"
        )


def _is_loopback(address: str) -> bool:
    return urlsplit(address).hostname in {"127.0.0.1", "::1", "localhost"}


def _over_the_network(api_base: str | None) -> stripe.HTTPClient:
    timeout = (CONNECT_SECONDS, READ_SECONDS)
    if api_base is None or not _is_loopback(api_base):
        return stripe.RequestsClient(timeout=timeout)
    # A proxy named by the environment cannot reach our own loopback.
    return stripe.RequestsClient(timeout=timeout, proxy={"http": "", "https": ""})


def _kind_of(error: stripe.StripeError) -> type[GatewayError]:
    """Which of our errors an answer other than a decline is, by what it says was done."""
    status = error.http_status
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        return Misconfigured
    if isinstance(error, stripe.RateLimitError) or status in {409, 429}:
        return NotExecuted
    if status == 404:
        return NotThere
    if status is not None and 400 <= status < 500:
        return ProviderRefused
    # Its own errors Stripe replays under the key; 502, 503 and 504 come from in front of it.
    return Remembered if status == 500 else Unknown


def _error_body(error: stripe.StripeError) -> Json:
    body = error.json_body
    told = body.get("error") if isinstance(body, Mapping) else None
    return told if isinstance(told, Mapping) else {}


def _page_from(body: Json) -> tuple[list[Json], bool]:
    items, more = body["data"], body["has_more"]
    if not isinstance(items, list) or (more and not items):
        raise ValueError("a page with items was expected")
    return items, bool(more)


def _refund_from(body: Json) -> Refund:
    return Refund(
        id=_text(body["id"]),
        intent_id=_id_or_none(body.get("payment_intent")),
        amount_cents=_number(body["amount"]),
        state=RefundState(body["status"]),
        failure_reason=_text_or_none(body.get("failure_reason")),
        order_ref=_named(body, "order_ref"),
        refund_ref=_named(body, "refund_ref"),
    )


def _movement_from(body: Json) -> Movement:
    source = body.get("source")
    about = source if isinstance(source, Mapping) else {}
    return Movement(
        id=_text(body["id"]),
        kind=_text(body["type"]),
        category=_text(body["reporting_category"]),
        amount_cents=_cents(body["amount"]),
        fee_cents=_cents(body["fee"]),
        net_cents=_cents(body["net"]),
        source_id=_id_or_none(source),
        intent_id=_id_or_none(about.get("payment_intent")),
        created=_moment(body["created"]),
        available_on=_moment(body["available_on"]),
    )


def _payout_from(body: Json) -> Payout:
    return Payout(
        id=_text(body["id"]),
        amount_cents=_cents(body["amount"]),
        state=PayoutState(body["status"]),
        created=_moment(body["created"]),
    )


def _dispute_from(body: Json) -> Dispute:
    evidence = body["evidence_details"]
    due = evidence.get("due_by")
    return Dispute(
        id=_text(body["id"]),
        intent_id=_id_or_none(body.get("payment_intent")),
        state=DisputeState(body["status"]),
        reason=_of_form(word_form, body["reason"]),
        amount_cents=_number(body["amount"]),
        evidence_due_at=None if due is None else _moment(due),
        opened_at=_moment(body["created"]),
        evidence_sent=_number(evidence["submission_count"]) > 0,
        moved=tuple(
            DisputeMoney(
                id=_text(one["id"]), cents=_signed(one["amount"]), fee_cents=_signed(one["fee"])
            )
            for one in body["balance_transactions"]
        ),
    )


def _warning_from(body: Json) -> FraudWarning:
    return FraudWarning(
        id=_text(body["id"]),
        intent_id=_id_or_none(body.get("payment_intent")),
        fraud_type=_of_form(word_form, body["fraud_type"]),
    )


def _signed(value: object) -> int:
    """An amount that may be below nought."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("a whole number was expected")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a text was expected")
    return value


def _text_or_none(value: object) -> str | None:
    return None if value is None else _text(value)


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("a number was expected")
    return value


def _cents(value: object) -> int:
    """Cents that may be below zero."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("cents were expected")
    return value


def _moment(value: object) -> datetime:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("seconds since 1970 were expected")
    return datetime.fromtimestamp(value, UTC)


def _id_or_none(value: object) -> str | None:
    """An id, whether the provider sent it alone or with its whole object."""
    return _text(value["id"]) if isinstance(value, Mapping) else _text_or_none(value)


def _named(body: Json, reference: str) -> str | None:
    """A reference of ours that an object carries."""
    return _text_or_none((body.get("metadata") or {}).get(reference))


def _id_from(body: Json) -> str:
    return _text(body["id"])


def _method_from(setup: Json) -> str | None:
    """The card that a setup intent has kept; one that did not succeed has kept none."""
    return _id_or_none(setup.get("payment_method")) if setup["status"] == "succeeded" else None


def _card_from(body: Json) -> Card:
    card = body["card"]
    return Card(
        id=_text(body["id"]),
        customer_id=_id_or_none(body.get("customer")),
        brand=_text(card["brand"]),
        last4=_text(card["last4"]),
        exp_month=_number(card["exp_month"]),
        exp_year=_number(card["exp_year"]),
    )


def _failure_code(error: object) -> str | None:
    """The issuer's reason when there is one, for it says more than `card_declined`."""
    if not isinstance(error, Mapping):
        return None
    return _text_or_none(error.get("decline_code") or error.get("code") or error.get("type"))


def _signed_by(secret: str, body: bytes, signature: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(body, signature, secret)
    except (stripe.SignatureVerificationError, ValueError, TypeError):
        # Bytes that are no text, or a signature that is not ASCII, are simply not signed.
        return False
    return True


def _check_recent(signature: str, *, at: datetime) -> None:
    """The library looks at the past only, and at its own clock; a future time is as wrong."""
    signed_at = next(
        int(part.partition("=")[2]) for part in signature.split(",") if part.startswith("t=")
    )
    if abs(at.timestamp() - signed_at) > EVENT_TOLERANCE.total_seconds():
        raise BadSignature("The signature is not of this moment.", code="signature_time")


def _json_object(body: bytes) -> Json:
    try:
        read = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadEvent("The body is not JSON.", code="not_json") from error
    if not isinstance(read, dict) or read.get("object") != "event":
        raise BadEvent("The body is not an event.", code="not_an_event")
    return read


def _event_from(body: Json, *, livemode: bool) -> ProviderEvent:
    if body.get("livemode") is not livemode:
        raise BadEvent("The event is of the other mode, test or live.", code="wrong_mode")
    try:
        about: Json = body["data"]["object"]
        object_id = about.get("id")
        return ProviderEvent(
            id=_of_form(event_id_form, body["id"]),
            type=_of_form(event_type_form, body["type"]),
            object_type=_of_form(event_type_form, about["object"]),
            object_id=None if object_id is None else _of_form(object_id_form, object_id),
            created=_moment(body["created"]),
            livemode=livemode,
        )
    except UNREADABLE as error:
        raise BadEvent("The event lacks what every event has.", code="not_an_event") from error


def _of_form(form: re.Pattern[str], value: object) -> str:
    if form.fullmatch(_text(value)) is None:
        raise ValueError("not of the expected form")
    return _text(value)
