"""What stands beside a case: the plan as a picture, what was prescribed before, the shelf.

Fetched after the case itself, so that the case is there at once; without JavaScript it is a page of
its own. So are the templates that fit the directions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from flask import Response, current_app, request

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.catalog import queries as catalog
from shop.catalog.errors import NoSuchVariant
from shop.catalog.models import Variant
from shop.charts import reading
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.inventory import queries as inventory
from shop.prescriptions import clocks, desk, directions, queries
from shop.prescriptions.clocks import StockClock
from shop.prescriptions.models import ApprovalRequest
from shop.prescriptions.pages.blueprint import bp, rendered
from shop.prescriptions.screening import checking
from shop.treatments import picturing
from shop.treatments import queries as treatments
from shop.treatments.models import Plan
from shop.treatments.states import PlanStatus


@dataclass(frozen=True)
class Shown:
    """The shelf of one pack: units that may be promised today, and the day the first expire."""

    free: int
    next_expiry: date | None
    short: StockClock | None


@bp.get("/review/<number>/beside")
@allow(Role.PHYSICIAN)
def beside(number: str) -> Response:
    """Plan, history and shelf of a case. Opening it is written down."""
    at = now()
    asked = queries.request_for(actor(), number, at=at)
    pack = _pack(asked)
    reading.open_record(
        actor(),
        asked.client,
        record=f"approval_request {number}, plan and history",
        purpose=reading.TREATMENT,
    )
    plan = _plan(asked, at)
    today = day_in(current_app.config["SHOP"].clinic_time_zone, at)
    page = rendered(
        "beside.html",
        partial=_partial(),
        request=asked,
        pack=pack,
        at=at,
        plan=plan,
        ribbon_shown=picturing.ribbon_of(plan, at=at) if plan else None,
        earlier=queries.earlier(actor(), asked.client, at=at),
        shelf=_shelf(pack, today),
    )
    db.session.commit()  # written down for good before it is shown
    return page


@bp.get("/review/<number>/templates")
@allow(Role.PHYSICIAN)
def templates_for(number: str) -> Response:
    """The templates for directions that fit the pack of a case."""
    asked = queries.request_for(actor(), number, at=now())
    pack = _pack(asked)
    product = checking.products_known([pack.product_id])[pack.product_id]
    names = [name for one in product.actives for name in (one.filed, one.name) if name]
    found = directions.fitting(directions.offered(actor()), form=product.form, actives=names)
    return rendered("templates_for.html", partial=_partial(), request=asked, pack=pack, found=found)


def _partial() -> bool:
    return request.headers.get("HX-Request") == "true"


def _pack(asked: ApprovalRequest) -> Variant:
    try:
        return catalog.variant(request.args.get("sku") or asked.variant.sku)
    except NoSuchVariant:
        return asked.variant


def _plan(asked: ApprovalRequest, at: datetime) -> Plan | None:
    """The plan it is part of; else the client's newest that runs, of those she may see."""
    seen = treatments.plans(actor(), at=at).where(Plan.client_id == asked.client_id)
    if asked.plan_id is not None:
        seen = seen.where(Plan.id == asked.plan_id)
    else:
        seen = seen.where(Plan.status.in_((PlanStatus.ACTIVE, PlanStatus.ON_HOLD)))
    newest = seen.order_by(sa.desc(Plan.created_at), Plan.id).limit(1)
    return db.session.scalars(newest).one_or_none()


def _shelf(pack: Variant, today: date) -> Shown:
    (shelf,) = inventory.shelves([pack], today=today)
    lots = [one for one in shelf.lots if one.sellable(today) and one.free]
    clock = clocks.stock_clock(
        [clocks.Units(one.free, one.expires_on) for one in lots],
        desk.wanted([pack.id]).get(pack.id, []),
        today=today,
    )
    return Shown(shelf.free, min((one.expires_on for one in lots), default=None), clock)
