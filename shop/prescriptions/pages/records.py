"""Pages: what became of the rules of screening."""

from __future__ import annotations

import csv
import io

import marshmallow as ma
from flask import Response, request

from shop.accounts.access import allow
from shop.accounts.models import Role
from shop.catalog.listing import guarded
from shop.core.clock import now
from shop.core.errors import Refused
from shop.prescriptions import overriding
from shop.prescriptions.pages.blueprint import bp, rendered
from shop.prescriptions.pages.review import SEVERITIES
from shop.prescriptions.schemas.records import OverridesQuery, span
from shop.prescriptions.screening.rules import rules


@bp.get("/review/overrides")
@allow(Role.PHYSICIAN, Role.MANAGER)
def overrides() -> Response:
    typed = {name: text for name, text in request.args.items() if text.strip()}
    try:
        asked, errors = OverridesQuery(unknown=ma.EXCLUDE).load(typed), {}
    except ma.ValidationError as error:
        asked, errors = OverridesQuery().load({}), error.messages_dict
    response = rendered(
        "overrides.html",
        report=overriding.overrides(*span(asked, at=now())),
        severities=SEVERITIES,
        texts={rule.number: rule.physician_text for rule in rules()},
        typed=typed,
        errors=errors,
        detail="Some of what you typed cannot be used." if errors else "",
    )
    response.status_code = 422 if errors else 200
    return response


@bp.get("/review/overrides.csv")
@allow(Role.PHYSICIAN, Role.MANAGER)
def overrides_csv() -> Response:
    """The finest counts: a row for each month, physician and rule."""
    typed = {name: text for name, text in request.args.items() if text.strip()}
    try:
        asked = OverridesQuery(unknown=ma.EXCLUDE).load(typed)
    except ma.ValidationError as error:
        raise Refused(
            "Some of what you typed cannot be used.",
            fields={name: list(map(str, wrong)) for name, wrong in error.messages_dict.items()},
        ) from None
    report = overriding.overrides(*span(asked, at=now()))
    columns = ("month", "physician", "rule", "fired", "overridden", "signed", "refused")
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\r\n")  # RFC 4180
    writer.writerow(columns)
    for one in report.cells:
        row = [getattr(one, name) for name in columns]
        writer.writerow([cell if isinstance(cell, int) else guarded(cell) for cell in row])
    named = f"overrides-{report.since:%Y-%m-%d}-{report.until:%Y-%m-%d}.csv"
    return Response(
        lines.getvalue(),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{named}"',
            "Cache-Control": "no-store",
        },
    )
