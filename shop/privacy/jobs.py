"""What happens to requests about the own record by itself. An edge.

A copy holds what the client may read on her pages, in the shapes of the API: one file a part, as
JSON, beside the papers as PDF, her photos, and one page to read it all. Each part is committed by
itself, so that a copy that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from flask import current_app, render_template

from shop.accounts import passkeys
from shop.accounts.models import Person
from shop.accounts.queries import sessions_of, tokens_of
from shop.accounts.schemas import AccessOut, PasskeyOut, TokenOut, UserOut
from shop.charts import queries as charts
from shop.charts.models import Access
from shop.charts.schemas import ChartOut
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.core.errors import StartAgain
from shop.core.jobs import job
from shop.core.sealed import NotOpened
from shop.credit import queries as credit
from shop.credit.models import CreditEntry
from shop.credit.schemas import CreditOut
from shop.credit.schemas import told as told_credit
from shop.invoices import printing
from shop.invoices.history import history
from shop.invoices.queries import papers_of
from shop.invoices.schemas import PaperOut
from shop.orders import queries as orders
from shop.orders.models import Order
from shop.orders.schemas import NO_PAYMENT, OrderOut, Told
from shop.payments import queries as payments
from shop.payments.schemas import CardOut
from shop.prescriptions import opening
from shop.prescriptions import queries as prescriptions
from shop.prescriptions.models import ApprovalRequest, Prescription
from shop.prescriptions.schemas import (
    WholePrescriptionOut,
    WholeRequestOut,
    whole,
    whole_prescription,
)
from shop.privacy import closing, exporting, queries
from shop.privacy.errors import ClosureWaits
from shop.privacy.models import RecordExport
from shop.privacy.states import ExportStatus
from shop.recalls import queries as recalls
from shop.recalls.schemas import RecallNoticeOut
from shop.replenishment import queries as refills
from shop.replenishment.schemas import AutoRefillOut
from shop.returns import queries as returns
from shop.returns.schemas import ReturnRequestOut
from shop.treatments import queries as treatments
from shop.treatments.models import Plan
from shop.treatments.schemas import ReportsOut, WholePlanOut, reported
from shop.treatments.schemas import whole as whole_plan
from shop.web.tongues import speaking

Files = Iterator[tuple[str, bytes]]
Part = Callable[[Person, datetime], Files]

# What the worker starts by itself: the job's name and when (minute hour day month weekday).
PERIODIC = {"tend_privacy_requests": "10 * * * *"}
STUCK = timedelta(days=1)  # a copy that takes longer is looked at by a person
log = structlog.get_logger()


@job("make_export")
def make_export(*, export_id: str) -> None:
    """Make the files of a copy, part by part. Safe to repeat: it goes on where it stopped."""
    key = UUID(export_id)
    try:
        while _next_part(key):
            pass
    except NotOpened:
        db.session.rollback()
        log.exception("export_not_opened", export=export_id)
        exporting.fail(queries.locked_export(key), at=now())
        db.session.commit()


@job("tend_privacy_requests", retry=False)
def tend_privacy_requests(timestamp: int = 0) -> None:
    """Copies that nobody fetched go; accounts whose seven days are over are closed."""
    at = now()
    for export_id in queries.overdue_exports(at=at):
        exporting.lapse(queries.locked_export(export_id), at=at)
        db.session.commit()
    for export_id in queries.stuck_exports(since=at - STUCK):
        exporting.fail(queries.locked_export(export_id), at=at)
        db.session.commit()
    today = day_in(current_app.config["SHOP"].clinic_time_zone, at)
    for closure_id in queries.due_closures(at=at):
        try:
            closing.close(queries.locked_closure(closure_id), today=today, at=now())
            db.session.commit()
        except ClosureWaits as waits:
            db.session.rollback()
            log.info("closure_waits", closure=str(closure_id), kinds=sorted(waits.fields))
        except StartAgain:
            db.session.rollback()  # the next round does it


def _next_part(export_id: UUID) -> bool:
    """Make one part, and say whether there is another."""
    export = queries.locked_export(export_id)
    if export.status is not ExportStatus.ASKED:
        db.session.rollback()
        return False
    if export.parts_total != len(PARTS) + 1:
        export.parts_total = len(PARTS) + 1
        db.session.flush()
    done = export.parts_done
    with speaking(export.client.language):
        if done < len(PARTS):
            exporting.add(export, PARTS[done](export.client, now()))
        else:
            exporting.add(export, _to_read(export))
            exporting.ready(export, at=now())
    db.session.commit()
    return done < len(PARTS)


def _account(client: Person, at: datetime) -> Files:
    """Who she is to the shop, and what opens her account."""
    sessions = [
        {
            "browser": one.agent,
            "signed_in_at": one.created_at.isoformat(),
            "seen_at": one.seen_at.isoformat(),
        }
        for one in sessions_of(client, at=at)
    ]
    yield _json(
        "account",
        UserOut().dump(client)
        | {
            "language": client.language,
            "opened_at": client.created_at.isoformat(),
            "passkeys": PasskeyOut(many=True).dump(passkeys.passkeys_of(client)),
            "sessions": sessions,
            "programs": TokenOut(many=True).dump(tokens_of(client, at=at)),
        },
    )


def _health(client: Person, at: datetime) -> Files:
    """The chart as it stands, and everything that was ever said in it."""
    chart = charts.chart_of(client, at=at)
    yield _json(
        "health",
        ChartOut().dump(
            vars(chart)
            | {
                "client": client,
                "none_known": chart.none_known.values(),
                "lacks_guardian": chart.lacks_guardian(at.date()),
                "history": list(db.session.scalars(charts.entries_of(client))),
            }
        ),
    )


def _requests(client: Person, at: datetime) -> Files:
    """What she asked a physician, her answers, and what was said."""
    query = prescriptions.requests(client, at=at).order_by(ApprovalRequest.created_at)
    cases = [
        opening.open_case(client, one.number, at=at) for one in db.session.scalars(query).unique()
    ]
    yield _json(
        "requests",
        [
            WholeRequestOut().dump(whole(case.request, client, hits=case.hits, at=at))
            for case in cases
        ],
    )


def _prescriptions(client: Person, at: datetime) -> Files:
    """What was prescribed, with its directions and statement."""
    query = prescriptions.prescriptions(client).order_by(Prescription.signed_at)
    yield _json(
        "prescriptions",
        [
            WholePrescriptionOut().dump(
                whole_prescription(
                    one,
                    outlook=prescriptions.outlook_of(one, at=at),
                    left=orders.left_under([one.id]),
                    renewal=None,
                )
            )
            for one in db.session.scalars(query).unique()
        ],
    )


def _plans(client: Person, at: datetime) -> Files:
    """Treatment plans and their sessions, what she reported, and her photos."""
    found = list(db.session.scalars(treatments.plans(client, at=at).order_by(Plan.created_at)))
    yield _json("plans", [WholePlanOut().dump(whole_plan(one, at, inside=False)) for one in found])
    yield _json("reports", [ReportsOut().dump(reported(one, inside=False)) for one in found])
    for plan in found:
        for session in plan.sessions:
            for report in session.reports:
                for photo in report.photos:
                    if photo.picture is not None:
                        yield f"photos/{photo.id}.webp", photo.picture


def _orders(client: Person, at: datetime) -> Files:
    """Orders with their lines, parcels, payments and history, and their papers."""
    found = list(db.session.scalars(orders.orders_for(client).order_by(Order.placed_at)).unique())
    told = [
        Told(one, payments.payment_to_show(one.id) or NO_PAYMENT, history(one, client))
        for one in found
    ]
    yield _json("orders", OrderOut(many=True).dump(told))
    papers = [paper for one in found for paper in papers_of(one)]
    yield _json("papers", PaperOut(many=True).dump(papers))
    for paper in papers:
        yield f"papers/{paper.number}.pdf", printing.draw(paper)


def _money(client: Person, at: datetime) -> Files:
    """Store credit, saved cards, refills by themselves, and what she sent back."""
    entries = list(db.session.scalars(credit.entries(client).order_by(CreditEntry.seq)))
    yield _json(
        "credit",
        CreditOut().dump(
            {
                "client": client.id,
                "balance_cents": credit.balance(client),
                "items": told_credit(entries),
            }
        ),
    )
    yield _json("cards", CardOut(many=True).dump(payments.cards_of(client)))
    yield _json("refills", AutoRefillOut(many=True).dump(refills.auto_refills(client)))
    asked = db.session.scalars(returns.requests_for(client)).unique()
    yield _json("returns", ReturnRequestOut(many=True).dump(list(asked)))
    yield _json("recalls", RecallNoticeOut(many=True).dump(recalls.notices_for(client)))


def _opened(client: Person, at: datetime) -> Files:
    """Who opened her record, when and why."""
    query = charts.accesses_of(client).order_by(Access.at, Access.id)
    yield _json("opened", AccessOut(many=True).dump(list(db.session.scalars(query))))


PARTS: tuple[Part, ...] = (
    _account,
    _health,
    _requests,
    _prescriptions,
    _plans,
    _orders,
    _money,
    _opened,
)


def _to_read(export: RecordExport) -> Files:
    """One page that shows it all, how it looks, and the list of the files with their hashes."""
    files = [(one.name, exporting.opened(one)) for one in queries.files_of(export)]
    shown = {
        name.removesuffix(".json"): json.loads(content)
        for name, content in files
        if name.endswith(".json")
    }
    page = render_template(
        "privacy/record.html",
        export=export,
        client=export.client,
        sections=[(name, shown[name]) for name in SECTIONS if name in shown],
        others=[name for name, _ in files if not name.endswith(".json")],
    )
    yield "record.html", page.encode()
    yield "record.css", render_template("privacy/record.css").encode()
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files}
    yield _json(
        "index",
        {
            "number": export.number,
            "client": str(export.client_id),
            "asked_at": export.asked_at.isoformat(),
            "files_sha256": hashes | {"record.html": hashlib.sha256(page.encode()).hexdigest()},
        },
    )


# In the order in which a person reads them.
SECTIONS = (
    *("account", "health", "requests", "prescriptions", "plans", "reports"),
    *("orders", "papers", "returns", "recalls", "credit", "cards", "refills", "opened"),
)


def _json(name: str, told: Any) -> tuple[str, bytes]:
    plain = json.loads(current_app.json.dumps(told))
    return f"{name}.json", json.dumps(plain, ensure_ascii=False, indent=2).encode()
