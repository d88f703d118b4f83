"""Pages: what lies on a physician's desk, and who stands in while she is away."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import Response, current_app, flash, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext

from shop.accounts import delegating
from shop.accounts import queries as accounts
from shop.accounts.access import actor, allow
from shop.accounts.models import Delegation, Role
from shop.accounts.schemas import DelegationIn
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.core.errors import Refused
from shop.inventory import queries as inventory
from shop.prescriptions import clocks, desk, rechecking
from shop.prescriptions.clocks import StockClock
from shop.prescriptions.desk import Desk, Show
from shop.prescriptions.escalating import MEDICAL_DIRECTOR
from shop.prescriptions.models import ApprovalRequest
from shop.prescriptions.pages.blueprint import SHOWN, bp, form, or_again, rendered, to
from shop.prescriptions.screening.risk import Risk
from shop.web.paging import page

SHOWS = [
    (Show.ALL, lazy_gettext("All")),
    (Show.FREE, lazy_gettext("Unclaimed")),
    (Show.MINE, lazy_gettext("Mine")),
    (Show.LATE, lazy_gettext("Late")),
]
RISKS = {
    Risk.HIGH: lazy_gettext("high"),
    Risk.RAISED: lazy_gettext("raised"),
    Risk.ROUTINE: lazy_gettext("routine"),
}
PILLS = {Risk.HIGH: "stop", Risk.RAISED: "warn", Risk.ROUTINE: ""}
UNITS = {
    "day": lambda count: ngettext("%(num)s day", "%(num)s days", count),
    "hour": lambda count: ngettext("%(num)s hour", "%(num)s hours", count),
    "minute": lambda count: ngettext("%(num)s minute", "%(num)s minutes", count),
}
PAST = 10  # delegations shown on the page, the latest


@dataclass(frozen=True)
class Row:
    """A request on the desk, with what its reader should see at a glance."""

    request: ApprovalRequest
    risk: Risk
    due: str
    late: bool
    free: bool
    mine: bool
    assigned: str
    called: Sequence[str]
    held_by: str
    stock: StockClock | None

    @property
    def pill(self) -> str:
        """The colour of its risk."""
        return PILLS[self.risk]

    @property
    def risk_word(self) -> str:
        """In the reader's language."""
        return str(RISKS[self.risk])


@bp.get("/review")
@allow(Role.PHYSICIAN)
def queue() -> Response:
    at = now()
    today = _today(at)
    show, risk = _show(), _risk()
    found = desk.of(actor(), show=show, risk=risk, at=at, day=today)
    waiting = page(found.query, found.keys, limit=SHOWN, after=request.args.get("after"))
    stock = _stock(waiting["items"], today)
    rows = [_row(one, found, stock.get(one.variant_id), at) for one in waiting["items"]]
    return rendered(
        "queue.html",
        rows=rows,
        next=waiting["next"],
        show=show,
        shows=SHOWS,
        risk=risk.word if risk else None,
        risks=[(one.word, text) for one, text in RISKS.items()],
        news=rechecking.how_many_wait(actor(), at=at),
        at=at,
    )


@bp.get("/review/next")
@allow(Role.PHYSICIAN)
def next_case() -> Response:
    """Lead to the case that comes next on the desk, or to the desk where nothing waits."""
    at = now()
    number = desk.next_after(actor(), request.args.get("after"), at=at, day=_today(at))
    if number is None:
        flash(_("Nothing else waits for you."))
    return to(f"/review/{number}" if number else "/review")


@bp.get("/review/away")
@allow(Role.PHYSICIAN)
def away() -> Response:
    return _away()


@bp.post("/review/away")
@allow(Role.PHYSICIAN)
def name_delegate() -> Response:
    def act() -> Response:
        given = form(DelegationIn)
        delegating.delegate(
            actor(),
            accounts.person(given["delegate"]),
            starts_on=given["starts_on"],
            ends_on=given["ends_on"],
            today=_today(now()),
        )
        db.session.commit()
        flash("Noted. Your work is shown first to who stands in for you.")
        return to("/review/away")

    return or_again(act, lambda **why: _away(typed=request.form, **why))


