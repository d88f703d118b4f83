"""What follows when something has happened: kind of event → what is done about it.

A reaction is a hint acted upon: it runs after the commit, in the worker, and may run twice. Nothing
a rule depends on is done here. Each follower has a transaction of its own, so that a letter that
cannot be written holds up no refund.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC

import sqlalchemy as sa

from shop.accounts import delegating
from shop.accounts.models import Licence, Person, Role
from shop.catalog.models import LegalClassRule
from shop.charts.models import ChartEntry
from shop.core import events, jobs
from shop.core.db import db
from shop.core.events import Event, Kind
from shop.merchant.models import MerchantPermission
from shop.notifications import delivering, letters
from shop.notifications.models import Template
from shop.orders.models import Shipment, ShipmentLine
from shop.payments.models import Dispute, Payment, Refund
from shop.prescriptions import noticing
from shop.prescriptions.models import Escalation, Inquiry, Prescription, SigningKey
from shop.prescriptions.states import HeldFor, RequestStatus
from shop.recalls import queries as recalls
from shop.recalls.models import Recall
from shop.replenishment.queries import to_follow
from shop.treatments.course import Course
from shop.treatments.models import Plan, Session, SessionReport
from shop.treatments.states import ENDED, SessionStatus
from shop.work import carrying
from shop.work.models import Work, WorkKind

Follower = Callable[[Event], None]


def a_letter(template: Template) -> Follower:
    """Write to the person the event's subject belongs to."""

    def follow(event: Event) -> None:
        letters.send(template, letters.subject_of(template, event.subject_id), event)

    return follow


def ask_to_confirm(event: Event) -> None:
    """A new account proves that its address is its own, unless somebody else vouched for it."""
    person = db.session.get_one(Person, event.subject_id)
    if person.email_confirmed_at is None:
        letters.send(Template.ACCOUNT_CONFIRMATION, person, event)


def tell_of_the_parcel(event: Event) -> None:
    """One letter for each parcel, however many lines it holds; none of what she fetched."""
    parcels = db.session.scalars(
        sa.select(Shipment)
        .join(ShipmentLine, ShipmentLine.shipment_id == Shipment.id)
        .where(ShipmentLine.order_line_id == event.subject_id, Shipment.handed_to.is_(None))
        .distinct()
    )
    for shipment in parcels:
        letters.send(Template.ORDER_SHIPPED, shipment, event)


def tell_who_asked(event: Event) -> None:
    """The client answered: the physician who asked her last is told."""
    query = sa.select(Inquiry).where(
        Inquiry.request_id == event.subject_id, Inquiry.answered_at.is_not(None)
    )
    asked = db.session.scalars(query.order_by(Inquiry.asked_at.desc()).limit(1)).one()
    letters.send(Template.CASE_NEWS, asked, event)


def tell_of_the_end(event: Event) -> None:
    """What waited for the client too long is over; a draft she left lying is no news."""
    if event.from_state != RequestStatus.DRAFT:
        a_letter(Template.REQUEST_NEWS)(event)


def call_for_help(event: Event) -> None:
    """Write to the physician a step of escalation calls, if it found one."""
    escalation = db.session.scalars(
        sa.select(Escalation).where(
            Escalation.request_id == event.subject_id, Escalation.step == event.facts["step"]
        )
    ).one()
    if escalation.called_id is not None:
        letters.send(Template.REQUEST_ESCALATED, escalation, event)


def tell_that_it_may_be_renewed(event: Event) -> None:
    """One letter for each prescription, whatever comes to pass first."""
    if noticing.first_to_say(event):
        a_letter(Template.PRESCRIPTION_RENEWABLE)(event)


def tell_of_health_news(event: Event) -> None:
    """It waits for a physician: the client is told, its prescriber, and who stands in for her."""
    if event.facts.get("reason") != HeldFor.HEALTH_NEWS:
        return
    one = db.session.get_one(Prescription, event.subject_id)
    day = event.at.astimezone(UTC).date()
    called = {one.prescriber_id, *delegating.standing_in([one.prescriber_id], day=day).values()}
    letters.send(Template.PRESCRIPTION_NEWS, one, event)
    for physician in sorted(called):
        who = db.session.get_one(Person, physician)
        letters.send(Template.PRESCRIPTION_NEWS, one, event, to=who)


