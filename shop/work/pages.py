"""Pages of long work: what I asked for, how far it is, and its file."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, flash, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import Refusal
from shop.web.downloads import as_attachment
from shop.web.forms import or_again, rendered, to
from shop.web.paging import page
from shop.work import carrying, queries
from shop.work.models import WorkKind
from shop.work.states import WorkStatus

bp = Blueprint("work_pages", __name__)
SHOWN = 30

KINDS = {
    WorkKind.IMPORT: lazy_gettext("Import"),
    WorkKind.REHEARSAL: lazy_gettext("Rehearsal of an import"),
    WorkKind.RECALL_LETTERS: lazy_gettext("Recall letters"),
    WorkKind.REPORT: lazy_gettext("Report"),
    WorkKind.EXPORT: lazy_gettext("Export"),
}


@bp.get("/work")
@allow(*Role)
def list_work() -> Response:
    """What I asked for; a manager sees everybody's."""
    wanted = request.args.get("status", "")
    status = WorkStatus(wanted) if wanted in list(WorkStatus) else None
    shown = page(
        queries.works(actor(), status=status),
        queries.NEWEST_FIRST,
        limit=SHOWN,
        after=request.args.get("after"),
        descending=True,
    )
    return _rendered("list.html", shown=shown, status=status)


@bp.get("/work/<uuid:work_id>")
@allow(*Role)
def show(work_id: uuid.UUID) -> Response:
    """How far it is; the page asks again by itself while it goes on."""
    return _one(work_id, partial=request.headers.get("HX-Request") == "true")


@bp.post("/work/<uuid:work_id>/resumption")
@allow(*Role)
def resume(work_id: uuid.UUID) -> Response:
    def act() -> Response:
        carrying.resume(queries.work_for(actor(), work_id))
        db.session.commit()
        flash(_("It is queued again."))
        return to(f"/work/{work_id}")

    return or_again(act, lambda **why: _one(work_id, **why))


@bp.get("/work/<uuid:work_id>/file")
@allow(*Role)
def fetch(work_id: uuid.UUID) -> Response:
    """The file it made; its page again, where the file is gone."""
    try:
        file, content = queries.file_for(actor(), work_id, at=now())
    except Refusal as refused:
        gone = _one(work_id, detail=refused.text)
        gone.status_code = 410
        return gone
    return as_attachment(content, file.media_type, name=file.name.removesuffix(".csv"))


def _one(work_id: uuid.UUID, *, partial: bool = False, **context: object) -> Response:
    work, at = queries.work_for(actor(), work_id), now()
    return _rendered(
        "_progress.html" if partial else "work.html",
        work=work,
        to_go=work.seconds_to_go(at),
        resumable=work.kind in carrying.CARRIERS,
        kept=work.file is not None and work.file.expires_at > at,
        mine=work.asked_by_id == actor().id,
        **context,
    )


def _rendered(template: str, **context: object) -> Response:
    return rendered(f"work/{template}", kinds=KINDS, statuses=list(WorkStatus), **context)