@bp.post("/review/away/<uuid:delegation_id>/withdrawal")
@allow(Role.PHYSICIAN)
def withdraw_delegation(delegation_id: uuid.UUID) -> Response:
    def act() -> Response:
        delegating.withdraw(accounts.delegation_of(actor(), delegation_id), at=now())
        db.session.commit()
        return to("/review/away")

    return or_again(act, _away)


def _away(**context: Any) -> Response:
    shown = page(
        accounts.delegations_of(actor()),
        (Delegation.starts_on, Delegation.id),
        limit=PAST,
        after=None,
        descending=True,
    )
    today = _today(now())
    others = [(one.id, one.name) for one in accounts.physicians() if one.id != actor().id]
    blank = {"typed": {"starts_on": today.isoformat()}}
    return rendered(
        "away.html", named=shown["items"], others=others, today=today, **(blank | context)
    )


def _show() -> Show:
    try:
        return Show(request.args.get("show", Show.ALL))
    except ValueError:
        raise Refused(
            "There is no such part of the desk.",
            fields={"show": [f"Choose among {', '.join(Show)}."]},
        ) from None


def _risk() -> Risk | None:
    asked = request.args.get("risk")
    if not asked:
        return None
    try:
        return next(one for one in Risk if one.word == asked)
    except StopIteration:
        raise Refused(
            "There is no such risk.",
            fields={"risk": [f"Choose among {', '.join(one.word for one in Risk)}."]},
        ) from None


def _row(one: ApprovalRequest, found: Desk, stock: StockClock | None, at: datetime) -> Row:
    assert one.due_at is not None  # or it would not lie there
    held = one.claimed_by is not None and one.claimed_until is not None and at < one.claimed_until
    return Row(
        request=one,
        risk=Risk(one.risk),
        due=due_in_words(one.due_at, at),
        late=one.due_at < at,
        free=not held,
        mine=held and one.claimed_by_id == actor().id,
        assigned=_assigned(one, found),
        called=tuple(_called(one)),
        held_by=_held_by(one) if held else "",
        stock=stock,
    )


def due_in_words(due_at: datetime, at: datetime) -> str:
    """ "due in 3 hours", in the reader's language."""
    left = clocks.left(due_at, at)
    if left.count == 0:
        return str(_("due now"))
    length = UNITS[left.unit](left.count)
    late, ahead = _("%(length)s late", length=length), _("due in %(length)s", length=length)
    return str(late if left.late else ahead)


def _assigned(one: ApprovalRequest, found: Desk) -> str:
    physician = one.assigned_to
    if physician is None:
        return ""
    if physician.id == actor().id:
        return str(_("your client"))
    if physician.id in found.stands_in_for:
        return str(_("for %(name)s, who is away", name=physician.name))
    return str(_("%(name)s's client", name=physician.name))


def _called(one: ApprovalRequest) -> Iterable[str]:
    """Whom the last step calls; before it, whether an earlier one calls the reader."""
    if not one.escalations:
        return
    *earlier, last = one.escalations
    if last.called_id != actor().id and any(step.called_id == actor().id for step in earlier):
        yield _("you are called as second physician")
    director = last.step == MEDICAL_DIRECTOR
    duty = _("medical director") if director else _("second physician")
    if last.called is None:
        yield _("no %(duty)s was found", duty=duty)
    elif last.called_id == actor().id:
        yield _("you are called as %(duty)s", duty=duty)
    else:
        yield _("%(name)s is called as %(duty)s", name=last.called.name, duty=duty)


def _held_by(one: ApprovalRequest) -> str:
    assert one.claimed_by is not None  # asked only of what is held
    if one.claimed_by_id == actor().id:
        return str(_("you have it"))
    return str(_("%(name)s has it", name=one.claimed_by.name))


def _stock(shown: Sequence[ApprovalRequest], today: date) -> Mapping[uuid.UUID, StockClock | None]:
    """The stock clock of each pack that is asked for. Two statements."""
    variants = {one.variant_id: one.variant for one in shown}
    wanted = desk.wanted(variants)
    shelves = inventory.shelves(list(variants.values()), today=today)
    return {
        shelf.variant.id: clocks.stock_clock(
            [clocks.Units(lot.free, lot.expires_on) for lot in shelf.lots if lot.sellable(today)],
            wanted.get(shelf.variant.id, []),
            today=today,
        )
        for shelf in shelves
    }


def _today(at: datetime) -> date:
    return day_in(current_app.config["SHOP"].clinic_time_zone, at)
