"""Put a prescription on paper: a record of it, or, once it was taken away, the thing itself."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from shop.accounts.models import Licence as Held
from shop.accounts.models import Person
from shop.catalog.models import Product
from shop.core.clock import day_in
from shop.core.db import db
from shop.prescriptions import issuing
from shop.prescriptions.models import DocumentKind, Prescription
from shop.prescriptions.paper import written
from shop.prescriptions.paper.clinic import Clinic
from shop.prescriptions.paper.written import Licence, Written


def document(
    prescription: Prescription,
    *,
    clinic: Clinic,
    address: str,
    zone: str,
    by: Person,
    at: datetime,
) -> bytes:
    """The PDF of a (locked) prescription, written down as issued.

    `address` is the client's, "" where none is held; `zone` is the clinic's time zone.
    """
    facts = paper_of(prescription, clinic=clinic, address=address, zone=zone)
    kind = (
        DocumentKind.WRITTEN_PRESCRIPTION
        if prescription.taken_away
        else DocumentKind.PRESCRIPTION_RECORD
    )
    return issuing.issue(kind, prescription.id, facts, written.draw, by=by, on=day_in(zone, at))


def paper_of(prescription: Prescription, *, clinic: Clinic, address: str, zone: str) -> Written:
    """What is printed, from what was signed."""
    taken = prescription.taken_away
    product = prescription.variant.product
    return Written(
        clinic=clinic,
        number=prescription.number,
        patient=prescription.client.name,
        birth_date=prescription.client.birth_date,
        patient_address=address,
        prescriber=prescription.prescriber_name,
        npi=prescription.prescriber_npi,
        licences=_licences(prescription),
        drug=product.name,
        strength=strength(product),
        form=form(product),
        pack=prescription.variant.name,
        quantity=prescription.quantity_per_fill,
        fills=taken.fills if taken else prescription.fills_allowed,
        days_supply=prescription.days_supply,
        interval_days=prescription.interval_days,
        directions=prescription.directions or "",
        indication=prescription.indication or "",
        issued_on=day_in(zone, prescription.signed_at),
        last_day=(prescription.valid_until - timedelta(microseconds=1)).date(),
        signed_at=prescription.signed_at,
        statement_hash=bytes(prescription.statement_hash).hex(),
        taken_on=day_in(zone, taken.taken_at) if taken else None,
    )


def strength(product: Product) -> str:
    """As filed; of several actives each with its own."""
    actives = [line for line in product.ingredients if line.active and line.strength_text]
    each = "; ".join(f"{line.name.title()} {line.strength_text}" for line in actives)
    return product.strength_text or each


def form(product: Product) -> str:
    """ "Cream, topical"."""
    told = ", ".join(filter(None, [product.dosage_form, product.route])).lower()
    return told[:1].upper() + told[1:]


def _licences(prescription: Prescription) -> tuple[Licence, ...]:
    """Of the day of signing, by state."""
    ids = [covered.licence_id for covered in prescription.states]
    query = sa.select(Held.id, Held.kind).where(Held.id.in_(ids))
    kinds = {row.id: row.kind for row in db.session.execute(query)}
    return tuple(
        Licence(covered.state, kinds[covered.licence_id], covered.licence_number)
        for covered in prescription.states
    )
