"""Stripe's objects as Stripe shows them. Pure: ids and moments come in as arguments.

Members that the sandbox has no use for are there and empty, because Stripe sends them too.
"""

from __future__ import annotations

from typing import Any

from shop.payments.sandbox.cards import Card, Decline

Body = dict[str, Any]

LIVEMODE = False


def customer(id: str, *, created: int, given: Body) -> Body:
    return {
        "id": id,
        "object": "customer",
        "address": given.get("address"),
        "balance": 0,
        "created": created,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": given.get("description"),
        "discount": None,
        "email": given.get("email"),
        "invoice_prefix": id[-8:].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": LIVEMODE,
        "metadata": given.get("metadata", {}),
        "name": given.get("name"),
        "next_invoice_sequence": 1,
        "phone": given.get("phone"),
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


def checkout_session(
    id: str, *, created: int, amount: int, currency: str, expires_at: int, url: str, given: Body
) -> Body:
    return {
        **_empty_session(),
        "id": id,
        "object": "checkout.session",
        "allowed_payment_method_types": given.get("allowed_payment_method_types"),
        "amount_subtotal": amount,
        "amount_total": amount,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "cancel_url": given.get("cancel_url"),
        "client_reference_id": given.get("client_reference_id"),
        "created": created,
        "currency": currency,
        "customer": given.get("customer"),
        "customer_creation": "if_required",
        "customer_email": given.get("customer_email"),
        "expires_at": expires_at,
        "livemode": LIVEMODE,
        "locale": given.get("locale"),
        "metadata": given.get("metadata", {}),
        "mode": "payment",
        "payment_method_collection": "if_required",
        "payment_status": "unpaid",
        "status": "open",
        "submit_type": given.get("submit_type"),
        "success_url": given.get("success_url"),
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": url,
    }


def _empty_session() -> Body:
    return {
        "adaptive_pricing": {"enabled": False},
        "after_expiration": None,
        "allow_promotion_codes": None,
        "billing_address_collection": None,
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer_account": None,
        "customer_details": None,
        "discounts": [],
        "integration_identifier": None,
        "invoice": None,
        "invoice_creation": {
            "enabled": False,
            "invoice_data": {
                "account_tax_ids": None,
                "custom_fields": None,
                "description": None,
                "footer": None,
                "issuer": None,
                "metadata": {},
                "rendering_options": None,
            },
        },
        "managed_payments": {"enabled": False},
        "origin_context": None,
        "payment_intent": None,
        "payment_link": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "subscription": None,
        "wallet_options": None,
    }


def buyer(name: str | None, email: str | None) -> Body:
    """What a completed session tells of who paid."""
    return {
        "address": None,
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": name,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }


def setup_session(
    id: str, *, created: int, expires_at: int, url: str, setup_intent: str, given: Body
) -> Body:
    """A session that keeps a card and takes no money: it has no amounts."""
    paying = checkout_session(
        id, created=created, amount=0, currency="usd", expires_at=expires_at, url=url, given=given
    )
    return {
        **paying,
        "amount_subtotal": None,
        "amount_total": None,
        "customer_creation": None,
        "mode": "setup",
        "payment_method_collection": "always",
        "payment_status": "no_payment_required",
        "setup_intent": setup_intent,
        "total_details": None,
    }


def setup_intent(id: str, *, created: int, secret: str, customer: str, given: Body) -> Body:
    return {
        "id": id,
        "object": "setup_intent",
        "allowed_payment_method_types": ["card"],
        "application": None,
        "automatic_payment_methods": None,
        "cancellation_reason": None,
        "client_secret": f"{id}_secret_{secret}",
        "created": created,
        "customer": customer,
        "customer_account": None,
        "description": given.get("description"),
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": LIVEMODE,
        "managed_payments": {"enabled": False},
        "mandate": None,
        "metadata": given.get("metadata", {}),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": "off_session",
    }


def payment_method(id: str, *, created: int, customer: str, card: Body) -> Body:
    """A card that is kept; `card` is what `payment_method_card` kept of it."""
    details = _card_details(card)
    return {
        "id": id,
        "object": "payment_method",
        "allow_redisplay": "limited",
        "billing_details": {**_empty_billing(), "name": card["name"]},
        "card": {
            "brand": details["brand"],
            "checks": details["checks"],
            "country": details["country"],
            "display_brand": details["brand"],
            "exp_month": card["exp_month"],
            "exp_year": card["exp_year"],
            "fingerprint": None,
            "funding": details["funding"],
            "generated_from": None,
            "last4": card["last4"],
            "networks": {"available": [details["network"]], "preferred": None},
            "regulated_status": details["regulated_status"],
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "created": created,
        "customer": customer,
        "customer_account": None,
        "livemode": LIVEMODE,
        "metadata": {},
        "type": "card",
    }


def payment_intent(
    id: str,
    *,
    created: int,
    secret: str,
    amount: int,
    currency: str,
    customer: str | None,
    types: list[str] | None,
    metadata: dict[str, str],
    setup_future_usage: str | None = None,
) -> Body:
    return {
        "id": id,
        "object": "payment_intent",
        "allowed_payment_method_types": types,
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "client_secret": f"{id}_secret_{secret}",
        "confirmation_method": "automatic",
        "created": created,
        "currency": currency,
        "customer": customer,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": LIVEMODE,
        "managed_payments": {"enabled": False},
        "metadata": metadata,
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": setup_future_usage,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }


def authentication(url: str, return_url: str) -> Body:
    """What an intent asks for when the issuer wants to see its client."""
    return {
        "type": "redirect_to_url",
        "redirect_to_url": {"return_url": return_url, "url": url},
    }


def payment_error(decline: Decline, *, charge: str | None) -> Body:
    """`last_payment_error`: why the last try came to nothing."""
    told = {
        "type": "card_error",
        "code": decline.code,
        "decline_code": decline.decline_code,
        "doc_url": f"https://stripe.com/docs/error-codes/{decline.code.replace('_', '-')}",
        "message": decline.message,
        "charge": charge,
    }
    return {name: value for name, value in told.items() if value is not None}


def charge(
    id: str,
    *,
    created: int,
    intent: Body,
    payment_method: str,
    card: Body,
    decline: Decline | None,
) -> Body:
    """One try to take the money; `card` is what `payment_method_card` kept of the card."""
    paid = decline is None
    return {
        **_empty_charge(),
        "id": id,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if paid else 0,
        "billing_details": {**_empty_billing(), "name": card["name"]},
        "captured": paid,
        "created": created,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "failure_code": None if decline is None else decline.code,
        "failure_message": None if decline is None else decline.message,
        "livemode": LIVEMODE,
        "metadata": intent["metadata"],
        "outcome": _outcome(decline),
        "paid": paid,
        "payment_intent": intent["id"],
        "payment_method": payment_method,
        "payment_method_details": {"type": "card", "card": _card_details(card)},
        "status": "succeeded" if paid else "failed",
    }


def _empty_charge() -> Body:
    return {
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "calculated_statement_descriptor": "SANDBOX",
        "description": None,
        "disputed": False,
        "failure_balance_transaction": None,
        "fraud_details": {},
        "on_behalf_of": None,
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "transfer_data": None,
        "transfer_group": None,
    }


def _empty_billing() -> Body:
    return {"address": _no_address(), "email": None, "name": None, "phone": None, "tax_id": None}


def _no_address() -> Body:
    return dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))


def _outcome(decline: Decline | None) -> Body:
    if decline is None:
        return {
            "advice_code": None,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "approved_by_network",
            "reason": None,
            "seller_message": "Payment complete.",
            "type": "authorized",
        }
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": "05",
        "network_status": "declined_by_network",
        "reason": decline.decline_code,
        "seller_message": "The bank did not return any further details with this decline.",
        "type": "issuer_declined",
    }


def payment_method_card(card: Card) -> Body:
    """All that is remembered of a card. The number itself is not."""
    return {
        "last4": card.last4,
        "exp_month": card.exp_month,
        "exp_year": card.exp_year,
        "name": card.name,
        "refund_status": card.refund_status,
        "aftermath": card.aftermath,
        "charged_later": card.charged_later.value,
    }


def _card_details(card: Body) -> Body:
    return {
        "amount_authorized": None,
        "authorization_code": None,
        "brand": "visa",
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "pass",
        },
        "country": "US",
        "exp_month": card["exp_month"],
        "exp_year": card["exp_year"],
        "fingerprint": None,
        "funding": "credit",
        "installments": None,
        "last4": card["last4"],
        "mandate": None,
        "network": "visa",
        "network_token": {"used": False},
        "network_transaction_id": None,
        "regulated_status": "unregulated",
        "three_d_secure": None,
        "transaction_link_id": None,
        "wallet": None,
    }