def tell_who_answers(event: Event) -> None:
    """A report waits: the plan's physician is told, who stands in for her, who did the session.

    Who has left is not written to; where no physician is left for a grave one, managers are.
    """
    report = db.session.get_one(SessionReport, event.subject_id)
    session = report.session
    assert session.performance is not None  # or there is nothing to report of
    assert session.plan.start is not None
    day, starter = event.at.astimezone(UTC).date(), session.plan.start.physician_id
    called = {starter, *delegating.standing_in([starter], day=day).values()}
    if report.course is Course.WATCHED:
        called.add(session.performance.performer_id)
    there = [one for key in sorted(called) if (one := db.session.get_one(Person, key)).active]
    physicians = [one for one in there if one.role is Role.PHYSICIAN]
    for who in [*there, *([] if physicians else _managers())]:
        letters.send(Template.REPORT_NEWS, report, event, to=who)


def tell_of_the_session(event: Event) -> None:
    """It is booked, moved or off, in a plan that was started: what it asks at home may change.

    Whoever did it herself knows it; of a session that goes with its plan, or is booked again by
    moving it, another letter tells.
    """
    session = db.session.get_one(Session, event.subject_id)
    alone = session.plan.status not in ENDED and event.from_state != SessionStatus.NO_SHOW
    hers = event.actor == f"person:{session.client_id}"
    if session.plan.start is not None and alone and not hers:
        letters.send(Template.SESSION_NEWS, session, event)


def tell_of_the_plan(event: Event) -> None:
    """She may read it now, or what it asks of her begins, rests or is over."""
    plan = db.session.get_one(Plan, event.subject_id)
    if event.actor != f"person:{plan.client_id}":
        letters.send(Template.PLAN_NEWS, plan, event)


def look_at_what_was_signed(event: Event) -> None:
    """A chart was added to; a net under the edges that see to it in the same transaction."""
    entry = db.session.get_one(ChartEntry, event.subject_id)
    jobs.defer("recheck_client", client_id=str(entry.client_id))


def money_goes_back(event: Event) -> None:
    """A promise that is off: its payment page closes, what was paid is sent back."""
    jobs.defer("follow_order_end", order_id=str(event.subject_id))


def money_of_the_lines_goes_back(event: Event) -> None:
    """Some lines are off, and the rest of the order goes on."""
    jobs.defer("follow_cancelled_lines", order_id=str(event.subject_id))


def ask_to_pay(event: Event) -> None:
    """Somebody here placed it for the client, by telephone or at the desk: she can pay online."""
    if event.facts.get("by") in {Role.STAFF, Role.MANAGER}:
        a_letter(Template.ORDER_TO_PAY)(event)


def write_its_papers(event: Event) -> None:
    """Money came for an order, went back, or came back from there: invoice, receipt, note."""
    order_id = event.subject_id
    if event.machine == Refund.machine:
        order_id = db.session.get_one(Refund, event.subject_id).payment.order_id
    jobs.defer("issue_papers", order_id=str(order_id))


def money_moves_on(event: Event) -> None:
    """A bank has decided: refunds that waited are sent, money of an ended order goes back."""
    payment = db.session.get_one(Dispute, event.subject_id).payment
    for job in ("follow_order_end", "follow_cancelled_lines"):
        jobs.defer(job, order_id=str(payment.order_id))


def ask_the_gate_again(event: Event) -> None:
    """A rule of law begins or ends: open orders are looked at again."""
    if event.machine == LegalClassRule.machine:
        jobs.defer("rejudge_orders", lock="rejudge_orders")


def tell_who_renews_it(event: Event) -> None:
    """A licence ends soon: its holder and the managers are told."""
    licence = db.session.get_one(Licence, event.subject_id)
    letters.send(Template.LICENCE_EXPIRING, licence, event)
    for manager in _managers():
        letters.send(Template.LICENCE_EXPIRING, licence, event, to=manager)


def tell_who_makes_the_next(event: Event) -> None:
    """The signing key ends soon."""
    key = db.session.get_one(SigningKey, event.subject_id)
    for manager in _managers():
        letters.send(Template.SIGNING_KEY_EXPIRING, key, event, to=manager)


def tell_who_renews_the_permission(event: Event) -> None:
    """A permission for online payment ends soon."""
    permission = db.session.get_one(MerchantPermission, event.subject_id)
    for manager in _managers():
        letters.send(Template.PAYMENT_PERMISSION_ENDING, permission, event, to=manager)


def tell_of_money_at_the_desk(event: Event) -> None:
    """What was paid at the desk goes back there: she is asked to come for it."""
    refund = db.session.get_one(Refund, event.subject_id)
    if refund.payment.tender is not None:
        letters.send(Template.REFUND_AT_THE_DESK, refund, event)


def tell_of_the_money_sent(event: Event) -> None:
    """Money is on its way to a card; whoever got hers at the desk has it in her hands."""
    refund = db.session.get_one(Refund, event.subject_id)
    if refund.payment.tender is None:
        letters.send(Template.REFUND_SENT, refund, event)


