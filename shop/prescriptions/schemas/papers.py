"""Leaflets on the wire, and that one was read."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from shop.prescriptions.paper.leaflets import Choice, Leaflet
from shop.web.api import Moment, Schema


class SectionOut(Schema):
    heading = fields.String()
    paragraphs = fields.List(fields.String())


class LeafletPartOut(Schema):
    version = fields.String()
    title = fields.String()
    sections = fields.List(fields.Nested(SectionOut))
    sources = fields.List(fields.String())


class PharmacyChoiceOut(Schema):
    """That the client may have her prescription filled where she likes."""

    version = fields.String()
    title = fields.String()
    paragraphs = fields.List(fields.String())
    sources = fields.List(fields.String())


class LeafletOut(Schema):
    version = fields.String()
    title = fields.String()
    parts = fields.List(fields.Nested(LeafletPartOut))
    pharmacy_choice = fields.Nested(PharmacyChoiceOut)


class AcknowledgementOut(Schema):
    """Of how many products' first fills the leaflet is no longer in the way."""

    leaflet = fields.String()
    pharmacy_choice = fields.String()
    products = fields.List(fields.UUID())
    at = Moment()


def told(leaflet: Leaflet, choice: Choice) -> dict[str, Any]:
    """A leaflet as LeafletOut shows it."""
    parts = [
        {
            "version": part.version,
            "title": part.title,
            "sections": [
                {"heading": heading, "paragraphs": paragraphs}
                for heading, paragraphs in part.sections
            ],
            "sources": part.sources,
        }
        for part in leaflet.parts
    ]
    return {
        "version": leaflet.version,
        "title": leaflet.title,
        "parts": parts,
        "pharmacy_choice": choice,
    }
