"""Why a reader gets a letter, whether she may end letters like it, and who else may know of it."""

from __future__ import annotations

from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

from shop.accounts.models import Person, Role
from shop.notifications.models import Template, Topic

T = Template

# All others follow from what somebody asked for, bought or is paid for: they cannot be ended.
ENDABLE: dict[Template, Topic] = {
    T.REFILL_DUE: Topic.RUNS_OUT,
    T.PRESCRIPTION_RENEWABLE: Topic.RENEWALS,
}

TO_AN_ADDRESS = frozenset({T.ACCOUNT_CONFIRMATION, T.ACCOUNT_EXISTS})  # nobody's, as far as we know

# That they were written says something of a client's health: whom they went to is not shown.
OF_CARE = frozenset(
    {
        T.REQUEST_RECEIVED,
        T.REQUEST_NEWS,
        T.REQUEST_ESCALATED,
        T.CASE_NEWS,
        T.PRESCRIPTION_RENEWABLE,
        T.PRESCRIPTION_NEWS,
        T.REPORT_NEWS,
        T.PLAN_NEWS,
        T.SESSION_NEWS,
        T.REFILL_DUE,
        T.REFILL_NOTICE,
        T.REFILL_NEWS,
        T.REFILL_UNPAID,
        T.AUTO_REFILL_NEWS,
    }
)
# About the house itself: the manager's alone.
OF_THE_HOUSE = frozenset({T.LICENCE_EXPIRING, T.SIGNING_KEY_EXPIRING, T.PAYMENT_PERMISSION_ENDING})
FOR_STAFF = frozenset(Template) - OF_CARE - OF_THE_HOUSE


def why(template: Template, reader: Person | None) -> LazyString:
    """The sentence at a letter's foot: why it comes, and whether it can be ended."""
    if template in ENDABLE:
        return lazy_gettext(
            "You get this letter because reminders are switched on for you. You can switch them"
            " off at any time."
        )
    if template in TO_AN_ADDRESS:
        return lazy_gettext(
            "You get this letter because somebody gave us this address to open an account with."
        )
    if reader is not None and reader.role is not Role.CLIENT:
        return lazy_gettext(
            "You get this letter because of your work here. It comes with that work and cannot be"
            " switched off."
        )
    if template is T.RECALL_NOTICE:
        return lazy_gettext(
            "You get this letter because you got something from us that it is about. It cannot be"
            " switched off."
        )
    return lazy_gettext(
        "You get this letter because it is about something you asked us for. It comes with that"
        " and cannot be switched off."
    )
