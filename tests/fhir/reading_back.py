"""From a FHIR resource back to the facts of the row it was made of: nothing may be lost on the way.

Written from R4's definitions and docs/fhir.md, and from nothing in `shop/fhir`.
"""

from __future__ import annotations

import base64
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

BASE = "http://localhost/fhir/r4"
Facts = dict[str, Any]


def prescription(resource: dict[str, Any]) -> Facts:
    """Of a MedicationRequest with intent "order"."""
    dispense = resource["dispenseRequest"]
    (examination,) = resource["contained"]
    assert resource["intent"] == "order"
    assert resource["encounter"] == {"reference": f"#{examination['id']}"}
    return {
        "id": UUID(resource["id"]),
        "number": _number(resource, "prescription"),
        "request_id": _target(resource["basedOn"][0], "MedicationRequest"),
        "client_id": _target(resource["subject"], "Patient"),
        **_pack(resource),
        "quantity_per_fill": dispense["quantity"]["value"],
        "pack": dispense["quantity"]["unit"],
        "fills_allowed": dispense["numberOfRepeatsAllowed"] + 1,
        "days_supply": _days(dispense["expectedSupplyDuration"]),
        "interval_days": _days(dispense.get("dispenseInterval")),
        "valid_from": _moment(dispense["validityPeriod"]["start"]),
        "valid_until": _moment(dispense["validityPeriod"]["end"]),
        "directions": resource["dosageInstruction"][0]["text"],
        "indication": resource["reasonCode"][0]["text"],
        "signed_at": _moment(resource["authoredOn"]),
        "prescriber_id": _target(resource["requester"], "Practitioner"),
        "prescriber_name": resource["requester"]["display"],
        "examination_mode": _word(examination["type"][0], "examination-mode"),
        "examined_on": date.fromisoformat(examination["period"]["start"]),
        "states": _extensions(resource, "covered-state"),
        "standing": _word(resource["statusReason"], "prescription-standing"),
        "reason": resource["statusReason"].get("text"),
    }


def proposal(resource: dict[str, Any]) -> Facts:
    """Of a MedicationRequest with intent "proposal"."""
    assert resource["intent"] == "proposal"
    return {
        "id": UUID(resource["id"]),
        "number": _number(resource, "approval-request"),
        "client_id": _target(resource["subject"], "Patient"),
        "requested_by_id": _target(resource["requester"], "Patient", "Practitioner"),
        **_pack(resource),
        "quantity": resource["dispenseRequest"]["quantity"]["value"],
        "created_at": _moment(resource["authoredOn"]),
        "states": _extensions(resource, "ship-to-state"),
        "status": _word(resource["statusReason"], "approval-request-status"),
    }


def task(resource: dict[str, Any]) -> Facts:
    owner, reason = resource.get("owner"), resource.get("statusReason")
    due = resource.get("restriction", {}).get("period", {}).get("end")
    outputs = [
        _target(one["valueReference"], "MedicationRequest") for one in resource.get("output", [])
    ]
    return {
        "id": UUID(resource["id"]),
        "request_id": _target(resource["focus"], "MedicationRequest"),
        "number": _number(resource, "approval-request"),
        "client_id": _target(resource["for"], "Patient"),
        "requested_by_id": _target(resource["requester"], "Patient", "Practitioner"),
        "status": _word(resource["businessStatus"], "approval-request-status"),
        "created_at": _moment(resource["authoredOn"]),
        "due_at": _moment(due) if due else None,
        "held_by": _target(owner, "Practitioner") if owner else None,
        "refusal": (_word(reason, "refusal-reason"), reason.get("text")) if reason else None,
        "prescriptions": outputs,
    }


FILLS = {
    "preparation": "reserved",
    "in-progress": "consumed",
    "completed": "dispensed",
    "cancelled": "released",
}


