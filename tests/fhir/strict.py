"""What FHIR R4 demands of a resource, beyond what the library checks of itself.

`fhir.resources` refuses unknown elements and wrong types; it takes any word for a code. Here are the words
that R4 requires (value sets with a required binding), for every element of type code that is served.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fhir.resources.R4B import get_fhir_model_class
from pydantic import BaseModel

EXAMPLES = Path(__file__).parent / "examples"

REQUEST_INTENT = {
    "proposal",
    "plan",
    "order",
    "original-order",
    "reflex-order",
    "filler-order",
    "instance-order",
    "option",
}
PUBLICATION = {"draft", "active", "retired", "unknown"}

# By element: http://hl7.org/fhir/R4/<resource>.html, "Terminology Bindings".
CODES: dict[str, set[str]] = {
    "Bundle.entry.search.mode": {"match", "include", "outcome"},
    "Bundle.type": {
        *("document", "message", "transaction", "transaction-response", "batch"),
        *("batch-response", "history", "searchset", "collection"),
    },
    "CapabilityStatement.fhirVersion": {"4.0.1"},
    "CapabilityStatement.format": {"json", "application/fhir+json"},
    "CapabilityStatement.kind": {"instance", "capability", "requirements"},
    "CapabilityStatement.rest.mode": {"client", "server"},
    "CapabilityStatement.rest.resource.conditionalRead": {
        *("not-supported", "modified-since", "not-match", "full-support"),
    },
    "CapabilityStatement.rest.resource.interaction.code": {
        *("read", "vread", "update", "patch", "delete", "history-instance", "history-type"),
        *("create", "search-type"),
    },
    "CapabilityStatement.rest.resource.searchParam.type": {
        *("number", "date", "string", "token", "reference", "composite", "quantity", "uri"),
        "special",
    },
    "CapabilityStatement.rest.resource.type": {
        *("MedicationRequest", "MedicationDispense", "Task", "DetectedIssue", "Provenance"),
        *("Patient", "Practitioner", "CarePlan", "ServiceRequest", "Procedure"),
    },
    "CapabilityStatement.rest.resource.versioning": {
        *("no-version", "versioned", "versioned-update"),
    },
    "CapabilityStatement.status": PUBLICATION,
    "CarePlan.intent": {"proposal", "plan", "order", "option"},
    "CarePlan.status": {
        *("draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"),
    },
    "Procedure.status": {
        *("preparation", "in-progress", "not-done", "on-hold", "stopped", "completed"),
        *("entered-in-error", "unknown"),
    },
    "ServiceRequest.intent": REQUEST_INTENT | {"directive"},
    "ServiceRequest.status": {
        *("draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"),
    },
    "DetectedIssue.severity": {"high", "moderate", "low"},
    "DetectedIssue.status": {
        *("registered", "preliminary", "final", "amended", "corrected", "cancelled"),
        *("entered-in-error", "unknown"),
    },
    "Encounter.status": {
        *("planned", "arrived", "triaged", "in-progress", "onleave", "finished", "cancelled"),
        *("entered-in-error", "unknown"),
    },
    "MedicationDispense.status": {
        *("preparation", "in-progress", "cancelled", "on-hold", "completed"),
        *("entered-in-error", "stopped", "declined", "unknown"),
    },
    "MedicationRequest.intent": REQUEST_INTENT,
    "MedicationRequest.status": {
        *("active", "on-hold", "cancelled", "completed", "entered-in-error", "stopped"),
        *("draft", "unknown"),
    },
    "OperationOutcome.issue.code": {
        *("invalid", "structure", "required", "value", "invariant", "security", "login"),
        *("unknown", "expired", "forbidden", "suppressed", "processing", "not-supported"),
        *("duplicate", "multiple-matches", "not-found", "deleted", "too-long", "code-invalid"),
        *("extension", "too-costly", "business-rule", "conflict", "transient", "lock-error"),
        *("no-store", "exception", "timeout", "incomplete", "throttled", "informational"),
    },
    "OperationOutcome.issue.severity": {"fatal", "error", "warning", "information"},
    "Provenance.entity.role": {"derivation", "revision", "quotation", "source", "removal"},
    "Provenance.signature.targetFormat": {"text/plain", "application/json"},  # any MIME type
    "Provenance.signature.sigFormat": {"application/octet-stream"},
    "Task.intent": REQUEST_INTENT | {"unknown"},
    "Task.status": {
        *("draft", "requested", "received", "accepted", "rejected", "ready", "cancelled"),
        *("in-progress", "on-hold", "failed", "completed", "entered-in-error"),
    },
}

# Of a type, wherever it stands: Coding and Quantity take any code of their system.
OPEN = ("code", "valueCode", "contentType", "language", "sigFormat")

# Codings of ours and HL7's: system → codes we may use (None: numbers, any).
V3 = "http://terminology.hl7.org/CodeSystem/v3-"
SYSTEMS: dict[str, set[str] | None] = {
    "http://hl7.org/fhir/CodeSystem/task-code": {"approve"},
    "http://hl7.org/fhir/sid/ndc": None,
    "http://terminology.hl7.org/CodeSystem/provenance-participant-type": {"author"},
    "http://terminology.hl7.org/CodeSystem/v2-0360": {"MD", "DO", "NP", "PA"},
    "urn:iso-astm:E1762-95:2013": {"1.2.840.10065.1.12.1.1"},
    f"{V3}ActCode": {
        *("AMB", "VR"),  # encounters
        *("AGE", "ALGY", "COND", "DOSEDUR", "DRG", "DUPTHPY", "PREG"),  # detected issues
    },
    f"{V3}DocumentCompletion": {"LA"},
}


def parsed(resource: dict[str, Any]) -> BaseModel:
    """The resource as the strict model reads it: no unknown element, no wrong type."""
    model: BaseModel = get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    return model


def wrong_words(resource: dict[str, Any]) -> list[str]:
    """Codes that R4 does not know, or that no table here knows of."""
    return [
        f"{path}: {value}"
        for path, field, value in _elements(parsed(resource), resource["resourceType"])
        if _is_code(field) and (path in CODES or path.rpartition(".")[2] not in OPEN)
        if value not in CODES.get(path, ())
    ]


def wrong_targets(resource: dict[str, Any]) -> list[str]:
    """References to a type that R4 does not allow there."""
    found = []
    for path, field, value in _elements(parsed(resource), resource["resourceType"]):
        allowed = (field.json_schema_extra or {}).get("enum_reference_types")
        target = getattr(value, "reference", None) if allowed else None
        if target and not target.startswith("#"):
            kind = target.partition("/")[0]
            if kind not in allowed and "Resource" not in allowed:
                found.append(f"{path}: {kind}")
    return found


def wrong_codings(resource: dict[str, Any], *, ours: str) -> list[str]:
    """Codings of a system that is neither HL7's nor ours, or of a word it does not have."""
    found = []
    for path, _field, value in _elements(parsed(resource), resource["resourceType"]):
        if type(value).__name__ != "Coding" or value.system.startswith(ours):
            continue
        codes = SYSTEMS.get(value.system, set())
        if codes is not None and value.code not in codes:
            found.append(f"{path}: {value.system}|{value.code}")
    return found