def _managers() -> list[Person]:
    query = sa.select(Person).where(Person.role == Role.MANAGER, Person.disabled_at.is_(None))
    return list(db.session.scalars(query.order_by(Person.id)))


def follow_the_refill(event: Event) -> None:
    """Money came for an order, none came, or it is over: where a refill placed it, it follows."""
    order_id = event.subject_id
    if event.machine == Payment.machine:
        order_id = db.session.get_one(Payment, event.subject_id).order_id
    if to_follow(order_id):
        jobs.defer("follow_refill", order_id=str(order_id))


def move_what_was_promised(event: Event) -> None:
    """Lots are recalled: other lots keep what was promised from them, or the orders wait."""
    jobs.defer("follow_recall", lock="follow_recall", recall_id=str(event.subject_id))


def write_to_the_list(event: Event) -> None:
    """Everybody who got units of recalled lots is written to; later, who has not answered."""
    recall = db.session.get_one(Recall, event.subject_id)
    reminded = event.kind == Kind.RECALL_REMINDED
    work_id = uuid.uuid5(recall.id, f"letters:{event.seq}")  # the same, if this runs twice
    if db.session.get(Work, work_id) is not None:
        return
    clients = list(recalls.to_write_to(recall, silent=reminded))
    work = carrying.ask(
        WorkKind.RECALL_LETTERS,
        recall.number,
        by=_who(event),
        subject_id=recall.id,
        total=len(clients),
        id=work_id,
    )
    carrying.take_up(work.id)
    for client in clients:
        letters.send(Template.RECALL_NOTICE, recall, event, to=client, work_id=work.id)
    if not clients:
        carrying.finish(work, work.fence)


def _who(event: Event) -> Person | None:
    """The person who did it; None where no person did."""
    kind, _, key = event.actor.partition(":")
    return db.session.get(Person, uuid.UUID(key)) if kind == "person" else None


def follow_the_licence(event: Event) -> None:
    """A licence began or ended: prescriptions and what was promised under them follow."""
    jobs.defer("follow_licences", lock="follow_licences")


