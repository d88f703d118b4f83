"""The signed document: everything a prescription rests on, as one canonical JSON text.

The statement that was shown stands in it byte for byte (`statement`, with its own SHA-256); around
it stand, as data, what the rows say (`kept`) and what they meant on that day (`described`: names,
content, kinds of licences), which may be said otherwise later. It is made at the moment of signing,
so it also names that moment, the fresh sign-in and the key.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from shop.accounts.models import Licence
from shop.catalog.models import ProductIngredient
from shop.core.canonical import JSON, canonical
from shop.prescriptions.models import Prescription, PrescriptionState, SigningKey

TYPE = "aftercare.prescription.1"


def compose(
    one: Prescription,
    *,
    checks: JSON,
    key: SigningKey,
    licences: Mapping[str, Licence],
) -> bytes:
    """The bytes to sign. `one` is saved, with its states; `licences` are those that carry it."""
    return canonical({**kept(one, checks=checks, key=key), "described": described(one, licences)})


def kept(one: Prescription, *, checks: JSON, key: SigningKey) -> dict[str, JSON]:
    """What the rows say of a prescription: the same on the day of signing and ever after."""
    request = one.request
    return {
        "type": TYPE,
        "prescription": one.number,
        "statement": one.statement,
        "statement_sha256": bytes(one.statement_hash).hex(),
        "request": {
            "number": request.number,
            "submitted_at": _moment(request.submitted_at),
            "questionnaire": request.questionnaire_version,
            "answers_sha256": bytes(request.answers_hash or b"").hex(),
            "ship_to_state": request.ship_to_state,
        },
        "client": {"id": str(one.client_id), "state": one.client_state},
        "sku": one.variant.sku,
        "quantity_per_fill": one.quantity_per_fill,
        "fills": one.fills_allowed,
        "days_supply": one.days_supply,
        "interval_days": one.interval_days,
        "directions": one.directions,
        "indication": one.indication,
        "valid_from": _moment(one.valid_from),
        "last_day": (one.valid_until - timedelta(days=1)).date().isoformat(),
        "examination": _examination(one),
        "prescriber": {
            "id": str(one.prescriber_id),
            "name": one.prescriber_name,
            "npi": one.prescriber_npi,
        },
        "states": [_state(covered) for covered in one.states],
        "screening": checks,
        "signed_at": _moment(one.signed_at),
        "sign_in": {
            "event": str(one.fresh_id),
            "at": _moment(one.fresh_at),
            "factors": list(one.factors),
        },
        "key": {
            "id": str(key.id),
            "public_key": base64.b64encode(bytes(key.public_key)).decode(),
            "valid_from": _moment(key.valid_from),
            "valid_until": _moment(key.valid_until),
        },
    }


def described(one: Prescription, licences: Mapping[str, Licence]) -> dict[str, JSON]:
    """Who and what that was, in the words of that day."""
    client, variant, product = one.client, one.variant, one.variant.product
    return {
        "client": {
            "name": client.name,
            "birth_date": client.birth_date.isoformat() if client.birth_date else None,
        },
        "product": {
            "name": product.name,
            "form": product.dosage_form,
            "route": product.route,
            "legal_class": product.legal_class.value,
            "source": f"{product.source} {product.source_key}",
            "content": [
                _content(line)
                for line in sorted(product.ingredients, key=lambda line: line.position)
            ],
        },
        "pack": {"name": variant.name, "ndc": variant.package_ndc, "gtin": variant.gtin},
        "licences": {state: licence.kind for state, licence in licences.items()},
    }


def _content(line: ProductIngredient) -> dict[str, JSON]:
    known = line.ingredient
    return {
        "name": line.name,
        "inci": known.inci_name if known else None,
        "active": line.active,
        "strength": line.strength_text,
    }


def _examination(one: Prescription) -> dict[str, JSON]:
    return {
        "id": str(one.examination_id),
        "mode": one.examination_mode,
        "date": one.examined_on.isoformat(),
        "examiner": one.examiner_name,
        "scope": list(one.examination_scope or ()),
        "valid_until": one.examination_until.isoformat() if one.examination_until else None,
    }


def _state(covered: PrescriptionState) -> dict[str, JSON]:
    return {
        "state": covered.state,
        "licence": {
            "id": str(covered.licence_id),
            "number": covered.licence_number,
            "valid_from": covered.licence_from.isoformat(),
            "valid_until": covered.licence_until.isoformat(),
        },
        "examination": {
            "id": str(covered.examination_id),
            "rule": covered.examination_rule,
            "rule_version": covered.examination_rule_version,
        },
        "supervisor": _supervisor(covered),
    }


def _supervisor(covered: PrescriptionState) -> dict[str, JSON] | None:
    if covered.supervision_id is None:
        return None
    return {
        "id": str(covered.supervisor_id),
        "name": covered.supervisor_name,
        "licence": {
            "id": str(covered.supervisor_licence_id),
            "number": covered.supervisor_licence_number,
        },
    }


def _moment(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat() if at else None
