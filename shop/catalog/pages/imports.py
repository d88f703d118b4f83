"""A supplier's file comes in: handed in, its columns named, tried, then taken in and watched."""

from __future__ import annotations

import uuid
from typing import Any

import marshmallow as ma
from flask import Blueprint, Response, flash, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from marshmallow import fields

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.catalog import handing_in, listing, loading, mapping, profiles, queries
from shop.catalog.errors import NoSuchSheet
from shop.catalog.handing_in import Theirs
from shop.catalog.mapping import BadMapping
from shop.catalog.models import LARGEST_SHEET, Import, ImportRow, ImportSheet, LegalClass, Outcome
from shop.catalog.reading import BadFile
from shop.catalog.states import ImportStatus
from shop.core.clock import now
from shop.core.db import db
from shop.web.api import PageQuery
from shop.web.forms import or_again, rendered, to
from shop.web.paging import page
from shop.web.uploads import sent
from shop.work import queries as work

bp = Blueprint("imports_pages", __name__, url_prefix="/manage/imports")

ROWS_SHOWN = 50
SOURCES = {
    listing.SOURCE: lazy_gettext("A sheet: of a supplier, or a list this shop wrote (CSV)"),
    "ndc": lazy_gettext("The FDA's directory of drugs (CSV)"),
    "lnhpd": lazy_gettext("Health Canada's licensed natural products (JSON Lines)"),
    "obf": lazy_gettext("Open Beauty Facts (CSV)"),
}
# Of our columns what people choose most comes first, under names they know.
OURS = {
    "name": lazy_gettext("Product name"),
    "brand": lazy_gettext("Brand"),
    "sku": lazy_gettext("SKU"),
    "source_key": lazy_gettext("Product key (groups the packs of a product)"),
    "pack_name": lazy_gettext("Pack, such as 50 ml"),
    "price": lazy_gettext("Price as people write it"),
    "price_cents": lazy_gettext("Price in cents"),
    "gtin": lazy_gettext("Bar code (GTIN, UPC, EAN)"),
    "ingredients_text": lazy_gettext("Ingredients in one cell"),
    "category": lazy_gettext("Category"),
    "description": lazy_gettext("Description"),
    "legal_class": lazy_gettext("Legal class"),
    "strength_text": lazy_gettext("Strength"),
    "net_content": lazy_gettext("Content, a number"),
    "net_unit": lazy_gettext("Unit of the content"),
    "weight_grams": lazy_gettext("Weight in grams"),
    "for_sale": lazy_gettext("For sale (true or false)"),
    "published": lazy_gettext("Published (true or false)"),
}
CONSTANTS = ("brand", "legal_class", "pack_name")
STATUSES = {
    ImportStatus.QUEUED: (lazy_gettext("Waits for its turn"), "info"),
    ImportStatus.RUNNING: (lazy_gettext("Under way"), "info"),
    ImportStatus.DONE: (lazy_gettext("Done"), "ok"),
    ImportStatus.FAILED: (lazy_gettext("Broke off"), "stop"),
    ImportStatus.STOPPED: (lazy_gettext("Stopped"), "warn"),
}
OUTCOMES = {
    Outcome.CREATED: lazy_gettext("Added"),
    Outcome.CHANGED: lazy_gettext("Changed"),
    Outcome.UNCHANGED: lazy_gettext("As before"),
    Outcome.QUARANTINED: lazy_gettext("Refused"),
}


class RowsQuery(PageQuery):
    show = fields.Enum(Outcome, by_value=True, load_default=None)


@bp.get("")
@allow(Role.MANAGER)
def imports() -> Response:
    """Every file that was tried or taken in, the newest first, and a form for the next."""
    return _list()


