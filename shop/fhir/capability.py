"""The CapabilityStatement (R4, capabilitystatement.html): what can be read here, and by what it is
searched.
"""

from __future__ import annotations

from shop.fhir.elements import Element, Place
from shop.fhir.parameters import MOST, Parameter
from shop.fhir.resources import RESOURCES, Resource

FHIR = "4.0.1"
SINCE = "2026-11-27"  # when what is said here last changed

HOW = f"""\
Read only. Sign in with a Bearer token (scope "read") or a session: a client reads her own record,
a physician those of clients she may treat and what she signed, an esthetician what she asked for.
Whoever reads another's record is written down before it is shown. Unknown search parameters are
refused, or passed over with Prefer: handling=lenient. At most {MOST} resources come at once; follow
the link "next". Dates without a time zone are UTC."""


def statement(place: Place, *, clinic: str) -> Element:
    """The same for everybody: it says nothing of anyone."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": SINCE,
        "kind": "instance",
        "software": {"name": "Aftercare"},
        "implementation": {
            "description": f"{clinic}: prescriptions, fills and treatment plans",
            "url": place.base,
        },
        "fhirVersion": FHIR,
        "format": ["application/fhir+json", "json"],
        "rest": [
            {
                "mode": "server",
                "documentation": " ".join(HOW.split()),
                "security": {
                    "cors": False,
                    "description": "A Bearer token of POST /api/v1/tokens, or the shop's session.",
                },
                "resource": [_resource(one) for one in RESOURCES.values()],
            }
        ],
    }


def _resource(resource: Resource) -> Element:
    return {
        "type": resource.type,
        "documentation": resource.says,
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "no-version",
        "conditionalRead": "not-match",
        "searchParam": [_parameter(one) for one in resource.parameters.values()],
    }


def _parameter(parameter: Parameter) -> Element:
    return {
        "name": parameter.name,
        "type": parameter.kind.word,
        "documentation": parameter.says,
    }