REACTIONS: dict[Kind, tuple[Follower, ...]] = {
    Kind.CHART_ENTRY_STATED: (look_at_what_was_signed,),
    Kind.PRESCRIPTION_HELD: (tell_of_health_news,),
    Kind.PLAN_PROPOSED: (tell_of_the_plan,),
    Kind.PLAN_STARTED: (tell_of_the_plan,),
    Kind.PLAN_HELD: (tell_of_the_plan,),
    Kind.PLAN_RESUMED: (tell_of_the_plan,),
    Kind.PLAN_REVOKED: (tell_of_the_plan,),
    Kind.SESSION_BOOKED: (tell_of_the_session,),
    Kind.SESSION_MOVED: (tell_of_the_session,),
    Kind.SESSION_CANCELLED: (tell_of_the_session,),
    Kind.SKIN_REPORT_WAITS: (tell_who_answers,),
    Kind.SKIN_REPORT_ANSWERED: (a_letter(Template.REPORT_NEWS),),
    Kind.ACCOUNT_OPENED: (ask_to_confirm,),
    Kind.ACCOUNT_ASKED_AGAIN: (a_letter(Template.ACCOUNT_EXISTS),),
    Kind.PASSWORD_CHANGED: (a_letter(Template.SIGN_IN_CHANGED),),
    Kind.PASSKEY_ADDED: (a_letter(Template.SIGN_IN_CHANGED),),
    Kind.EXPORT_READY: (a_letter(Template.RECORD_READY),),
    Kind.CLOSURE_ASKED: (a_letter(Template.CLOSURE_ASKED),),
    Kind.CLOSURE_WITHDRAWN: (a_letter(Template.CLOSURE_WITHDRAWN),),
    Kind.LICENCE_RECORDED: (follow_the_licence,),
    Kind.LICENCE_ENDED: (follow_the_licence,),
    Kind.LICENCE_EXPIRING: (tell_who_renews_it,),
    Kind.SIGNING_KEY_EXPIRING: (tell_who_makes_the_next,),
    Kind.ACCOUNT_DISABLED: (follow_the_licence,),
    Kind.REQUEST_SUBMITTED: (a_letter(Template.REQUEST_RECEIVED),),
    Kind.REQUEST_APPROVED: (a_letter(Template.REQUEST_NEWS),),
    Kind.REQUEST_CHANGES_PROPOSED: (a_letter(Template.REQUEST_NEWS),),
    Kind.REQUEST_DECLINED: (a_letter(Template.REQUEST_NEWS),),
    Kind.REQUEST_REFERRED: (a_letter(Template.REQUEST_NEWS),),
    Kind.REQUEST_QUESTIONED: (a_letter(Template.REQUEST_NEWS),),
    Kind.REQUEST_REPLIED: (tell_who_asked,),
    Kind.REQUEST_EXPIRED: (tell_of_the_end,),
    Kind.REQUEST_ESCALATED: (call_for_help,),
    Kind.PRESCRIPTION_DEPLETED: (tell_that_it_may_be_renewed,),
    Kind.PRESCRIPTION_ENDING: (tell_that_it_may_be_renewed,),
    Kind.PRESCRIPTION_EXPIRED: (tell_that_it_may_be_renewed,),
    Kind.RECALL_LOTS_LOCKED: (move_what_was_promised,),
    Kind.RECALL_NOTIFIED: (write_to_the_list,),
    Kind.RECALL_REMINDED: (write_to_the_list,),
    Kind.RULE_ACTIVATED: (ask_the_gate_again,),
    Kind.RULE_ENDED: (ask_the_gate_again,),
    Kind.ORDER_PLACED: (ask_to_pay,),
    Kind.ORDER_PAID: (write_its_papers, a_letter(Template.ORDER_PAID), follow_the_refill),
    Kind.ORDER_REDUCED: (money_of_the_lines_goes_back, a_letter(Template.ORDER_REDUCED)),
    Kind.ORDER_HELD: (a_letter(Template.ORDER_HELD),),
    Kind.ORDER_RESUMED: (a_letter(Template.ORDER_RESUMED),),
    Kind.ORDER_CANCELLED: (money_goes_back, a_letter(Template.ORDER_CANCELLED), follow_the_refill),
    Kind.ORDER_EXPIRED: (money_goes_back, a_letter(Template.ORDER_EXPIRED), follow_the_refill),
    Kind.PAYMENT_CANCELLED: (follow_the_refill,),
    Kind.LINE_SHIPPED: (tell_of_the_parcel,),
    Kind.REFUND_PLANNED: (tell_of_money_at_the_desk,),
    Kind.REFUND_DONE: (write_its_papers, tell_of_the_money_sent),
    Kind.REFUND_FAILED: (write_its_papers,),
    Kind.MERCHANT_PERMISSION_ENDING: (tell_who_renews_the_permission,),
    Kind.DISPUTE_LOST: (money_moves_on,),
    Kind.DISPUTE_WON: (money_moves_on,),
    Kind.RETURN_ASKED: (a_letter(Template.RETURN_NEWS),),
    Kind.RETURN_AUTHORISED: (a_letter(Template.RETURN_NEWS),),
    Kind.RETURN_REFUSED: (a_letter(Template.RETURN_NEWS),),
    Kind.RETURN_EXPIRED: (a_letter(Template.RETURN_NEWS),),
    Kind.RETURN_ARRIVED: (a_letter(Template.RETURN_NEWS),),
    Kind.RETURN_LOOKED_AT: (a_letter(Template.RETURN_NEWS),),
    Kind.RETURN_SETTLED: (a_letter(Template.RETURN_NEWS),),
    Kind.RETURN_REFUNDED: (a_letter(Template.RETURN_NEWS),),
    Kind.AUTO_REFILL_AGREED: (a_letter(Template.AUTO_REFILL_NEWS),),
    Kind.AUTO_REFILL_PAUSED: (a_letter(Template.AUTO_REFILL_NEWS),),
    Kind.AUTO_REFILL_CANCELLED: (a_letter(Template.AUTO_REFILL_NEWS),),
    Kind.REFILL_NOTICED: (a_letter(Template.REFILL_NOTICE),),
    Kind.REFILL_MOVED: (a_letter(Template.REFILL_NEWS),),
    Kind.REFILL_BLOCKED: (a_letter(Template.REFILL_NEWS),),
    Kind.REFILL_UNPAID: (a_letter(Template.REFILL_UNPAID),),
    Kind.REFILL_REMINDED: (a_letter(Template.REFILL_DUE),),
}

# What the worker starts by itself: the job's name and when (minute hour day month weekday).
PERIODIC = {"letters_due": "*/5 * * * *"}
JOBS = (delivering.deliver_letter, delivering.letters_due)  # imported: the worker knows them


def connect() -> None:
    """From now on every event recorded in this process defers its reactions."""
    events.followed.clear()
    events.followed.update(REACTIONS)


@jobs.job("react")
def react(*, subject_id: str, seq: int) -> None:
    """Do what follows from one event. Safe to repeat."""
    event = db.session.get_one(Event, (uuid.UUID(subject_id), seq))
    for follow in REACTIONS[Kind(event.kind)]:
        follow(event)
        db.session.commit()
