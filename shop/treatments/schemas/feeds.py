"""A client's calendar address on the wire."""

from __future__ import annotations

from flask import current_app, url_for
from marshmallow import fields

from shop.treatments.agenda import Words
from shop.web.api import Moment, Schema


class FeedIn(Schema):
    """`words`: discreet ("Appointment", "Home care changes") or full, as the plan says it."""

    words = fields.Enum(Words, by_value=True, load_default=Words.DISCREET)


class FeedOut(Schema):
    """The address that lives. It is not said again: only its hash is kept."""

    words = fields.Enum(Words, by_value=True)
    made_at = Moment()


class NewFeedOut(FeedOut):
    """`address` is shown this once: whoever holds it reads the calendar."""

    address = fields.Url()


def feed_address(secret: str) -> str:
    """Where a calendar program finds it; whole, as it is typed into one."""
    path = url_for("plan_pages.calendar", secret=secret)
    return f"{current_app.config['SHOP'].base_url}{path}"
