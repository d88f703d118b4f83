"""The blueprint of these pages, and what all of them use."""

from __future__ import annotations

from flask import Blueprint

from shop.accounts.models import Role
from shop.core.errors import Refused

bp = Blueprint("order_pages", __name__)

PACKERS = (Role.STAFF, Role.MANAGER)


class BadForm(Refused):
    """A form that cannot be used as typed; `fields` says what to change."""

    code = "bad_form"
