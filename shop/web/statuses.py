"""Every status in one word, with its colour and what it means, the same on every page.

Pages show the word (`state` in `_pieces.html`), and `/words` explains them all. Tones: ok, warn,
stop, info, or nothing for what is over and needs nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _


@dataclass(frozen=True)
class Status:
    """A word for people, its tone and one sentence that explains it."""

    tone: str
    name: Any  # lazy strings
    meaning: Any


KINDS: dict[str, Any] = {
    "request": _("What you asked a physician for"),
    "prescription": _("A prescription"),
    "plan": _("A treatment plan"),
    "session": _("A session in the clinic"),
    "order": _("An order"),
    "line": _("One product of an order"),
    "case": _("A request, as the clinic sees it"),
    "lot": _("A lot on the shelf"),
    "product": _("A product of the catalogue"),
    "credit": _("A gift card or a booking of credit"),
    "letter": _("A letter by mail"),
    "work": _("Work that takes long"),
}

STATUSES: dict[str, dict[str, Status]] = {
    "request": {
        "draft": Status("info", _("Not sent yet"), _("You have begun it. Finish and send it.")),
        "queued": Status(
            "info", _("With our physicians"), _("It waits for a physician to take it.")
        ),
        "in_review": Status(
            "info", _("A physician is looking at it"), _("You hear from us when it is decided.")
        ),
        "info_requested": Status(
            "warn", _("A question for you"), _("The physician needs an answer of yours to go on.")
        ),
        "referred": Status(
            "warn", _("A visit comes first"), _("Come to the clinic; then it is decided.")
        ),
        "pending_client": Status(
            "warn",
            _("Changes for you to accept"),
            _("The physician chose otherwise. Say yes or no."),
        ),
        "approved": Status("ok", _("Approved"), _("You can order it.")),
        "declined": Status(
            "stop", _("Not approved"), _("It is not for you now. The reason is told.")
        ),
        "withdrawn": Status("", _("Taken back"), _("You took it back.")),
        "expired": Status("", _("Ended"), _("Its time ran out. Ask again if you still want it.")),
    },
    "case": {
        "queued": Status("info", _("Waits"), _("Nobody has taken it yet.")),
        "in_review": Status(
            "info", _("In review"), _("A physician has it, for 15 minutes at a time.")
        ),
        "info_requested": Status(
            "warn", _("The client is asked"), _("Her time to answer runs, ours stands.")
        ),
        "referred": Status(
            "warn", _("To be seen first"), _("The client has to come to the clinic.")
        ),
        "pending_client": Status(
            "warn", _("For the client to accept"), _("It was prescribed with changes.")
        ),
        "approved": Status("ok", _("Approved"), _("A prescription was signed.")),
        "declined": Status("stop", _("Refused"), _("A physician, or a rule, has refused it.")),
        "withdrawn": Status("", _("Taken back"), _("The client took it back.")),
        "expired": Status("", _("Ended"), _("Its time ran out.")),
    },
    "prescription": {
        "active": Status("ok", _("In force"), _("You can order what it allows.")),
        "not_accepted": Status("warn", _("For you to accept"), _("It counts once you say yes.")),
        "not_yet": Status("info", _("Not begun"), _("Its first day is still to come.")),
        "on_hold": Status(
            "warn", _("On hold"), _("A physician looks at it again; nothing is sent meanwhile.")
        ),
        "depleted": Status("", _("All fills used"), _("Ask for a renewal.")),
        "expired": Status("", _("Ended"), _("Its last day has passed.")),
        "superseded": Status("", _("Replaced"), _("A newer one stands in its place.")),
        "revoked": Status("stop", _("Taken back"), _("The physician has ended it.")),
        "entered_in_error": Status("stop", _("Entered in error"), _("It never counted.")),
    },
    "plan": {
        "draft": Status("info", _("Draft"), _("It is being written.")),
        "proposed": Status("info", _("Proposed"), _("The client looks at it.")),
        "awaiting_physician": Status(
            "warn", _("Waits for a physician"), _("A physician starts it.")
        ),
        "active": Status("ok", _("Active"), _("Its days and rests count.")),
        "on_hold": Status("warn", _("On hold"), _("Its days and rests do not count for now.")),
        "completed": Status("", _("Complete"), _("All of it is done.")),
        "revoked": Status("", _("Taken back"), _("It was ended before its time.")),
    },
    "session": {
        "proposed": Status("info", _("Proposed"), _("The day is not fixed yet.")),
        "booked": Status("ok", _("Booked"), _("The day is fixed.")),
        "ready": Status("ok", _("Ready"), _("Nothing stands in its way.")),
        "at_risk": Status("warn", _("At risk"), _("Something has to happen before that day.")),
        "not_ready": Status(
            "stop", _("Not ready"), _("As things are it cannot be done on that day.")
        ),
        "downtime": Status("warn", _("In downtime"), _("It is done; the skin rests.")),
        "recovered": Status("", _("Done"), _("It is done, and the rest is over.")),
        "cancelled": Status("", _("Cancelled"), _("It does not take place.")),
        "no_show": Status("stop", _("Missed"), _("Nobody came.")),
    },
    "line": {
        "awaiting_payment": Status(
            "info", _("Waiting for payment"), _("It is set aside until it is paid.")
        ),
        "placed": Status("info", _("Set aside"), _("It is kept for you until it is paid.")),
        "paid": Status("ok", _("Paid"), _("We have your payment.")),
        "ready": Status("ok", _("Ready to pack"), _("It is paid and will be packed next.")),
        "on_hold": Status("warn", _("On hold"), _("It waits; the reason stands beside it.")),
        "packed": Status("info", _("Packed"), _("It leaves with the next parcel.")),
        "shipped": Status("ok", _("Shipped"), _("It is on its way to you.")),
        "delivered": Status("ok", _("Delivered"), _("It has arrived.")),
        "returned": Status("warn", _("Returned"), _("It came back to us.")),
        "cancelled": Status("stop", _("Cancelled"), _("It is not sent; what was paid goes back.")),
        "closed": Status("ok", _("Complete"), _("Everything is done.")),
        "expired": Status("stop", _("Not paid in time"), _("What was set aside is free again.")),
    },
    "order": {
        "awaiting_payment": Status("info", _("Waiting for payment"), _("Pay, and it is packed.")),
        "expired": Status("stop", _("Not paid in time"), _("What was set aside is free again.")),
        "cancelled": Status("stop", _("Cancelled"), _("It is not sent; what was paid goes back.")),
        "to_pack": Status("ok", _("To be packed"), _("It is paid and leaves soon.")),
        "partly_on_hold": Status(
            "warn", _("Partly on hold"), _("Some of it must wait; the rest leaves.")
        ),
        "on_hold": Status(
            "warn", _("On hold"), _("All of it must wait; the reason stands beside it.")
        ),
        "partly_shipped": Status("ok", _("Partly shipped"), _("Some has left, the rest follows.")),
        "rest_on_hold": Status(
            "warn", _("Partly shipped, the rest on hold"), _("Some has left, the rest must wait.")
        ),
        "shipped": Status("ok", _("Shipped"), _("It is on its way to you.")),
        "delivered": Status("ok", _("Delivered"), _("It has arrived.")),
        "partly_returned": Status("warn", _("Partly returned"), _("Some of it came back to us.")),
        "returned": Status("warn", _("Returned"), _("It came back to us.")),
    },
    "lot": {
        "available": Status("ok", _("Available"), _("It may be sold.")),
        "expired": Status("stop", _("Expired"), _("Its last day of sale has passed.")),
        "quarantine": Status("warn", _("Quarantine"), _("It waits to be looked at.")),
        "on_hold": Status("warn", _("On hold"), _("It is not sold until somebody has decided.")),
        "recalled": Status("stop", _("Recalled"), _("It is called back and never sold.")),
        "depleted": Status("", _("Depleted"), _("Nothing of it is left.")),
        "destroyed": Status("stop", _("Destroyed"), _("It was destroyed before witnesses.")),
        "returned": Status("", _("Returned"), _("It went back to where it came from.")),
    },
    "product": {
        "draft": Status("warn", _("Draft"), _("Only its keepers see it.")),
        "published": Status("ok", _("Published"), _("Clients see it.")),
        "retired": Status("stop", _("Retired"), _("It is no longer offered.")),
    },
    "credit": {
        "proposed": Status(
            "warn", _("Waits for a second person"), _("Somebody else has to agree.")
        ),
        "issued": Status("ok", _("To be redeemed"), _("It waits for its owner.")),
        "redeemed": Status("info", _("Redeemed"), _("It is in an account now.")),
        "voided": Status("stop", _("Voided"), _("It is worth nothing any more.")),
        "declined": Status("stop", _("Declined"), _("The second person said no.")),
        "booked": Status("ok", _("Booked"), _("It counts.")),
    },
    "letter": {
        "waiting": Status("info", _("Waiting"), _("It is sent next.")),
        "delayed": Status(
            "warn", _("Delayed"), _("The mail server put it off. It is tried again by itself.")
        ),
        "sent": Status("ok", _("Sent"), _("The mail server took it.")),
        "gave_up": Status("stop", _("Gave up"), _("It is not tried again by itself.")),
        "ended": Status("", _("Switched off"), _("Its reader wants no letters like it.")),
    },
    "work": {
        "waiting": Status("info", _("Waiting"), _("It waits for its turn.")),
        "running": Status("info", _("Running"), _("It goes on, whoever looks.")),
        "done": Status("ok", _("Done"), _("All of it is accounted for.")),
        "failed": Status("stop", _("Failed"), _("It broke off. What was done stays.")),
        "stopped": Status("warn", _("Stopped"), _("It goes no further by itself for now.")),
    },
}


def status_of(kind: str, word: object) -> Status:
    """The status of a kind; a word that is not listed is shown as it is."""
    known = STATUSES[kind].get(str(word))
    return known or Status("", str(word).replace("_", " ").capitalize(), "")
