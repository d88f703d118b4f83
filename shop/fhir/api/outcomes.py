"""Refusals as FHIR shows them: an OperationOutcome (R4, operationoutcome.html), on every road
under /fhir.

This façade only reads, so what is refused as input is a bad request (400): R4 keeps 422 for what
is written.
"""

from __future__ import annotations

from typing import Any

from flask import Response, current_app

JSON = "application/fhir+json"

# http://hl7.org/fhir/R4/valueset-issue-type.html
TYPES = {
    400: "invalid",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    406: "not-supported",
    413: "too-long",
    429: "throttled",
    503: "transient",
}


def outcome(problem: dict[str, Any]) -> Response:
    """A problem as `web.problems` words it; a parameter that is to blame is named."""
    status = 400 if problem["status"] == 422 else problem["status"]
    issue = {
        "severity": "error" if status < 500 else "fatal",
        "code": TYPES.get(status, "processing" if status < 500 else "exception"),
    }
    said = [
        (name, f"{name}: {text}") for name, texts in problem["errors"].items() for text in texts
    ]
    issues = [
        issue | {"details": {"text": text}, "diagnostics": problem["code"], "expression": [name]}
        for name, text in said
    ] or [issue | {"details": {"text": problem["detail"]}, "diagnostics": problem["code"]}]
    body = {"resourceType": "OperationOutcome", "issue": issues}
    return Response(current_app.json.dumps(body), status, content_type=JSON)