def _is_code(field: Any) -> bool:
    return "Code()" in str(field.annotation)


def _elements(model: BaseModel, path: str) -> Iterator[tuple[str, Any, Any]]:
    """(path, field, value) of all that is said; a resource within a resource begins anew."""
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if value is None or not (field.json_schema_extra or {}).get("element_property"):
            continue
        for item in value if isinstance(value, list) else [value]:
            here = f"{path}.{field.alias or name}"
            yield here, field, item
            if isinstance(item, BaseModel):
                whole = name == "contained" or here == "Bundle.entry.resource"
                yield from _elements(item, item.get_resource_type() if whole else here)


def references(value: Any) -> Iterator[str]:
    """Every relative address that a resource points to."""
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def paths(value: Any, path: str = "") -> Iterator[str]:
    """The places that say something, by element: "MedicationRequest.dispenseRequest.quantity"."""
    if isinstance(value, list):
        for one in value:
            yield from paths(one, path)
    elif isinstance(value, dict):
        path = value.get("resourceType", path)
        for name, one in value.items():
            if name not in ("resourceType", "extension"):
                yield f"{path}.{name}"
                yield from paths(one, f"{path}.{name}")


def examples() -> list[dict[str, Any]]:
    return [
        json.loads(path.read_text(encoding="utf-8")) for path in sorted(EXAMPLES.glob("*.json"))
    ]