@bp.post("")
@allow(Role.MANAGER)
def hand_in() -> Response:
    """Hand in a file. Nothing of it is taken yet."""

    def act() -> Response:
        source = request.form.get("source", "")
        if source not in SOURCES:
            raise BadFile("Choose what the file is.", fields={"source": ["Choose one."]})
        content = sent(LARGEST_SHEET)
        if not content:
            raise BadFile("Choose a file.", fields={"file": ["Choose a file that is not empty."]})
        file = request.files["file"]
        sheet = _of_file(
            lambda: handing_in.hand_in(content, name=file.filename or "", source=source, by=actor())
        )
        sheet_id = sheet.id
        db.session.commit()
        return to(url_for(".sheet", sheet_id=sheet_id))

    return or_again(act, lambda **why: _list(typed=request.form, **why))


@bp.get("/sheets/<uuid:sheet_id>")
@allow(Role.MANAGER)
def sheet(sheet_id: uuid.UUID) -> Response:
    """A file's columns, what stands in them, and what we take them for."""
    return _sheet(queries.sheet(sheet_id))


@bp.post("/sheets/<uuid:sheet_id>")
@allow(Role.MANAGER)
def try_out(sheet_id: uuid.UUID) -> Response:
    """Say how the file is read, and see what it would do."""

    def act() -> Response:
        handed_in = queries.sheet(sheet_id)
        said = _said(handed_in)
        if name := request.form.get("keep_as", "").strip():
            _kept(name, said)
        trial = _of_file(lambda: handing_in.try_out(handed_in, said, by=actor()))
        return _watched(trial)

    return or_again(act, lambda **why: _sheet(queries.sheet(sheet_id), typed=request.form, **why))


@bp.get("/<uuid:import_id>")
@allow(Role.MANAGER)
def show(import_id: uuid.UUID) -> Response:
    """How far it is, and what became, or would become, of the rows."""
    return _show(queries.import_of(import_id))


@bp.post("/<uuid:import_id>/start")
@allow(Role.MANAGER)
def start(import_id: uuid.UUID) -> Response:
    """Take in what was tried."""
    return or_again(
        lambda: _watched(handing_in.start(queries.import_of(import_id), by=actor())),
        lambda **why: _show(queries.import_of(import_id), **why),
    )


@bp.post("/<uuid:import_id>/stop")
@allow(Role.MANAGER)
def stop(import_id: uuid.UUID) -> Response:
    """Let it go no further. What was taken in stays."""
    record = loading.stop(queries.import_of(import_id, lock=True))
    db.session.commit()
    flash(_("It goes no further. What was taken in stays."))
    return to(url_for(".show", import_id=record.id))


def _watched(record: Import) -> Response:
    """Commit: from then on it is the worker's. Then show how far it is."""
    import_id = record.id
    db.session.commit()
    return to(url_for(".show", import_id=import_id))


def _of_file(act: Any) -> Any:
    """A file that cannot be read is told at its field."""
    try:
        return act()
    except BadFile as bad:
        bad.fields = bad.fields or {"file": [bad.text]}
        raise


def _said(sheet: ImportSheet) -> dict[str, Any] | None:
    """The mapping as it was chosen, None where the file needs none. Raises BadMapping."""
    if sheet.source != listing.SOURCE:
        return None
    theirs = handing_in.columns(sheet)
    if handing_in.is_ours([column.name for column in theirs]):
        return None
    choices = [request.form.get(f"column-{place}", "") for place in range(len(theirs))]
    constants = {name: request.form.get(name, "").strip() for name in CONSTANTS}
    read = handing_in.chosen(
        theirs, choices, constants, decimal_comma="decimal_comma" in request.form
    )
    return read.as_json


def _kept(name: str, said: dict[str, Any] | None) -> None:
    if said is None:
        return
    try:
        profiles.keep(name, said)
    except BadMapping as bad:
        bad.fields = {"keep_as": [bad.text]}
        raise


def _list(**context: Any) -> Response:
    try:
        asked = PageQuery().load({k: v for k, v in request.args.items() if v})
    except ma.ValidationError:
        asked = PageQuery().load({})
    found = page(
        queries.imports(),
        (Import.asked_at, Import.id),
        limit=asked["limit"],
        after=asked["after"],
        descending=True,
    )
    return rendered(
        "catalog/imports.html",
        imports=found,
        sources=list(SOURCES.items()),
        statuses=STATUSES,
        outcomes=OUTCOMES,
        most_megabytes=LARGEST_SHEET // 1024 // 1024,
        **context,
    )


