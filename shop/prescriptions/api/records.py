"""Signatures, the keys that prove them, and what became of rules over HTTP."""

from __future__ import annotations

from typing import Any

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.prescriptions import overriding, queries, signatures, signing_keys
from shop.prescriptions.api.blueprint import bp, opened
from shop.prescriptions.schemas import records as schemas


@bp.get("/signing-keys")
@allow()
@bp.response(200, schemas.SigningKeysOut)
def list_signing_keys() -> dict[str, Any]:
    """Every key that the clinic ever signed with, for whoever wants to prove a signature."""
    return {"items": [schemas.listed_key(key) for key in signing_keys.all_keys()]}


@bp.get("/prescriptions/<number>/signature")
@allow(Role.CLIENT, Role.PHYSICIAN)
@bp.response(200, schemas.SignatureOut)
def show_signature(number: str) -> dict[str, Any]:
    """What was signed, byte for byte, with its signature. Opening it is written down."""
    prescription = queries.prescription_for(actor(), number)
    signature = signatures.of(prescription)
    opened(prescription.client, f"prescription {prescription.number}")
    return schemas.whole_signature(signature)


@bp.get("/reports/overrides")
@allow(Role.PHYSICIAN, Role.MANAGER)
@bp.arguments(schemas.OverridesQuery, location="query")
@bp.response(200, schemas.OverridesOut)
def report_overrides(asked: dict[str, Any]) -> overriding.Report:
    """How often each rule of screening fired, and was overridden. Counts only, of nobody."""
    return overriding.overrides(*schemas.span(asked, at=now()))
