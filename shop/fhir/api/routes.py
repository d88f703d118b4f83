"""FHIR over HTTP: /fhir/r4. Reading somebody else's record is written down first, once a client
and search.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

from flask import Blueprint, Response, current_app, request

from shop.accounts.access import actor, allow
from shop.accounts.models import Person, Role
from shop.charts import reading
from shop.config import Config
from shop.core.clock import now
from shop.core.db import db
from shop.fhir import bundles, capability, parameters
from shop.fhir.api import searching
from shop.fhir.api.outcomes import JSON
from shop.fhir.elements import Element, Place
from shop.fhir.errors import bad
from shop.fhir.loading import Asked, Shown
from shop.fhir.resources import resource

PREFIX = "/fhir"
READERS = (Role.CLIENT, Role.ESTHETICIAN, Role.PHYSICIAN)
FORMATS = ("json", "application/json", "application/fhir+json", "application/fhir json")

bp = Blueprint("fhir", __name__, url_prefix=f"{PREFIX}/r4")


@bp.get("/metadata")
@allow()
def metadata() -> Response:
    """What can be read here."""
    _check_format()
    config: Config = current_app.config["SHOP"]
    return _answer(capability.statement(_place(), clinic=config.clinic_name))


@bp.get("/<type>")
@allow(*READERS)
def search(type: str) -> Response:
    """A page of the resources of a type that the reader may see."""
    _check_format()
    kind, asked = resource(type), _asked()
    wanted = parameters.read(
        request.args.items(multi=True),
        kind.parameters,
        sorts=kind.sorts,
        base=asked.place.base,
        lenient="handling=lenient" in request.headers.get("Prefer", "").replace(" ", ""),
    )
    found = searching.search(kind, wanted, asked)
    _open(found.shown, f"FHIR {type}, a search")
    return _answer(
        bundles.searchset(
            type,
            [one.resource for one in found.shown],
            used=wanted.used,
            page=request.args.get("_page"),
            next=found.next,
            total=found.total,
            place=asked.place,
        )
    )


@bp.get("/<type>/<id>")
@allow(*READERS)
def read(type: str, id: str) -> Response:
    """One resource, with its tag; 304 to who has it already."""
    _check_format()
    if extra := set(request.args) - {"_format"}:
        raise bad(min(extra), "A read takes no parameters.")
    shown = searching.one(resource(type), id, _asked())
    _open([shown], f"FHIR {type}/{id}")
    response = _answer(shown.resource)
    response.set_etag(hashlib.sha256(response.get_data()).hexdigest()[:32], weak=True)
    response.make_conditional(request)
    # Said, and not compared: the clock alone may change how a prescription stands.
    response.last_modified = datetime.fromisoformat(shown.resource["meta"]["lastUpdated"])
    return response


def _asked() -> Asked:
    return Asked(reader=actor(), at=now(), place=_place())


def _place() -> Place:
    config: Config = current_app.config["SHOP"]
    return Place(f"{config.base_url}{PREFIX}/r4")


def _check_format() -> None:
    """Only JSON is spoken; `+` in an address may arrive as a space."""
    wanted = request.args.get("_format", "json")
    if wanted not in FORMATS:
        raise bad("_format", "Only json is spoken here.")


def _open(shown: Iterable[Shown], record: str) -> None:
    """Write down whose records are opened, for good, before anything is shown."""
    clients: dict[object, Person] = {one.client.id: one.client for one in shown if one.client}
    for client in clients.values():
        reading.open_record(actor(), client, record=record, purpose=reading.TREATMENT)
    db.session.commit()


def _answer(body: Element) -> Response:
    return Response(current_app.json.dumps(body), content_type=JSON)
