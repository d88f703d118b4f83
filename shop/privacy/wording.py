"""What an opening of a record was for, and which part of it was opened, in words of the reader.

Openings are kept with short words ("approval_request Q-7K2QM4XD", "treatment"); here they become
sentences. A test holds that no verb writes one that nobody here can say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import groupby

from flask_babel import LazyString, gettext, lazy_gettext

from shop.accounts.models import Role
from shop.charts.models import Access
from shop.core.clock import day_in
from shop.privacy.keeping import DataClass
from shop.privacy.obstacles import Open


class Purpose(StrEnum):
    """Why somebody may open a record (45 CFR 164.506, 164.524)."""

    TREATMENT = "treatment"
    PAYMENT = "payment"
    OPERATIONS = "operations"
    PATIENT_REQUEST = "patient_request"


PURPOSES: dict[Purpose, LazyString] = {
    Purpose.TREATMENT: lazy_gettext("to treat you"),
    Purpose.PAYMENT: lazy_gettext("for a payment"),
    Purpose.OPERATIONS: lazy_gettext("to keep the clinic and its products safe"),
    Purpose.PATIENT_REQUEST: lazy_gettext("because you asked for it"),
}
NAMES: dict[Purpose, LazyString] = {
    Purpose.TREATMENT: lazy_gettext("Treatment"),
    Purpose.PAYMENT: lazy_gettext("Payment"),
    Purpose.OPERATIONS: lazy_gettext("Safety and operations"),
    Purpose.PATIENT_REQUEST: lazy_gettext("Your own request"),
}
MEANINGS: dict[Purpose, LazyString] = {
    Purpose.TREATMENT: lazy_gettext(
        "Somebody who treats you, or stands in for who does, needed it: to decide on a request, to"
        " plan a session, to print a label."
    ),
    Purpose.PAYMENT: lazy_gettext(
        "An invoice or a receipt was looked up, or a bank asked about one."
    ),
    Purpose.OPERATIONS: lazy_gettext(
        "A lot was traced or recalled, a reaction to a product was followed up, or a rule of the"
        " clinic was checked."
    ),
    Purpose.PATIENT_REQUEST: lazy_gettext("You asked the clinic to look something up for you."),
}
ROLES: dict[Role, LazyString] = {
    Role.PHYSICIAN: lazy_gettext("physician"),
    Role.ESTHETICIAN: lazy_gettext("esthetician"),
    Role.STAFF: lazy_gettext("staff"),
    Role.MANAGER: lazy_gettext("manager"),
    Role.CLIENT: lazy_gettext("client"),
}
# The beginning of what is kept → what it is called; %(number)s is what follows.
RECORDS: tuple[tuple[str, LazyString], ...] = (
    (r"access_log", lazy_gettext("the list of who opened your record")),
    (r"chart", lazy_gettext("your health record")),
    (r"readiness", lazy_gettext("whether you are ready for your next session")),
    (r"approval_request (.+)", lazy_gettext("your request %(number)s")),
    (
        r"explanation of approval_request (.+)",
        lazy_gettext("why request %(number)s was judged as it was"),
    ),
    (
        r"simulation of a rule on approval_request (.+)",
        lazy_gettext("your request %(number)s, to try out a rule"),
    ),
    (r"prescription (.+), on paper", lazy_gettext("your prescription %(number)s, on paper")),
    (r"prescription (.+)", lazy_gettext("your prescription %(number)s")),
    (
        r"explanation of prescription (.+)",
        lazy_gettext("why prescription %(number)s gives a fill, or none"),
    ),
    (r"prescriptions of plan (.+)", lazy_gettext("what is prescribed in plan %(number)s")),
    (r"plan (.+)", lazy_gettext("your treatment plan %(number)s")),
    (r"reports of plan (.+)", lazy_gettext("what you reported in plan %(number)s")),
    (r"photo .+ of a report of plan (.+)", lazy_gettext("a photo of yours in plan %(number)s")),
    (r"explanation of order (.+)", lazy_gettext("why order %(number)s was judged as it was")),
    (r"label of order (.+), .+", lazy_gettext("a label of order %(number)s")),
    (r"paper (.+)", lazy_gettext("your paper %(number)s")),
    (r"reaction (.+)", lazy_gettext("what you told of a reaction, %(number)s")),
    (r"lot (.+)", lazy_gettext("that you got units of lot %(number)s")),
    (r"recall (.+)", lazy_gettext("that recall %(number)s concerns you")),
    (r"FHIR .+", lazy_gettext("a part of your health record, by a program of the clinic")),
)
KNOWN = tuple((re.compile(pattern), text) for pattern, text in RECORDS)

OBSTACLES: dict[Open, tuple[LazyString, LazyString]] = {
    Open.ORDERS: (
        lazy_gettext("An order is open"),
        lazy_gettext("Cancel it, or wait until it has arrived."),
    ),
    Open.REFUNDS: (
        lazy_gettext("A refund is on its way"),
        lazy_gettext("Wait until the money is with you."),
    ),
    Open.DISPUTES: (
        lazy_gettext("Your bank looks at a payment"),
        lazy_gettext("Wait until it has decided."),
    ),
    Open.RETURNS: (
        lazy_gettext("A return is open"),
        lazy_gettext("Take it back, or wait until it is settled."),
    ),
    Open.PLANS: (
        lazy_gettext("A treatment plan is running"),
        lazy_gettext("Ask the clinic to end it."),
    ),
    Open.REQUESTS: (
        lazy_gettext("A physician has a request of yours"),
        lazy_gettext("Withdraw it, or wait for the answer."),
    ),
    Open.CREDIT: (
        lazy_gettext("You have credit left"),
        lazy_gettext("Spend it, or ask the clinic to pay it out."),
    ),
}
PLACES = {
    Open.ORDERS: "/orders",
    Open.REFUNDS: "/orders",
    Open.DISPUTES: "/orders",
    Open.RETURNS: "/orders",
    Open.PLANS: "/plan",
    Open.REQUESTS: "/requests",
    Open.CREDIT: "/account/credit",
}
GOES: dict[str, LazyString] = {
    "name_and_mail": lazy_gettext("Your name, mail address and password in the account"),
    "sign_ins": lazy_gettext("Where you were signed in"),
    "passkeys": lazy_gettext("Your passkeys"),
    "tokens": lazy_gettext("Programs that act for you"),
    "cart": lazy_gettext("Your cart"),
    "cards": lazy_gettext("Your saved cards"),
    "reminders": lazy_gettext("Reminders, and refills that are sent by themselves"),
    "calendar": lazy_gettext("The private address of your calendar"),
    "drafts": lazy_gettext("Requests that you began and did not send"),
}
KEEPS: dict[DataClass, tuple[LazyString, LazyString]] = {
    DataClass.CLINICAL: (
        lazy_gettext("Your health record: what you told us, prescriptions, plans, reports"),
        lazy_gettext(
            "The law of every state asks a clinic to keep the records of whom it treated."
        ),
    ),
    DataClass.ORDERS: (
        lazy_gettext("Orders, invoices and payments, with the name and address that are on them"),
        lazy_gettext("Tax law asks us to keep our books."),
    ),
    DataClass.TRACE: (
        lazy_gettext("Which lots you got units of"),
        lazy_gettext("If one is recalled, we must know who has it."),
    ),
    DataClass.ACCESS: (
        lazy_gettext("Who opened your record, and what was changed when"),
        lazy_gettext("HIPAA asks us to keep the trail of a record as long as the record."),
    ),
}


@dataclass(frozen=True)
class Sentence:
    """One opening, said to whom the record belongs; `times` where it was done again at once."""

    access: Access
    text: str
    times: int = 1


def sentence(access: Access) -> str:
    """ "Dr Wei Chen (physician) opened your request Q-7K2QM4XD, to treat you." """
    text: str = gettext(
        "%(who)s (%(role)s) opened %(what)s, %(why)s.",
        who=access.reader.name,
        role=ROLES[access.reader.role],
        what=record(access.record),
        why=PURPOSES[Purpose(access.purpose)],
    )
    return text


def record(kept: str) -> str:
    """Which part of a record was opened; "a part of your record" where nobody knows the word."""
    for pattern, text in KNOWN:
        found = pattern.fullmatch(kept)
        if found is not None:
            number = found.group(1) if pattern.groups else ""
            return str(text) % {"number": number} if pattern.groups else str(text)
    unknown: str = gettext("a part of your record")
    return unknown


def by_day(found: Iterable[Access], *, zone: str) -> list[tuple[date, list[Sentence]]]:
    """Openings, the latest first, under the clinic's days; the same again at once is said once."""
    days = groupby(found, key=lambda one: day_in(zone, one.at))
    return [(day, list(_said(list(accesses)))) for day, accesses in days]


def _said(accesses: list[Access]) -> Iterable[Sentence]:
    alike = groupby(accesses, key=lambda one: (one.reader_id, one.record, one.purpose))
    for _, same in alike:
        first, *others = same
        yield Sentence(first, sentence(first), 1 + len(others))
