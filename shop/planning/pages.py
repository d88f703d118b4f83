"""Pages of the shelf beside its board: places, transfers, testers, what it will need."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import Any

from flask import Blueprint, Response, current_app, flash, request

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.catalog import queries as catalog
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.inventory import (
    arranging,
    explaining,
    locations,
    places,
    putting_away,
    testers,
    transferring,
)
from shop.inventory import queries as inventory
from shop.inventory.models import LocationKind, Lot, Transfer
from shop.inventory.places import Place
from shop.inventory.transferring import SHELVES
from shop.planning import queries, schemas, setting
from shop.planning.errors import PlanningRefused
from shop.planning.queries import AtRisk, Outlook
from shop.web.forms import form, or_again, rendered, to
from shop.web.paging import page

bp = Blueprint("planning_pages", __name__)

SHELF = (Role.STAFF, Role.MANAGER)
ROWS = 5  # of an empty transfer
SHOWN = 50  # transfers on one page
SPANS = ("30", "90", "180")  # days to the last day of sale


@bp.get("/stock/planning")
@allow(*SHELF)
def outlook() -> Response:
    """What to order, what will not sell in time, what lies dead."""
    return _outlook()


@bp.get("/stock/expiring")
@allow(*SHELF)
def expiring() -> Response:
    """Lots that come to their last day of sale, what is worth most first, and what to do."""
    typed = request.args.get("days", "")
    days = int(typed) if typed in SPANS else queries.SOON
    found = queries.at_risk(days=days, today=_today(), at=now())
    return _rendered(
        "expiring.html",
        found=sorted(found, key=_worth),
        days=days,
        spans=[int(span) for span in SPANS],
        cost_cents=sum(one.cost_cents or 0 for one in found),
        price_cents=sum(one.price_cents or 0 for one in found),
        untold=sum(1 for one in found if one.unsold and one.cost_cents is None),
    )


@bp.get("/stock/low")
@allow(*SHELF)
def low() -> Response:
    """What is below its reorder point, what is worth most first, with one button that orders it."""
    found = queries.outlooks(today=_today(), at=now())
    wanted = [one for one in found if one.need.low]
    return _rendered("low.html", found=sorted(wanted, key=_missing))


@bp.post("/stock/planning/<sku>")
@allow(Role.MANAGER)
def set_policy(sku: str) -> Response:
    def act() -> Response:
        given = _form(schemas.StockPolicyIn, numbers=("lead_days", "safety_days"))
        setting.set_policy(catalog.variant(sku, lock=True), **given, by=actor(), at=now())
        return _done("It is set.", "/stock/planning")

    return or_again(act, lambda **why: _outlook(typed=request.form, typed_sku=sku, **why))


@bp.get("/stock/places")
@allow(*SHELF)
def list_places() -> Response:
    """The clinics and the places in them."""
    return _places()


@bp.post("/stock/sites")
@allow(Role.MANAGER)
def open_site() -> Response:
    def act() -> Response:
        given = _form(schemas.SiteIn, fills_orders="fills_orders" in request.form)
        made = arranging.open_site(**given, by=actor(), at=now())
        return _done(f"{made.name} is open. Open the places in it next.", "/stock/places")

    return or_again(act, lambda **why: _places(typed=request.form, **why))


@bp.post("/stock/sites/<code>/close")
@allow(Role.MANAGER)
def close_site(code: str) -> Response:
    def act() -> Response:
        site = places.site(code, lock=True)
        arranging.close_site(site, by=actor(), at=now())
        return _done(f"{site.name} is closed.", "/stock/places")

    return or_again(act, _places)


@bp.post("/stock/places")
@allow(Role.MANAGER)
def open_location() -> Response:
    def act() -> Response:
        site = places.site(request.form.get("site", ""), lock=True)
        given = _form(schemas.LocationIn)
        made = arranging.open_location(site, **given, by=actor(), at=now())
        return _done(f"{made.name} is open.", "/stock/places")

    return or_again(act, lambda **why: _places(typed=request.form, **why))


@bp.post("/stock/places/<code>/close")
@allow(Role.MANAGER)
def close_location(code: str) -> Response:
    def act() -> Response:
        place = places.place(code)
        arranging.close_location(place, by=actor(), at=now())
        return _done(f"{place.name} is closed.", "/stock/places")

    return or_again(act, _places)


@bp.get("/stock/lots/<number>/places")
@allow(*SHELF)
def where(number: str) -> Response:
    """Where a lot lies, and why it can or cannot be sold; carry it elsewhere, open a tester."""
    return _where(number)


@bp.post("/stock/lots/<number>/places")
@allow(*SHELF)
def put_away(number: str) -> Response:
    def act() -> Response:
        given = _form(schemas.PutAwayIn, numbers=("units",))
        lot = inventory.lot(number, lock=True)
        putting_away.put_away(
            lot,
            given["units"],
            from_=locations.location(given["origin"]),
            to=locations.location(given["to"]),
            reference_id=given["reference"] or uuid.uuid4(),
            by=actor(),
            at=now(),
        )
        return _done("It is put away.", f"/stock/lots/{number}/places")

    return or_again(act, lambda **why: _where(number, typed=request.form, **why))


@bp.post("/stock/lots/<number>/testers")
@allow(*SHELF)
def open_tester(number: str) -> Response:
    def act() -> Response:
        given = _form(schemas.TesterIn, numbers=("months",), lot=number)
        made = testers.open_tester(
            inventory.lot(number, lock=True),
            origin=locations.location(given["origin"]),
            months=given["months"],
            by=actor(),
            at=now(),
            today=_today(),
        )
        return _done(f"Write {made.number} on the pack.", "/stock/testers")

    return or_again(act, lambda **why: _where(number, typed=request.form, **why))


@bp.get("/stock/testers")
@allow(*SHELF)
def list_testers() -> Response:
    """What clients may try, the first to be thrown away first."""
    return _testers()


@bp.post("/stock/testers/<number>/end")
@allow(*SHELF)
def end_tester(number: str) -> Response:
    def act() -> Response:
        given = _form(schemas.StockReasonIn)
        testers.end(places.tester(number), reason=given["reason"], by=actor(), at=now())
        return _done("It is thrown away.", "/stock/testers")

    return or_again(act, lambda **why: _testers(typed=request.form, ending=number, **why))


@bp.get("/stock/transfers")
@allow(*SHELF)
def list_transfers() -> Response:
    """What goes from clinic to clinic; send something."""
    return _transfers()


@bp.post("/stock/transfers")
@allow(*SHELF)
def send() -> Response:
    def act() -> Response:
        rows = [_numbered(row) for row in _typed_rows() if any(row.values())]
        asked = _form(schemas.TransferIn, lines=rows)
        sent = transferring.send(
            queries.packed(asked["lines"]),
            to=places.site(asked["to"]),
            by=actor(),
            at=now(),
            today=_today(),
        )
        return _done("It is on its way.", f"/stock/transfers/{sent.number}")

    return or_again(act, lambda **why: _transfers(typed=request.form, rows=_typed_rows(), **why))


@bp.get("/stock/transfers/<number>")
@allow(*SHELF)
def show_transfer(number: str) -> Response:
    """A transfer, and what of it has arrived."""
    return _transfer(number)


@bp.post("/stock/transfers/<number>/arrivals")
@allow(*SHELF)
def arrive(number: str) -> Response:
    def act(found: Transfer) -> str:
        lines = [
            _numbered({"line": name.removeprefix("units-"), "units": text.strip() or "0"})
            for name, text in request.form.items()
            if name.startswith("units-")
        ]
        given = _form(schemas.TransferArrivalIn, lines=lines)
        counted = {one["line"]: one["units"] for one in given["lines"]}
        into = locations.location(given["into"])
        transferring.arrive(found, counted, into=into, by=actor(), at=now())
        return f"{found.missing} are missing." if found.missing else "All of it is there."

    return _changed(number, act)


@bp.post("/stock/transfers/<number>/loss")
@allow(*SHELF)
def give_up(number: str) -> Response:
    def act(found: Transfer) -> str:
        given = _form(schemas.StockReasonIn)
        transferring.give_up(found, reason=given["reason"], by=actor(), at=now())
        return "It is written off."

    return _changed(number, act)


def _worth(one: AtRisk) -> tuple[int, int, str]:
    """The most first: what the unsold packs cost, or would have brought where nobody knows."""
    worth = one.cost_cents if one.cost_cents is not None else (one.price_cents or 0)
    return (-worth, (one.lot.sellable_until - _today()).days, one.lot.number)


def _missing(one: Outlook) -> tuple[int, int, str]:
    """The most first: what the order would cost; then what is used up first."""
    return (-(one.order_cents or 0), one.days_left or 0, one.variant.sku)


def _outlook(**context: Any) -> Response:
    at, today = now(), _today()
    found = queries.outlooks(today=today, at=at)
    return _rendered(
        "outlook.html",
        low=[one for one in found if one.need.low],
        others=[one for one in found if not one.need.low and one.demand.daily],
        at_risk=queries.at_risk(days=queries.SOON, today=today, at=at),
        dead=queries.dead(days=queries.STILL, at=at),
        soon=queries.SOON,
        still=queries.STILL,
        **context,
    )


def _places(**context: Any) -> Response:
    kinds = [(kind.value, kind.replace("_", " ").capitalize()) for kind in LocationKind]
    found = places.places()
    return _rendered(
        "places.html",
        sites=places.sites(),
        places=found,
        closable=_closable(found),
        kinds=kinds,
        **context,
    )


def _closable(found: list[Place]) -> set[str]:
    """The codes of empty places that are not the last of their kind where orders are filled."""
    open_ = [one.location for one in found if one.location.closed_at is None]
    kinds = Counter(place.kind for place in open_ if place.site.fills_orders)
    empty = {one.location.code for one in found if not one.units}
    return {
        place.code
        for place in open_
        if place.code in empty and (not place.site.fills_orders or kinds[place.kind] > 1)
    }


def _where(number: str, **context: Any) -> Response:
    lot = inventory.lot(number)
    held = places.lying([lot.id]).get(lot.id, [])
    return _rendered(
        "where.html",
        lot=lot,
        held=held,
        reasons=explaining.explain(lot, held, today=_today()),
        shelves=_shelves(),
        holding=[
            (one.location.code, f"{one.location.name} ({one.location.site.name})")
            for one in held
            if one.location.kind in SHELVES
        ],
        reference=uuid.uuid4(),
        may_try=_may_try(lot),
        **context,
    )


def _testers(**context: Any) -> Response:
    return _rendered("testers.html", testers=places.testers(), **context)


def _transfers(**context: Any) -> Response:
    found = page(
        places.transfers(),
        places.NEWEST_FIRST,
        limit=SHOWN,
        after=request.args.get("after"),
        descending=True,
    )
    told = {"rows": [{} for _ in range(ROWS)]} | context
    sites = [(site.code, site.name) for site in places.sites() if site.closed_at is None]
    return _rendered("transfers.html", shown=found, sites=sites, shelves=_shelves(), **told)


def _transfer(number: str, **context: Any) -> Response:
    found = places.transfer(number)
    into = [
        (one.location.code, one.location.name)
        for one in places.places()
        if one.location.site_id == found.to_site_id
        and one.location.kind in SHELVES
        and one.location.closed_at is None
    ]
    may_give_up = found.missing and found.sent_by_id != actor().id
    return _rendered("transfer.html", one=found, into=into, may_give_up=may_give_up, **context)


def _shelves() -> list[tuple[str, str]]:
    """The open shelves of every clinic, for a choice."""
    return [
        (one.location.code, f"{one.location.name} ({one.location.site.name})")
        for one in places.places()
        if one.location.kind in SHELVES and one.location.closed_at is None
    ]


def _may_try(lot: Lot) -> bool:
    variant = lot.variant
    prescribed = variant.doctor_only or variant.legal_class.prescription_only
    return lot.usable(_today()) and not prescribed


def _typed_rows() -> list[dict[str, str]]:
    """The rows of a transfer, as they were typed."""
    names = ("lot", "origin", "units")
    return [
        {name: request.form.get(f"lines.{index}.{name}", "").strip() for name in names}
        for index in range(ROWS)
    ]


def _numbered(row: dict[str, str]) -> dict[str, Any]:
    units = row["units"]
    return row | {"units": int(units) if units.isdecimal() and len(units) < 10 else units}


def _changed(number: str, act: Callable[[Transfer], str]) -> Response:
    def done() -> Response:
        told = act(places.transfer(number, lock=True))
        return _done(told, f"/stock/transfers/{number}")

    return or_again(done, lambda **why: _transfer(number, typed=request.form, **why))


def _done(told: str, path: str) -> Response:
    db.session.commit()
    flash(told)
    return to(path)


def _form(schema: Any, **given: Any) -> Any:
    """See `web.forms.form`. Raises PlanningRefused."""
    return form(schema, refused=PlanningRefused, **given)


def _rendered(template: str, **context: Any) -> Response:
    manages = actor().role is Role.MANAGER
    return rendered(f"planning/{template}", today=_today(), manages=manages, **context)


def _today() -> date:
    """The clinic's day."""
    return day_in(current_app.config["SHOP"].clinic_time_zone, now())
