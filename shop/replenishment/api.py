"""What runs out, and auto-refills, over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, current_app

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.replenishment import (
    agreeing,
    choosing,
    offering,
    queries,
    schemas,
    stopping,
    supplying,
)
from shop.replenishment.agreeing import Yes
from shop.replenishment.models import RefillCycle
from shop.replenishment.schemas import Refills
from shop.replenishment.statements import VERSION
from shop.web import idempotency
from shop.web.api import Blueprint, committed
from shop.web.paging import page

bp = Blueprint("refills", __name__, url_prefix="/api/v1/refills", description="What is due again")

WORKERS = (Role.STAFF, Role.MANAGER, Role.PHYSICIAN)


@bp.get("")
@allow(Role.CLIENT)
@bp.response(200, schemas.RefillsOut)
def mine() -> Refills:
    """What runs out when, why that moved, and what is sent again by itself."""
    supplies = supplying.of_client(actor(), at=now(), zone=_zone())
    wanted = queries.reminded([actor().id]).get(actor().id, True)
    return Refills(supplies, queries.auto_refills(actor()), wanted)


@bp.post("/terms")
@allow(Role.CLIENT)
@bp.arguments(schemas.TermsIn)
@bp.response(200, schemas.TermsOut)
def terms(given: dict[str, Any]) -> dict[str, Any]:
    """All terms, before anybody agrees. Changes nothing."""
    _, offered = offering.offer(actor(), given.pop("sku"), **given, zone=_zone(), at=now())
    return vars(offered) | {"statement_version": VERSION}


@bp.post("")
@allow(Role.CLIENT)
@idempotency.required
@bp.arguments(schemas.AgreementIn)
@bp.response(201, schemas.AutoRefillOut)
def agree(given: dict[str, Any]) -> Response:
    """Have a pack sent again by itself, on terms that were read."""
    yes, at = _yes(given), now()
    variant, offered = offering.offer(actor(), given.pop("sku"), **given, zone=_zone(), at=at)
    made = agreeing.agree(actor(), variant, offered, yes, by=actor(), at=at)
    return committed(schemas.AutoRefillOut, made, 201)


@bp.post("/<number>/consents")
@allow(Role.CLIENT)
@bp.arguments(schemas.ConsentIn)
@bp.response(201, schemas.AutoRefillOut)
def agree_anew(given: dict[str, Any], number: str) -> Response:
    """Agree to other terms: another card or address, a price that rose."""
    yes, at = _yes(given), now()
    refill = queries.auto_refill_for(actor(), number, lock=True)
    _, offered = offering.offer(actor(), refill.variant.sku, **given, zone=_zone(), at=at)
    agreeing.agree_anew(refill, offered, yes, by=actor(), at=at)
    return committed(schemas.AutoRefillOut, refill, 201)


@bp.post("/<number>/pause")
@allow(Role.CLIENT)
@bp.response(200, schemas.AutoRefillOut)
def pause(number: str) -> Response:
    """Charge nothing until she goes on."""
    return _stopped(number, stopping.pause)


@bp.post("/<number>/resumption")
@allow(Role.CLIENT)
@bp.response(200, schemas.AutoRefillOut)
def resume(number: str) -> Response:
    """Go on."""
    return _stopped(number, stopping.resume)


@bp.post("/<number>/cancellation")
@allow(Role.CLIENT)
@bp.response(200, schemas.AutoRefillOut)
def cancel(number: str) -> Response:
    """End it for good, at once."""
    return _stopped(number, stopping.cancel)


@bp.put("/reminders")
@allow(Role.CLIENT)
@bp.arguments(schemas.RemindersIn)
@bp.response(200, schemas.RemindersIn)
def choose(given: dict[str, Any]) -> Response:
    """Say whether to be reminded of what runs out."""
    choice = choosing.choose(actor(), wanted=given["wanted"], at=now())
    return committed(schemas.RemindersIn, choice)


@bp.get("/stuck")
@allow(*WORKERS)
@bp.arguments(schemas.StuckQuery, location="query")
@bp.response(200, schemas.StuckPageOut)
def stuck(asked: dict[str, Any]) -> dict[str, Any]:
    """Refills that are blocked or were not paid, asked next first."""
    return page(queries.stuck(), (RefillCycle.act_on, RefillCycle.id), **asked)


def _stopped(number: str, act: Callable[..., None]) -> Response:
    refill = queries.auto_refill_for(actor(), number, lock=True)
    act(refill, by=actor(), at=now())
    return committed(schemas.AutoRefillOut, refill)


def _yes(given: dict[str, Any]) -> Yes:
    return Yes(given.pop("agreed"), given.pop("statement_version"), given.pop("expect_total_cents"))


def _zone() -> str:
    zone: str = current_app.config["SHOP"].clinic_time_zone
    return zone
