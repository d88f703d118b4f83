"""Pages of letters: how each looks, what became of those sent, and which of them a reader wants."""

from __future__ import annotations

import uuid
from datetime import date

from flask import Blueprint, Response, current_app, flash, make_response, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from shop.accounts import queries as accounts
from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import day_in, now
from shop.core.db import act_as, db
from shop.core.errors import NotFound
from shop.notifications import choosing, ending, queries, resending, samples
from shop.notifications.models import Template, Topic, Way
from shop.notifications.states import LetterStatus
from shop.notifications.topics import ENDABLE
from shop.web import headers
from shop.web.forms import or_again, rendered, to
from shop.web.paging import page

bp = Blueprint("letter_pages", __name__)

KEEPERS = (Role.STAFF, Role.MANAGER)
SHOWN = 30
BY_LINK = "system:letter-link"

# A letter brings its colours with it; nothing in it runs, and nothing is fetched for it.
LETTER_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox"
)

TOPICS = {
    Topic.RUNS_OUT: (
        lazy_gettext("Something runs out soon"),
        lazy_gettext("A reminder when something you have from us will soon be used up."),
    ),
    Topic.RENEWALS: (
        lazy_gettext("You may go on"),
        lazy_gettext("A reminder when something you use ends soon and you may ask for more."),
    ),
}
TITLES = {
    Template.ACCOUNT_CONFIRMATION: lazy_gettext("Confirm an address"),
    Template.ACCOUNT_EXISTS: lazy_gettext("There is an account already"),
    Template.REQUEST_RECEIVED: lazy_gettext("Request received"),
    Template.REQUEST_NEWS: lazy_gettext("News about a request"),
    Template.ORDER_PAID: lazy_gettext("Order paid"),
    Template.ORDER_SHIPPED: lazy_gettext("Order shipped"),
    Template.ORDER_CANCELLED: lazy_gettext("Order cancelled"),
    Template.ORDER_EXPIRED: lazy_gettext("Order not paid in time"),
    Template.ORDER_HELD: lazy_gettext("Part of an order waits"),
    Template.ORDER_RESUMED: lazy_gettext("Order goes on"),
    Template.ORDER_TO_PAY: lazy_gettext("Order waits for its payment"),
    Template.ORDER_REDUCED: lazy_gettext("Part of an order cancelled"),
    Template.REFUND_SENT: lazy_gettext("Refund sent"),
    Template.REFUND_AT_THE_DESK: lazy_gettext("Money waits at the desk"),
    Template.LICENCE_EXPIRING: lazy_gettext("Licence ends soon"),
    Template.SIGNING_KEY_EXPIRING: lazy_gettext("Signing key ends soon"),
    Template.PAYMENT_PERMISSION_ENDING: lazy_gettext("Permission for payments ends soon"),
    Template.CASE_NEWS: lazy_gettext("Answer to a physician's question"),
    Template.REQUEST_ESCALATED: lazy_gettext("Call to a request"),
    Template.PRESCRIPTION_RENEWABLE: lazy_gettext("Renewal possible"),
    Template.PRESCRIPTION_NEWS: lazy_gettext("News about a prescription"),
    Template.REPORT_NEWS: lazy_gettext("News about a report"),
    Template.REFILL_DUE: lazy_gettext("Something runs out"),
    Template.REFILL_NOTICE: lazy_gettext("Charge announced"),
    Template.REFILL_NEWS: lazy_gettext("News about a repeat order"),
    Template.REFILL_UNPAID: lazy_gettext("Card not charged"),
    Template.AUTO_REFILL_NEWS: lazy_gettext("Repeat order changed"),
    Template.PLAN_NEWS: lazy_gettext("News about a plan"),
    Template.SESSION_NEWS: lazy_gettext("News about a session"),
    Template.RECALL_NOTICE: lazy_gettext("Recall notice"),
    Template.RETURN_NEWS: lazy_gettext("News about a return"),
    Template.SIGN_IN_CHANGED: lazy_gettext("Another way to sign in"),
    Template.RECORD_READY: lazy_gettext("A copy of the record is ready"),
    Template.CLOSURE_ASKED: lazy_gettext("An account ends soon"),
    Template.CLOSURE_WITHDRAWN: lazy_gettext("An account is kept after all"),
}
WHY = {
    "no_connection": lazy_gettext("The mail server could not be reached."),
    "no_trusted_encryption": lazy_gettext(
        "The mail server could not prove that it is the right one."
    ),
    "no_sign_in": lazy_gettext("The mail server did not let us in."),
    "smtp_535": lazy_gettext("The mail server did not take our password."),
    "account_closed": lazy_gettext("The account is closed; nobody is written to any more."),
    "not_an_address": lazy_gettext("What was given as an address is none."),
    "address_not_supported": lazy_gettext("The mail server cannot write to this kind of address."),
    "too_late": lazy_gettext("It could not be sent for three days, and is no news any more."),
    "ended": lazy_gettext("Its reader has switched letters like it off."),
}


