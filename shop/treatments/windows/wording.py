"""Windows in words: the one sentence that pages, mails, labels and calendars share. Pure.

"Superficial peel on 12 Dec: stop by 7 Dec, from 19 Dec again." A day of another year than the
first session's has its year.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from shop.treatments.procedures import LIBRARY
from shop.treatments.windows.days import begin_of, day_of
from shop.treatments.windows.facts import Session
from shop.treatments.windows.reckoning import Interval
from shop.treatments.windows.rescheduling import Change
from shop.treatments.windows.risks import Code, Reason
from shop.treatments.windows.rules import Action, Conduct
from shop.treatments.windows.ways_out import Option, Way

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
NAMES = {
    "aha": "AHAs",
    "bha": "BHA",
    "pha": "PHAs",
    "benzoyl_peroxide": "benzoyl peroxide",
    "retinoid": "retinoids",
    "sun": "sun and tanning",
    "spf": "sunscreen",
    "wax": "waxing and plucking",
    "scrub": "scrubs",
    "nsaid": "ibuprofen and the like",
    "photosensitiser": "medicines that make skin sensitive to light",
    "antiviral": "the medicine against cold sores",
    "other_procedure": "other treatments",
    "release": "a look at the skin in the clinic",
    "heat": "sauna and heat",
}
FACTS = {"fitzpatrick": "her skin type", "cold_sores": "cold sores", "melasma": "melasma"}
ASKED = {
    Action.STOP: "stop by {begins}, from {until} again",
    Action.AVOID: "avoid from {begins} to {last}",
    Action.REQUIRE: "needed from {begins} to {last}",
    Action.PRIME: "use from {begins} to {last}, as your physician says",
    Action.ALLOW: "may be used from {begins} to {last}",
}

GOING_ON = {  # of what began before it is told
    Action.STOP: "still stopped, from {until} again",
    Action.AVOID: "avoid to {last}",
    Action.REQUIRE: "needed to {last}",
    Action.PRIME: "use to {last}, as your physician says",
    Action.ALLOW: "may be used to {last}",
}
AGAINST = {
    Code.TOLD_LATE: "{about}: asked for from {since}, and told too late ({short} short)",
    Code.USED: "{about}: used in the days that ask for none, from {since} ({short} short)",
    Code.STILL_USED: "{about}: still used, and none is asked for from {since}",
    Code.TOO_NEAR: "another treatment is too near",
    Code.CONFLICT: "{about}: required and forbidden, from {since}",
    Code.NOT_KNOWN: "not known: {about}",
}
WAYS = {
    Way.MOVE: "move it to {to} or later",
    Way.WAIVE: "go on, if a physician says so and why",
    Way.SKIP: "leave off {about} from now on, until {to}",
    Way.ASK: "ask about {about}",
}
MEDICINES = (Conduct.ISOTRETINOIN, Conduct.PHOTOSENSITISER)  # swallowed, and not ours to stop
ASK_FIRST = " Ask your physician before you change it."
MOVE_LATER = "move it: from when cannot be said yet"


def name(subject: str) -> str:
    """What people call a subject, or a fact that is asked for."""
    return NAMES.get(subject) or FACTS.get(subject) or subject.replace("_", " ")


def sentence(interval: Interval, sessions: Iterable[Session]) -> str:
    """What is asked, and for which sessions: those of the interval are picked from `sessions`."""
    zone = _zone(interval)
    meant = sorted(
        (day_of(one.starts, zone), _called(one)) for one in sessions if one.key in interval.sessions
    )
    year = meant[0][0].year if meant else interval.begins.year
    first = ASK_FIRST if interval.subject in MEDICINES else ""
    return f"{_sessions(meant, year)}: {asked(interval, year)}.{first}"


def titled(interval: Interval, sessions: Iterable[Session]) -> str:
    """The same with its subject before it: where no product says what is meant."""
    return f"{_capital(name(interval.subject))}. {sentence(interval, sessions)}"


def asked(interval: Interval, year: int) -> str:
    """What is asked, in days; `year` need not be said."""
    first, until = interval.begins.date(), interval.until.date()
    words = ASKED if interval.begins == begin_of(first, _zone(interval)) else GOING_ON
    return words[interval.action].format(
        begins=day(first, year),
        until=day(until, year),
        last=day(until - timedelta(days=1), year),
    )


def changed(change: Change) -> str:
    """What a client is told of a change."""
    about = _capital(name(change.subject))
    year = change.begins.year
    if change.now is None:
        assert change.was is not None
        return f"{about}: nothing any more (before: {asked(change.was, year)})."
    before = f" (before: {asked(change.was, year)})" if change.was else ""
    first = ASK_FIRST if change.subject in MEDICINES else ""
    return f"{about}: {asked(change.now, year)}{before}.{first}"


def against(reason: Reason, year: int) -> str:
    """What speaks against a session; for who treats her."""
    days = "a day" if reason.short == 1 else f"{reason.short} days"
    return AGAINST[reason.code].format(
        about=name(reason.subject),
        since=day(reason.since, year) if reason.since else "",
        short=days,
    )


def way(option: Option, year: int) -> str:
    """A way out, in words."""
    if option.way is Way.MOVE and option.to is None:
        return MOVE_LATER
    to = day(option.to, year) if option.to else ""
    return WAYS[option.way].format(about=name(option.subject), to=to)


def day(value: date, year: int) -> str:
    """12 Dec, and its year where that is another."""
    text = f"{value.day} {MONTHS[value.month - 1]}"
    return text if value.year == year else f"{text} {value.year}"


def _zone(interval: Interval) -> ZoneInfo:
    zone = interval.begins.tzinfo
    assert isinstance(zone, ZoneInfo)  # the calendar's
    return zone


def _called(session: Session) -> str:
    procedure = LIBRARY.get(session.procedure)
    return procedure.name if procedure else _capital(session.procedure.replace("_", " "))


def _sessions(meant: Sequence[tuple[date, str]], year: int) -> str:
    """Peel on 12 Dec and 2 Jan 2027, Microneedling on 20 Dec."""
    by_name: dict[str, list[str]] = {}
    for on, called in meant:
        by_name.setdefault(called, []).append(day(on, year))
    return ", ".join(f"{called} on {_listed(days)}" for called, days in by_name.items())


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