def _sheet(sheet: ImportSheet, **context: Any) -> Response:
    theirs = handing_in.columns(sheet) if sheet.source == listing.SOURCE else []
    ours = sheet.source != listing.SOURCE or handing_in.is_ours([one.name for one in theirs])
    context.setdefault("typed", {} if ours else _typed_before(theirs))
    return rendered(
        "catalog/sheet.html",
        sheet=sheet,
        theirs=theirs,
        ours=ours,
        choices=[("", _("Leave it out")), *OURS.items(), *_others()],
        classes=[(one.value, one.value.replace("_", " ")) for one in LegalClass],
        profiles=queries.profiles(),
        size=_size(sheet),
        **context,
    )


def _typed_before(theirs: list[Theirs]) -> dict[str, str]:
    """What the form starts with: a kept mapping, that of an earlier trial, or our guess."""
    said: dict[str, Any] | None = None
    name = request.args.get("profile", "")
    if name:
        said = profiles.mapping_of(name)
    elif before := request.args.get("as", ""):
        said = _mapping_of(before)
    if not said:
        return {f"column-{place}": one.guess for place, one in enumerate(theirs)}
    typed: dict[str, str] = {}
    places = {one.name: place for place, one in enumerate(theirs)}
    for ours, given in said["columns"].items():
        if isinstance(given, dict):
            typed[ours] = given["const"]
        elif given in places:
            typed.setdefault(f"column-{places[given]}", ours)
    if said.get("decimal_comma"):
        typed["decimal_comma"] = "on"
    return typed


def _mapping_of(import_id: str) -> dict[str, Any] | None:
    try:
        return queries.import_of(uuid.UUID(import_id)).mapping or None
    except ValueError:
        return None


def _others() -> list[tuple[str, str]]:
    return [(name, name.replace("_", " ")) for name in mapping.OURS if name not in OURS]


def _size(sheet: ImportSheet) -> str:
    kilobytes = max(1, len(sheet.content) // 1024)
    return f"{kilobytes} kB" if kilobytes < 1024 else f"{kilobytes / 1024:.1f} MB"


def _show(record: Import, **context: Any) -> Response:
    try:
        asked = RowsQuery().load({k: v for k, v in request.args.items() if v})
    except ma.ValidationError:
        asked = RowsQuery().load({})
    shown = asked["show"] or (Outcome.QUARANTINED if record.quarantined else None)
    found = page(
        queries.rows_of(record.id, shown),
        (ImportRow.number,),
        limit=ROWS_SHOWN,
        after=asked["after"],
    )
    held = work.of_subject(record.id)  # what a trial has done so far stands there alone
    return rendered(
        "catalog/import.html",
        record=record,
        status=STATUSES[record.status],
        outcomes=OUTCOMES,
        shown=shown,
        rows=[_row(one) for one in found["items"]],
        next_page=url_for(
            ".show", import_id=record.id, show=shown.value if shown else None, after=found["next"]
        )
        if found["next"]
        else None,
        rows_done=held.done if held and record.dry_run else record.rows_done,
        to_go=record.seconds_to_go(now()),
        sheet=_sheet_of(record),
        partial=request.headers.get("HX-Request") == "true",
        **context,
    )


def _sheet_of(record: Import) -> ImportSheet | None:
    try:
        return queries.sheet_of(record)
    except NoSuchSheet:
        return None


def _row(row: ImportRow) -> dict[str, Any]:
    """A row as the page shows it: of a reason, the field it names and what to do."""
    reasons = []
    for text in row.reasons:
        field, colon, said = text.partition(": ")
        named = bool(colon) and " " not in field
        reasons.append((field, said) if named else ("", text))
    return {"number": row.number, "key": row.key, "outcome": row.outcome, "reasons": reasons}