def refund(id: str, *, created: int, charge: Body, amount: int, status: str, given: Body) -> Body:
    return {
        "id": id,
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": created,
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": {
            "type": "card",
            "card": {"type": "refund", "reference_status": "pending"},
        },
        "metadata": given.get("metadata", {}),
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": given.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": status,
        "transfer_reversal": None,
        **({"pending_reason": "processing"} if status == "pending" else {}),
    }


def dispute(
    id: str,
    *,
    created: int,
    charge: Body,
    amount: int,
    reason: str,
    status: str,
    due_by: int,
    moved: list[Body],
) -> Body:
    return {
        "id": id,
        "object": "dispute",
        "amount": amount,
        "balance_transactions": moved,
        "charge": charge["id"],
        "created": created,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": _empty_evidence(),
        "evidence_details": {
            "due_by": due_by,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "intended_submission_method": "manual",
        "is_charge_refundable": status.startswith("warning_"),
        "livemode": LIVEMODE,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": "visa",
                "case_type": "chargeback",
                "network": "visa",
                "network_reason_code": "10.4",
            },
            "type": "card",
        },
        "reason": reason,
        "status": status,
    }


def _empty_evidence() -> Body:
    names = (
        "access_activity_log",
        "billing_address",
        "cancellation_policy",
        "cancellation_policy_disclosure",
        "cancellation_rebuttal",
        "customer_communication",
        "customer_email_address",
        "customer_name",
        "customer_purchase_ip",
        "customer_signature",
        "duplicate_charge_documentation",
        "duplicate_charge_explanation",
        "duplicate_charge_id",
        "product_description",
        "receipt",
        "refund_policy",
        "refund_policy_disclosure",
        "refund_refusal_explanation",
        "service_date",
        "service_documentation",
        "shipping_address",
        "shipping_carrier",
        "shipping_date",
        "shipping_documentation",
        "shipping_tracking_number",
        "uncategorized_file",
        "uncategorized_text",
    )
    return {**dict.fromkeys(names), "enhanced_evidence": {}}


