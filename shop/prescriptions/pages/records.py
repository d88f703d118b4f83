"""Pages: what became of the rules of screening."""

from __future__ import annotations

import marshmallow as ma
from flask import Response, request

from shop.accounts.access import allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.prescriptions import overriding
from shop.prescriptions.pages.blueprint import bp, rendered
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
        texts={rule.number: rule.physician_text for rule in rules()},
        typed=typed,
        errors=errors,
        detail="Some of what you typed cannot be used." if errors else "",
    )
    response.status_code = 422 if errors else 200
    return response
