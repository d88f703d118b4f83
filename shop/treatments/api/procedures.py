"""The library of procedures over HTTP, and who may do each where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import date
from typing import Any

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.treatments import rulebook, schemas, scope
from shop.treatments.procedures import LIBRARY, Procedure
from shop.treatments.scope import NoSuchProcedure, ScopeRule
from shop.web.api import Blueprint

bp = Blueprint("procedures", __name__, url_prefix="/api/v1", description="What the clinic does")

READERS = (Role.ESTHETICIAN, Role.PHYSICIAN, Role.MANAGER)


@bp.get("/procedures")
@allow(*READERS)
@bp.arguments(schemas.ProceduresQuery, location="query")
@bp.response(200, schemas.ProceduresOut)
def list_procedures(asked: dict[str, Any]) -> dict[str, Any]:
    """Every procedure of the library, and whether I may do it in a state."""
    state, on = asked["state"], now().date()
    if state is None:
        return {"items": [_told(procedure) for procedure in LIBRARY.values()]}
    rules, kind = rulebook.scope_rules(state, on=on), _my_kind(state, on)
    answers = {
        code: _answered(procedure, kind, asked, rules, on) for code, procedure in LIBRARY.items()
    }
    return {"items": [_told(LIBRARY[code], answer) for code, answer in answers.items()]}


@bp.get("/procedures/<code>/scope")
@allow(*READERS)
@bp.arguments(schemas.ScopeQuery, location="query")
@bp.response(200, schemas.ScopeOut)
def procedure_scope(asked: dict[str, Any], code: str) -> dict[str, Any]:
    """Who may do a procedure in a state: by a kind of licence, or by the one I hold there."""
    if code not in LIBRARY:
        raise NoSuchProcedure("There is no such procedure.", procedure=code)
    on = now().date()
    kind = asked["kind"] or _my_kind(asked["state"], on)
    rules = rulebook.scope_rules(asked["state"], on=on)
    return _answered(LIBRARY[code], kind, asked, rules, on)


def _my_kind(state: str, on: date) -> str | None:
    """Of the licence that who asks holds in a state on a day; there is one at most."""
    held = (one.kind for one in actor().licences if one.state == state and one.in_force(on))
    return next(held, None)


def _answered(
    procedure: Procedure,
    kind: str | None,
    asked: dict[str, Any],
    rules: Iterable[ScopeRule],
    on: date,
) -> dict[str, Any]:
    about = {"state": asked["state"], "kind": kind, "supervised": asked["supervised"]}
    answer = scope.may(procedure, **about, rules=rules, on=on)
    told = {"verdict": answer.verdict, "why": answer.why, "rules": answer.rules}
    return {"procedure": procedure.code, "on": on} | about | told


def _told(procedure: Procedure, answer: dict[str, Any] | None = None) -> dict[str, Any]:
    return asdict(procedure) | {"scope": answer}