def fraud_warning(id: str, *, created: int, charge: Body) -> Body:
    return {
        "id": id,
        "object": "radar.early_fraud_warning",
        "actionable": True,
        "charge": charge["id"],
        "created": created,
        "fraud_type": "made_with_stolen_card",
        "livemode": LIVEMODE,
        "payment_intent": charge["payment_intent"],
    }


def event(
    id: str,
    *,
    type: str,
    created: int,
    about: Body,
    api_version: str,
    request: Body,
) -> Body:
    return {
        "id": id,
        "object": "event",
        "api_version": api_version,
        "created": created,
        "data": {"object": about},
        "livemode": LIVEMODE,
        "pending_webhooks": 0,
        "request": request,
        "type": type,
    }


def balance_transaction(
    id: str,
    *,
    created: int,
    type: str,
    category: str,
    amount: int,
    fee: int,
    source: str | None,
    available_on: int,
    description: str | None,
) -> Body:
    """A movement of the account's money. `status` is told when it is shown."""
    fees = {
        "amount": fee,
        "application": None,
        "currency": "usd",
        "description": "Stripe processing fees",
        "type": "stripe_fee",
    }
    return {
        "id": id,
        "object": "balance_transaction",
        "amount": amount,
        "available_on": available_on,
        "balance_type": "payments",
        "created": created,
        "currency": "usd",
        "description": description,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [fees] if fee else [],
        "net": amount - fee,
        "reporting_category": category,
        "source": source,
        "status": "pending",
        "type": type,
    }


def payout(id: str, *, created: int, amount: int, arrival_date: int, automatic: bool) -> Body:
    return {
        "id": id,
        "object": "payout",
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": arrival_date,
        "automatic": automatic,
        "balance_transaction": None,
        "created": created,
        "currency": "usd",
        "description": "STRIPE PAYOUT",
        "destination": "ba_sandbox",
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": LIVEMODE,
        "metadata": {},
        "method": "standard",
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "completed" if automatic else "not_applicable",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": None,
        "status": "in_transit",
        "trace_id": {"status": "pending", "value": None},
        "type": "bank_account",
    }


def balance(*, available: int, pending: int) -> Body:
    """The account's money; below zero it owes."""
    return {
        "object": "balance",
        "available": [_cents(available)],
        "connect_reserved": [{"amount": 0, "currency": "usd"}],
        "livemode": LIVEMODE,
        "pending": [_cents(pending)],
    }


def _cents(amount: int) -> Body:
    return {"amount": amount, "currency": "usd", "source_types": {"card": amount}}
