"""What is signed: the statement as shown, in a document that a stranger can prove."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from flask import Flask

from shop.accounts.models import Person
from shop.charts.models import Access
from shop.core import events
from shop.core.canonical import canonical
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import Unavailable
from shop.core.signatures import ring
from shop.prescriptions import reviewing, signatures, signing, signing_keys, verifying
from shop.prescriptions.errors import NoSigningKey
from shop.prescriptions.models import ApprovalRequest, Prescription, Screening, Signature
from shop.prescriptions.screening import rules
from shop.prescriptions.states import RequestStatus
from tests import keys
from tests.accounts.test_api import Browser, somebody
from tests.builders import a_cream
from tests.people import a_fresh_sign_in, alice, bob, dr_chen, mona
from tests.prescriptions.builders import a_claimed_request, a_prescription, the_terms
from tests.prescriptions.test_api import fresh, the_signature
from tests.prescriptions.test_checking import REASON, a_formula, claimed, tretinoin


@pytest.fixture(autouse=True)
def _app(app: Flask) -> None:
    """Every test here speaks with the database."""


def document_of(prescription: Prescription) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(signatures.of(prescription).document)
    return found


def signed(request: ApprovalRequest, by: Person, **terms: Any) -> Prescription:
    proof = a_fresh_sign_in(by)
    made = signing.sign(request, the_terms(**terms), by=by, proof=proof, at=now())
    db.session.commit()
    return made


def count(table: type[Any]) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def test_what_was_shown_stands_in_what_is_signed_byte_for_byte() -> None:
    chen = dr_chen()
    request = a_claimed_request(alice(), by=chen)
    shown = signing.prepare(request, the_terms(), by=chen, at=now()).statement

    made = signed(request, chen)

    document = document_of(made)
    assert document["statement"] == shown.text
    assert document["statement_sha256"] == shown.hash.hex() == bytes(made.statement_hash).hex()


def test_the_document_is_canonical_and_says_all_that_the_signature_rests_on() -> None:
    chen, client = dr_chen(), alice()
    request = claimed(client, a_formula(tretinoin()), chen, pregnancy="trying")
    rule = "SC-RETINOID-PREGNANCY"

    made = signed(request, chen, overrides={rule: REASON}, interval_days=20)

    kept = signatures.of(made)
    document = json.loads(kept.document)
    assert canonical(document).decode() == kept.document
    assert hashlib.sha256(kept.document.encode()).digest() == bytes(kept.document_hash)
    assert document["prescription"] == made.number
    assert document["request"]["number"] == request.number
    assert document["request"]["answers_sha256"] == bytes(request.answers_hash or b"").hex()
    assert document["client"] == {"id": str(client.id), "state": "CA"}
    assert document["described"]["client"] == {"name": "Alice Moreno", "birth_date": "1990-05-04"}
    assert document["sku"] == request.variant.sku
    assert document["described"]["product"]["name"] == request.variant.product.name
    (active, *_rest) = document["described"]["product"]["content"]
    assert (active["inci"], active["active"]) == ("TRETINOIN", True)
    terms = ("quantity_per_fill", "fills", "days_supply", "interval_days")
    assert [document[name] for name in terms] == [1, 3, 30, 20]
    assert document["directions"] == "A pea-sized amount at night."
    assert document["indication"] == "Acne vulgaris"
    assert document["examination"]["mode"] == "asynchronous"
    assert document["prescriber"] == {"id": str(chen.id), "name": chen.name, "npi": chen.npi}
    (covered,) = made.states
    assert document["states"] == [
        {
            "state": "CA",
            "licence": {
                "id": str(covered.licence_id),
                "number": covered.licence_number,
                "valid_from": covered.licence_from.isoformat(),
                "valid_until": covered.licence_until.isoformat(),
            },
            "examination": {
                "id": str(made.examination_id),
                "rule": "EX-CA",
                "rule_version": 1,
            },
            "supervisor": None,
        }
    ]
    assert document["examination"]["examiner"] == chen.name
    assert document["described"]["licences"] == {"CA": "MD"}
    assert document["sign_in"]["event"] == str(made.fresh_id)
    assert document["sign_in"]["factors"] == ["password"]
    assert document["signed_at"] == made.signed_at.isoformat()
    assert document["key"]["id"] == str(keys.KEY_ID)
    checks = document["screening"]
    assert checks["rules"] == rules.CURRENT
    assert {"rule": "SC-ALLERGY", "version": 1} in checks["asked"]
    hit = next(one for one in checks["hits"] if one["rule"] == rule)
    assert (hit["version"], hit["severity"], hit["reason"]) == (1, "soft_stop", REASON)
    assert all(one["reason"] is None for one in checks["hits"] if one["rule"] != rule)


def test_the_key_signed_the_document_and_the_event_names_it() -> None:
    made = a_prescription(alice())
    kept = signatures.of(made)
    public = Ed25519PublicKey.from_public_bytes(keys.PUBLIC)

    public.verify(bytes(kept.signature), kept.document.encode())

    with pytest.raises(InvalidSignature):
        public.verify(bytes(kept.signature), kept.document.encode() + b" ")
    (told,) = (event for event in events.of(made.id) if event.kind == "prescription_signed")
    assert told.facts["document"] == bytes(kept.document_hash).hex()
    assert told.facts["key"] == str(keys.KEY_ID)
    assert list(verifying.verify()) == []


def test_the_document_is_ciphertext_in_its_row() -> None:
    kept = signatures.of(a_prescription(alice(name="Alice Canary")))
    row = db.session.get_one(Screening, db.session.scalars(sa.select(Screening.id)).one())
    assert b"Canary" not in bytes(kept.document_sealed)
    assert b"SC-" not in bytes(row.checks_sealed)


def test_other_words_for_a_product_change_nothing_that_was_signed() -> None:
    cream, client = a_cream(), alice()
    a_prescription(client, cream)
    cream.product.name, client.name = "Another name", "Alice Ito"
    db.session.commit()

    assert list(verifying.verify()) == []


def _no_private_half(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring, "keys", {})


def _retired(monkeypatch: pytest.MonkeyPatch) -> None:
    signing_keys.retire(keys.KEY_ID, at=now())


WITHOUT = {"its private half is not here": _no_private_half, "it was retired": _retired}


@pytest.mark.parametrize("why", WITHOUT)
def test_without_a_key_nothing_is_signed(why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chen = dr_chen()
    request = a_claimed_request(alice(), by=chen)
    proof = a_fresh_sign_in(chen)
    db.session.commit()
    WITHOUT[why](monkeypatch)
    db.session.commit()

    with pytest.raises(NoSigningKey) as refused:
        signing.sign(request, the_terms(), by=chen, proof=proof, at=now())
    db.session.rollback()

    assert isinstance(refused.value, Unavailable)
    assert (count(Prescription), count(Signature), count(Screening)) == (0, 0, 0)
    assert db.session.get_one(ApprovalRequest, request.id).status is RequestStatus.IN_REVIEW


def test_the_physician_is_told_that_there_is_no_key(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    chen = somebody(dr_chen)
    number = a_claimed_request(alice(), by=chen).number
    db.session.commit()
    browser = fresh(Browser(app, chen))
    _no_private_half(monkeypatch)

    answer = browser.post(f"/approval-requests/{number}/signature", the_signature())

    assert (answer.status_code, answer.json["code"]) == (503, "no_signing_key")
    assert count(Prescription) == 0


def test_a_stranger_proves_it_with_what_the_api_gives(app: Flask) -> None:
    client, chen = somebody(alice), somebody(dr_chen)
    made = a_prescription(client, by=chen)
    number = made.number
    db.session.commit()

    listed = Browser(app).get("/signing-keys").json["items"]
    for reader in (client, chen):
        given = Browser(app, reader).get(f"/prescriptions/{number}/signature").json
        key = next(one for one in listed if one["id"] == given["key"]["id"])
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key["public_key"]))
        public.verify(base64.b64decode(given["signature"]), given["document"].encode())
        document = json.loads(given["document"])
        assert document["prescription"] == given["prescription"] == number
        assert hashlib.sha256(given["document"].encode()).hexdigest() == given["document_hash"]
        shown = hashlib.sha256(document["statement"].encode()).hexdigest()
        assert shown == given["statement_hash"]
        assert key["valid_from"] <= given["signed_at"] < key["valid_until"]

    opened = db.session.scalars(sa.select(Access.record)).all()
    assert opened == [f"prescription {number}"]  # by the physician, not by the client herself


def test_anothers_signature_is_nowhere(app: Flask) -> None:
    number = a_prescription(somebody(alice)).number
    db.session.commit()
    for reader in (somebody(bob), somebody(dr_chen)):
        assert Browser(app, reader).get(f"/prescriptions/{number}/signature").status_code == 404
    manager = Browser(app, somebody(mona))
    assert manager.get(f"/prescriptions/{number}/signature").status_code == 403
    assert count(Access) == 0


def test_a_refusal_keeps_what_was_checked_too() -> None:
    chen = dr_chen()
    request = claimed(alice(), a_formula(tretinoin()), chen, pregnancy="trying")

    reviewing.refuse(
        request,
        reason=reviewing.RefusalReason.CONTRAINDICATED,
        message="Not now.",
        by=chen,
        at=now(),
    )
    db.session.commit()

    (kept,) = db.session.scalars(sa.select(Screening))
    assert kept.request_id == request.id
    hit = next(one for one in kept.checks["hits"] if one["rule"] == "SC-RETINOID-PREGNANCY")
    assert (hit["severity"], hit["reason"]) == ("soft_stop", None)
