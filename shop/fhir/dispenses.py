"""MedicationDispense (R4, medicationdispense.html): one fill of a prescription."""

from __future__ import annotations

from datetime import datetime

from shop.fhir.elements import (
    Element,
    Place,
    days,
    identifier,
    meta,
    moment,
    packs,
    reference,
    said,
)
from shop.fhir.medication_requests import SHIP_TO_STATE
from shop.fhir.medications import medication
from shop.fhir.statuses import DISPENSE
from shop.prescriptions.models import Fill


def dispense(fill: Fill, *, updated: datetime, place: Place) -> Element:
    """So many packs under a prescription; handed over when the parcel left."""
    prescription = fill.prescription
    return said(
        {
            "resourceType": "MedicationDispense",
            "id": str(fill.id),
            "meta": meta(updated),
            "extension": [{"url": place.extension(SHIP_TO_STATE), "valueCode": fill.state}],
            "identifier": [
                identifier(place.numbers("fill"), f"{prescription.number}/{fill.number}")
            ],
            "status": DISPENSE[fill.status],
            "medicationCodeableConcept": medication(prescription.variant, place),
            "subject": reference("Patient", fill.client_id, prescription.client.name),
            "authorizingPrescription": [reference("MedicationRequest", fill.prescription_id)],
            "quantity": packs(fill.quantity, prescription.variant.name),
            "daysSupply": days(prescription.days_supply),
            "whenHandedOver": moment(fill.dispensed_at),
            "dosageInstruction": [{"text": prescription.directions}],
        }
    )