def fill(resource: dict[str, Any]) -> Facts:
    handed_over = resource.get("whenHandedOver")
    prescription, _, number = _number(resource, "fill").partition("/")
    return {
        "id": UUID(resource["id"]),
        "prescription": prescription,
        "number": int(number),
        "prescription_id": _target(resource["authorizingPrescription"][0], "MedicationRequest"),
        "client_id": _target(resource["subject"], "Patient"),
        **_pack(resource),
        "quantity": resource["quantity"]["value"],
        "days_supply": _days(resource["daysSupply"]),
        "directions": resource["dosageInstruction"][0]["text"],
        "states": _extensions(resource, "ship-to-state"),
        "status": FILLS[resource["status"]],
        "dispensed_at": _moment(handed_over) if handed_over else None,
    }


def issue(resource: dict[str, Any]) -> Facts:
    ours = [one for one in resource["code"]["coding"] if one["system"].startswith(BASE)]
    (rule,) = ours
    (severity,) = _extensions(resource, "screening-severity")
    mitigations = resource.get("mitigation", [])
    return {
        "prescription_id": _target(resource["implicated"][0], "MedicationRequest"),
        "client_id": _target(resource["patient"], "Patient"),
        "rule": rule["code"],
        "version": int(rule["version"]),
        "severity": severity,
        "text": resource["detail"],
        "fired_by": resource["evidence"][0]["code"][0]["text"],
        "found_at": _moment(resource["identifiedDateTime"]),
        "reasons": [one["action"]["text"] for one in mitigations],
        "by": [_target(one["author"], "Practitioner") for one in mitigations],
    }


def signature(resource: dict[str, Any]) -> Facts:
    (agent,), (signed,) = resource["agent"], resource["signature"]
    statement, asked = resource["entity"]
    assert statement["what"]["identifier"]["system"] == f"{BASE}/NamingSystem/statement-sha256"
    return {
        "id": _target(resource["target"][0], "MedicationRequest"),
        "prescriber_id": _target(agent["who"], "Practitioner"),
        "signed_by": _target(signed["who"], "Practitioner"),
        "signed_at": _moment(signed["when"]),
        "recorded": _moment(resource["recorded"]),
        "signature": base64.b64decode(signed["data"]),
        "statement_hash": bytes.fromhex(statement["what"]["identifier"]["value"]),
        "request_id": _target(asked["what"], "Task"),
    }


def client(resource: dict[str, Any]) -> Facts:
    return {
        "id": UUID(resource["id"]),
        "name": resource["name"][0]["text"],
        "birth_date": date.fromisoformat(resource["birthDate"]),
        "state": resource["address"][0]["state"],
        "active": resource["active"],
    }


def clinician(resource: dict[str, Any]) -> Facts:
    numbers = resource.get("identifier", [])
    assert all(one["system"] == "http://hl7.org/fhir/sid/us-npi" for one in numbers)
    return {
        "id": UUID(resource["id"]),
        "name": resource["name"][0]["text"],
        "npi": numbers[0]["value"] if numbers else None,
        "active": resource["active"],
        "licences": [_licence(one) for one in resource.get("qualification", [])],
    }


def _licence(one: dict[str, Any]) -> tuple[str, str, str, date, date]:
    last_day = date.fromisoformat(one["period"]["end"])
    return (
        one["code"]["text"],
        *_extensions(one, "licence-state"),
        one["identifier"][0]["value"],
        date.fromisoformat(one["period"]["start"]),
        last_day + timedelta(days=1),
    )


def _pack(resource: dict[str, Any]) -> Facts:
    codings = {
        one["system"]: one["code"] for one in resource["medicationCodeableConcept"]["coding"]
    }
    return {
        "sku": codings[f"{BASE}/NamingSystem/sku"],
        "package_ndc": codings.get("http://hl7.org/fhir/sid/ndc"),
        "product": resource["medicationCodeableConcept"]["text"],
    }


