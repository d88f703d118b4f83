"""Requests about the own record over HTTP: /me/record-exports, /me/account-closure."""

from __future__ import annotations

from typing import Any

from flask import Response

from shop.accounts.access import actor, allow, browser_session, require_fresh_proof
from shop.accounts.models import Role
from shop.accounts.scopes import Scope
from shop.core.clock import now
from shop.core.db import db
from shop.privacy import closing, exporting, keeping, obstacles, queries, schemas
from shop.web.api import Blueprint, committed

bp = Blueprint("privacy", __name__, url_prefix="/api/v1", description="What one asks of the record")

CLINIC = (Role.PHYSICIAN, Role.ESTHETICIAN, Role.STAFF, Role.MANAGER)


@bp.get("/me/record-exports")
@allow(Role.CLIENT)
@bp.response(200, schemas.RecordExports)
def list_exports() -> dict[str, Any]:
    """The copies of my record that I asked for, the latest first."""
    return {"items": queries.exports_of(actor()), "next": None}


@bp.post("/me/record-exports")
@allow(Role.CLIENT, scope=Scope.ACCOUNT)
@bp.response(201, schemas.RecordExportOut)
def ask_for_a_copy() -> Response:
    """Ask for a copy of my record. It is made in minutes, and waits for seven days."""
    export = exporting.ask(actor(), by=actor(), at=now())
    db.session.flush()
    db.session.refresh(export)
    return committed(schemas.RecordExportOut, export, 201)


@bp.post("/me/record-exports/<number>/download")
@allow(Role.CLIENT)
@bp.response(200, content_type=schemas.ZIP)
def download(number: str) -> Response:
    """The copy as a ZIP, once. I signed in afresh just now."""
    return schemas.fetched(number)


@bp.get("/me/account-closure")
@allow(Role.CLIENT)
@bp.response(200, schemas.ClosingOut)
def show_closing() -> dict[str, Any]:
    """What would go, what would stay and until when, and what is in the way."""
    client = actor()
    return {
        "closure": queries.closure_of(client),
        "obstacles": [
            {"kind": one.kind, "numbers": one.numbers, "remedy": closing.WHAT_TO_DO[one.kind]}
            for one in obstacles.of(client)
        ],
        "goes": keeping.GOES,
        "kept": keeping.of(client, today=schemas.today(now())),
    }


@bp.post("/me/account-closure")
@allow(Role.CLIENT)
@bp.response(201, schemas.AccountClosureOut)
def close() -> Response:
    """Close my account in seven days. I signed in afresh just now."""
    browser_session()
    require_fresh_proof()
    closure = closing.ask(actor(), by=actor(), at=now())
    return committed(schemas.AccountClosureOut, closure, 201)


@bp.post("/me/account-closure/withdrawal")
@allow(Role.CLIENT, scope=Scope.ACCOUNT)
@bp.response(201, schemas.AccountClosureOut)
def keep() -> Response:
    """Keep my account after all."""
    closure = queries.standing_closure(actor(), lock=True)
    closing.withdraw(closure, by=actor(), at=now())
    db.session.refresh(closure)
    return committed(schemas.AccountClosureOut, closure, 201)


@bp.get("/privacy-requests")
@allow(*CLINIC)
@bp.response(200, schemas.PrivacyRequestsOut)
def list_requests() -> dict[str, Any]:
    """What clients asked; for a manager, and whoever has the privacy officer's duty."""
    return schemas.board(actor())


@bp.post("/privacy-requests/<number>/second-try")
@allow(*CLINIC)
@bp.response(201, schemas.RecordExportOut)
def begin_again(number: str) -> Response:
    """Have a copy made again that could not be made."""
    export = queries.export_to_see_to(actor(), number)
    exporting.begin_again(export, by=actor(), at=now())
    return committed(schemas.RecordExportOut, export, 201)
