"""The blueprint of these pages, and how each is put together."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Blueprint, Response

from shop.accounts.access import sign_in_afresh
from shop.prescriptions.errors import TermsRefused
from shop.web import forms
from shop.web.forms import or_again, to

__all__ = ["SHOWN", "bp", "form", "or_again", "rendered", "sign_in_afresh", "to"]

bp = Blueprint("prescription_pages", __name__)

SHOWN = 50  # rows of a list on one page


def form(schema: type[ma.Schema], *, numbers: tuple[str, ...] = (), **also: Any) -> dict[str, Any]:
    """See `web.forms.form`. Raises TermsRefused."""
    return dict(forms.form(schema, refused=TermsRefused, numbers=numbers, **also))


def rendered(template: str, **context: Any) -> Response:
    """A page of this feature."""
    return forms.rendered(f"prescriptions/{template}", **context)