def why_not(code: str) -> str:
    """What went wrong, in words, with the server's number where it gave one."""
    if code in WHY:
        return str(WHY[code])
    number = code.removeprefix("smtp_")
    if number.startswith("5"):
        return str(_("The mail server refused it for this address (%(number)s).", number=number))
    if number.startswith("4"):
        return str(_("The mail server put it off (%(number)s).", number=number))
    return str(_("It could not be sent (%(code)s).", code=code))


# --- how they look -------------------------------------------------------------------------------


@bp.get("/manage/letters")
@allow(Role.MANAGER)
def gallery() -> Response:
    """Every letter, to be looked at."""
    day = _today()
    subjects = {
        template: samples.sample(template, language="en", day=day).subject for template in Template
    }
    return _rendered("gallery.html", subjects=subjects, endable=ENDABLE)


@bp.get("/manage/letters/<name>")
@allow(Role.MANAGER)
def preview(name: str) -> Response:
    """One letter in both forms, as wide as a desk's screen and as a telephone's."""
    template, language = _template(name), _language()
    said = samples.sample(template, language=language, day=_today())
    shown = _rendered(
        "preview.html",
        letter=template,
        said=said,
        spoken=language,
        tongues=samples.LANGUAGES,
        endable=template in ENDABLE,
        narrow=request.args.get("width") == "narrow",
    )
    shown.headers["Content-Security-Policy"] = headers.policy_of(current_app, frame_src="'self'")
    return shown


@bp.get("/manage/letters/<name>/sheet")
@allow(Role.MANAGER)
def sheet(name: str) -> Response:
    """The HTML form alone, as a mail program gets it: for the frame of its preview."""
    said = samples.sample(_template(name), language=_language(), day=_today())
    shown = make_response(said.html)
    shown.headers["Content-Security-Policy"] = LETTER_POLICY
    shown.headers["X-Frame-Options"] = "SAMEORIGIN"
    return shown


# --- what became of them -------------------------------------------------------------------------


@bp.get("/manage/letters/outbox")
@allow(*KEEPERS)
def outbox() -> Response:
    """What waits, what was put off and until when, what was given up and why."""
    return _outbox()


@bp.post("/manage/letters/<uuid:letter_id>/resend")
@allow(*KEEPERS)
def resend(letter_id: uuid.UUID) -> Response:
    def act() -> Response:
        letter = queries.letter_for(actor(), letter_id)
        resending.resend(letter, by=actor(), at=now())
        db.session.commit()
        flash(_("The letter is queued again."))
        return to("/manage/letters/outbox?status=waiting")

    return or_again(act, _outbox)


def _outbox(**context: object) -> Response:
    wanted = request.args.get("status", "")
    status = LetterStatus(wanted) if wanted in list(LetterStatus) else None
    shown = page(
        queries.letters(actor(), status=status),
        queries.NEWEST_FIRST,
        limit=SHOWN,
        after=request.args.get("after"),
        descending=True,
    )
    return _rendered(
        "outbox.html",
        shown=shown,
        status=status,
        counts=queries.counts(actor()),
        resends=queries.resends(shown["items"]),
        standing_of=queries.status_of,
        statuses=list(LetterStatus),
        named=queries.named,
        why_not=why_not,
        manages=actor().role is Role.MANAGER,
        **context,
    )


# --- who wants which -----------------------------------------------------------------------------


@bp.get("/account/letters")
@allow(*Role)
def choices() -> Response:
    """Which letters come, and what was said of them."""
    reader = actor()
    return _rendered(
        "choices.html",
        topics=TOPICS,
        wanted=choosing.wanted(reader),
        history=choosing.history(reader),
    )


@bp.post("/account/letters")
@allow(Role.CLIENT)
def choose() -> Response:
    topic = request.form.get("topic", "")
    if topic not in list(Topic):
        raise NotFound("There are no such letters.")
    wanted = request.form.get("wanted") == "yes"
    choosing.choose(actor(), Topic(topic), wanted=wanted, way=Way.PAGE, at=now())
    db.session.commit()
    flash(_("These letters are switched on.") if wanted else _("These letters are switched off."))
    return to("/account/letters")


@bp.get("/letters/end/<word>")
@allow()
def ask_to_end(word: str) -> Response:
    """Looks only: a mail program that follows links ends nothing."""
    _reader, topic = ending.read(word)
    return _rendered("end.html", topic=TOPICS[topic], word=word, ended=False)


@bp.post("/letters/end/<word>")
@allow()
def end(word: str) -> Response:
    """End them: from the page, or by a mail program in one click (RFC 8058). Safe to repeat."""
    reader_id, topic = ending.read(word)
    act_as(BY_LINK)
    reader = accounts.client(reader_id)
    choosing.choose(reader, topic, wanted=False, way=Way.LINK, at=now())
    db.session.commit()
    return _rendered("end.html", topic=TOPICS[topic], word=word, ended=True)


def _template(name: str) -> Template:
    if name not in list(Template):
        raise NotFound("There is no such letter.")
    return Template(name)


def _language() -> str:
    asked = request.args.get("language", "")
    return asked if asked in samples.LANGUAGES else samples.LANGUAGES[0]


def _today() -> date:
    return day_in(current_app.config["SHOP"].clinic_time_zone, now())


def _rendered(sheet_: str, **context: object) -> Response:
    return rendered(f"mail/{sheet_}", titles=TITLES, **context)
