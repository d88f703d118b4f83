"""The clinic's signature under a prescription: put there while it is signed, proven ever after.

Two hashes, two meanings. `statement_hash` is of the text that was shown, and what the page sends
back; `document_hash` is of the document around it (`documents`), which is what the key signs.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from shop.accounts.models import Licence
from shop.catalog.models import Variant
from shop.core import events
from shop.core.db import db
from shop.core.errors import NotFound, Unavailable
from shop.core.events import Break, Kind
from shop.core.signatures import holds, ring
from shop.prescriptions import documents, signing_keys
from shop.prescriptions.models import Prescription, Screening, Signature

BATCH = 200


def put_under(
    prescription: Prescription, screening: Screening, *, licences: Mapping[str, Licence]
) -> Signature:
    """Sign a prescription that was just saved, with its states, by the key of its moment.

    Raises NoSigningKey.
    """
    key = signing_keys.current(prescription.signed_at)
    document = documents.compose(prescription, checks=screening.checks, key=key, licences=licences)
    signature = Signature(
        id=uuid.uuid4(),
        prescription_id=prescription.id,
        key_id=key.id,
        key_from=key.valid_from,
        key_until=key.valid_until,
        document_hash=hashlib.sha256(document).digest(),
        signature=ring.sign(document, public_key=bytes(key.public_key)),
    )
    signature.document = document.decode()
    db.session.add(signature)
    db.session.flush()  # while the claim stands
    return signature


def of(prescription: Prescription) -> Signature:
    """The signature under a prescription. Raises NotFound where it is older than signatures."""
    query = sa.select(Signature).where(Signature.prescription_id == prescription.id)
    found = db.session.scalars(query.options(joinedload(Signature.key))).one_or_none()
    if found is None:
        raise NotFound("This prescription was signed before the clinic had signing keys.")
    return found


def verify() -> Iterator[Break]:
    """Every key is the one that was recorded; every signature holds, over a document that says what
    the rows say; none is gone. Changes nothing.
    """
    for key in signing_keys.all_keys():
        if _told(key.id, Kind.SIGNING_KEY_RECORDED, "public_key") != bytes(key.public_key).hex():
            yield Break(key.id, 1, "the signing key is not the one that was recorded")
    with db.session.execute(_signed()) as rows:
        for signature, screening in rows:
            if why := _broken(signature, screening):
                yield Break(signature.prescription_id, 1, why)
    yield from _gone()


def _signed() -> sa.Select[Signature, Screening]:
    """Every signature, with the rows it is compared with; the screening may be None."""
    return (
        sa.select(Signature, Screening)
        .join(Prescription, Prescription.id == Signature.prescription_id)
        .outerjoin(Screening, Screening.request_id == Prescription.request_id)
        .options(
            joinedload(Signature.key),
            joinedload(Signature.prescription).options(
                joinedload(Prescription.request),
                joinedload(Prescription.variant).joinedload(Variant.product),
                selectinload(Prescription.states),
            ),
        )
        .order_by(Signature.prescription_id)
        .execution_options(yield_per=BATCH)
    )


def _broken(signature: Signature, screening: Screening | None) -> str | None:
    try:
        text = str(signature.document)
    except Unavailable:
        return "the signed document cannot be opened"
    document, key = text.encode(), signature.key
    hashed = hashlib.sha256(document).digest()
    if hashed != bytes(signature.document_hash):
        return "the signed document was altered"
    if not holds(bytes(signature.signature), document, public_key=bytes(key.public_key)):
        return "the signature does not hold"
    told = _told(signature.prescription_id, Kind.PRESCRIPTION_SIGNED, "document")
    if told != hashed.hex():
        return "the document is not the one that was signed"
    if not key.signs(signature.signed_at):
        return "the key was not valid when it signed"
    try:
        checks = None if screening is None else screening.checks
        rows = documents.kept(signature.prescription, checks=checks, key=key)
    except Unavailable:
        return "what the document is compared with cannot be opened"
    said = json.loads(text)
    otherwise = sorted(name for name, value in rows.items() if said.get(name) != value)
    return (
        f"the document says otherwise than the rows: {', '.join(otherwise)}" if otherwise else None
    )


def _told(subject_id: uuid.UUID, kind: Kind, fact: str) -> object:
    """A fact of the event that says so; its chain is walked elsewhere."""
    found = (event.facts.get(fact) for event in events.of(subject_id) if event.kind == kind)
    return next(found, None)


def _gone() -> Iterator[Break]:
    """Prescriptions whose event names a document and that have no signature."""
    signed = sa.exists().where(Signature.prescription_id == events.Event.subject_id)
    query = sa.select(events.Event.subject_id).where(
        events.Event.kind == Kind.PRESCRIPTION_SIGNED,
        events.Event.facts.has_key("document"),
        ~signed,
    )
    for prescription_id in db.session.scalars(query.order_by(events.Event.subject_id)):
        yield Break(prescription_id, 1, "the signature is gone")
