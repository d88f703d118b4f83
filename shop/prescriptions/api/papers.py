"""Paper over HTTP: the document of a prescription, leaflets, and that one was read."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import NotFound
from shop.orders import queries as orders
from shop.prescriptions import acknowledging, queries, taking_away, writing
from shop.prescriptions.api.blueprint import bp, committed_prescription, opened
from shop.prescriptions.paper import leaflet_sheet, leaflets
from shop.prescriptions.paper.clinic import Clinic
from shop.prescriptions.paper.leaflets import Leaflet
from shop.prescriptions.schemas import PrescriptionOut
from shop.prescriptions.schemas.papers import AcknowledgementOut, LeafletOut, told
from shop.web.api import committed
from shop.web.pdf import PDF, only_asked, pdf

HOLDERS = (Role.CLIENT, Role.PHYSICIAN)


@bp.get("/prescriptions/<number>/document")
@allow(*HOLDERS)
@bp.response(200, content_type=PDF)
def show_document(number: str) -> Response:
    """A prescription as a PDF: a record of it or, once it was taken away, the thing itself.

    Who opens it is written down first. The first print is the original, later ones say COPY.
    """
    client = queries.prescription_for(actor(), number).client
    opened(client, f"prescription {number}, on paper")
    if only_asked():
        return pdf(b"", f"{number}.pdf")
    config = current_app.config["SHOP"]
    made = writing.document(
        queries.prescription_for(actor(), number, lock=True),
        clinic=Clinic.of(config),
        address=orders.address_of(client),
        zone=config.clinic_time_zone,
        by=actor(),
        at=now(),
    )
    db.session.commit()
    return pdf(made, f"{number}.pdf")


@bp.post("/prescriptions/<number>/written")
@allow(Role.CLIENT)
@bp.response(201, PrescriptionOut)
def take_away(number: str) -> Response:
    """Take the written prescription to another pharmacy: the fills that are left go with it."""
    prescription = queries.prescription_for(actor(), number, lock=True)
    taking_away.take_away(prescription, by=actor(), at=now())
    return committed_prescription(prescription, 201)


@bp.get("/leaflets/<version>")
@allow()
@bp.response(200, LeafletOut)
def show_leaflet(version: str) -> dict[str, Any]:
    """What a client reads before her first fill, with her free choice of pharmacy."""
    return told(shipped(version), leaflets.choice())


@bp.get("/leaflets/<version>/document")
@allow()
@bp.response(200, content_type=PDF)
def print_leaflet(version: str) -> Response:
    """The same as a PDF."""
    clinic = Clinic.of(current_app.config["SHOP"])
    made = leaflet_sheet.draw(shipped(version), leaflets.choice(), clinic)
    return pdf(made, f"{version}.pdf")


@bp.post("/me/leaflets/<version>/acknowledgement")
@allow(Role.CLIENT)
@bp.response(201, AcknowledgementOut)
def acknowledge(version: str) -> Response:
    """She has read this leaflet, of all that was prescribed to her, and the choice of pharmacy."""
    at = now()
    products = acknowledging.acknowledge_all(actor(), version, by=actor(), at=at)
    shown = {
        "leaflet": version,
        "pharmacy_choice": leaflets.CHOICE,
        "products": products,
        "at": at,
    }
    return committed(AcknowledgementOut, shown, 201)


def shipped(version: str) -> Leaflet:
    """A leaflet that was shipped, of today or before. Raises NotFound."""
    try:
        return leaflets.leaflet(version)
    except KeyError:
        raise NotFound("There is no such leaflet.") from None