def plan(resource: dict[str, Any]) -> Facts:
    """Of a CarePlan; a proposal until it was started."""
    started = None
    if "period" in resource:
        (physician,) = resource["contributor"]
        started = (_target(physician, "Practitioner"), _moment(resource["period"]["start"]))
    assert resource["intent"] == ("plan" if started else "proposal")
    return {
        "id": UUID(resource["id"]),
        "number": _number(resource, "plan"),
        "client_id": _target(resource["subject"], "Patient"),
        "drafted_by_id": _target(resource["author"], "Practitioner"),
        "created_at": _moment(resource["created"]),
        "goal": resource["description"],
        "status": _own_word(resource, "plan-status"),
        "started": started,
        "sessions": [
            _target(one["reference"], "ServiceRequest") for one in resource.get("activity", [])
        ],
    }


def session(resource: dict[str, Any]) -> Facts:
    """Of a ServiceRequest."""
    (based_on,) = resource["basedOn"]
    (coding,) = resource["code"]["coding"]
    assert resource["intent"] == "plan"
    return {
        "id": UUID(resource["id"]),
        "plan_id": _target(based_on, "CarePlan"),
        "client_id": _target(resource["subject"], "Patient"),
        "procedure": _word(resource["code"], "procedure"),
        "name": coding["display"],
        "area": resource["bodySite"][0]["text"],
        "starts_at": _moment(resource["occurrencePeriod"]["start"]),
        "ends_at": _moment(resource["occurrencePeriod"]["end"]),
        "created_at": _moment(resource["authoredOn"]),
        "drafted_by_id": _target(resource["requester"], "Practitioner"),
        "performer_id": next(
            (_target(one, "Practitioner") for one in resource.get("performer", [])), None
        ),
        "status": _own_word(resource, "session-status"),
    }


def done(resource: dict[str, Any]) -> Facts:
    """Of a Procedure."""
    assert resource["status"] == "completed"
    plan_, session_ = resource["basedOn"]
    (performer,) = resource["performer"]
    return {
        "id": UUID(resource["id"]),
        "plan_id": _target(plan_, "CarePlan"),
        "session_id": _target(session_, "ServiceRequest"),
        "client_id": _target(resource["subject"], "Patient"),
        "procedure": _word(resource["code"], "procedure"),
        "area": resource["bodySite"][0]["text"],
        "performed_at": _moment(resource["performedDateTime"]),
        "performer_id": _target(performer["actor"], "Practitioner"),
    }


def _number(resource: dict[str, Any], of: str) -> str:
    (one,) = resource["identifier"]
    assert one["system"] == f"{BASE}/NamingSystem/{of}"
    return str(one["value"])


def _word(concept: dict[str, Any], of: str) -> str:
    (one,) = concept["coding"]
    assert one["system"] == f"{BASE}/CodeSystem/{of}"
    return str(one["code"])


def _extensions(resource: dict[str, Any], name: str) -> list[str]:
    url = f"{BASE}/StructureDefinition/{name}"
    return [one["valueCode"] for one in resource["extension"] if one["url"] == url]


def _target(reference: dict[str, Any], *kinds: str) -> UUID:
    kind, _, one = reference["reference"].partition("/")
    assert kind in kinds
    return UUID(one)


def _days(quantity: dict[str, Any] | None) -> int | None:
    if quantity is None:
        return None
    assert (quantity["system"], quantity["code"]) == ("http://unitsofmeasure.org", "d")
    return int(quantity["value"])


def _moment(text: str) -> datetime:
    assert text.endswith("Z")
    return datetime.fromisoformat(text)


def _own_word(resource: dict[str, Any], name: str) -> str:
    (found,) = [
        one["valueCoding"]
        for one in resource["extension"]
        if one["url"] == f"{BASE}/StructureDefinition/{name}"
    ]
    assert found["system"] == f"{BASE}/CodeSystem/{name}"
    return str(found["code"])
