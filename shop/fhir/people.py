"""Patient and Practitioner (R4): a client, and who treats her."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from shop.accounts.models import Licence, Person, Role
from shop.fhir.elements import (
    NPI,
    Element,
    Place,
    coding,
    concept,
    identifier,
    meta,
    reference,
    said,
)

# HL7 v2 table 0360, degree/licence/certificate; an esthetician's licence has no code there.
DEGREES = {
    "MD": "Doctor of Medicine",
    "DO": "Doctor of Osteopathy",
    "NP": "Nurse Practitioner",
    "PA": "Physician Assistant",
}
LICENCE_STATE = "licence-state"  # where it counts
V2_0360 = "http://terminology.hl7.org/CodeSystem/v2-0360"


def who(person: Person) -> Element:
    """A pointer to somebody, whatever she is here."""
    kind = "Patient" if person.role is Role.CLIENT else "Practitioner"
    return reference(kind, person.id, person.name)


def patient(person: Person, *, updated: datetime) -> Element:
    """A client: who she is, and no more."""
    return said(
        {
            "resourceType": "Patient",
            "id": str(person.id),
            "meta": meta(updated),
            "active": person.active,
            "name": [{"text": person.name}],
            "birthDate": person.birth_date.isoformat() if person.birth_date else None,
            "address": [{"state": person.state, "country": "US"}] if person.state else None,
        }
    )


def practitioner(person: Person, *, updated: datetime, place: Place) -> Element:
    """Who treats, with every licence that ever counted, and until when it does."""
    return said(
        {
            "resourceType": "Practitioner",
            "id": str(person.id),
            "meta": meta(updated),
            "identifier": [identifier(NPI, person.npi)] if person.npi else None,
            "active": person.active,
            "name": [{"text": person.name}],
            "qualification": [
                _qualification(licence, place)
                for licence in person.licences
                if _until(licence) > licence.valid_from
            ],
        }
    )


def _qualification(licence: Licence, place: Place) -> Element:
    known = DEGREES.get(licence.kind)
    codings = [coding(V2_0360, licence.kind, known)] if known else []
    last_day = _until(licence) - timedelta(days=1)  # a FHIR period includes its last day
    return {
        "extension": [{"url": place.extension(LICENCE_STATE), "valueCode": licence.state}],
        "identifier": [identifier(place.numbers("licence"), licence.number)],
        "code": concept(*codings, text=licence.kind),
        "period": {"start": licence.valid_from.isoformat(), "end": last_day.isoformat()},
        "issuer": {"display": f"Licensing board of {licence.state}"},
    }


def _until(licence: Licence) -> date:
    """The first day on which it does not count."""
    return min(licence.valid_until, licence.ended_on or licence.valid_until)
