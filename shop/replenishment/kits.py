"""The aftercare kit: what the phase of a plan needs now, and where each thing comes from. Pure.

Three things ask: windows that require, prime or allow something (in force or next), the downtime of
a procedure, and the steps of the home care. What a window forbids now is never in the kit; it says
when it returns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from shop.catalog.models import ActiveClass
from shop.prescriptions.gate.windows import AHEAD
from shop.treatments.course import LOOKED_AT, SHIELDING
from shop.treatments.procedures import Sign
from shop.treatments.windows import Action, Conduct, Interval

NEAR = timedelta(days=14)  # before a session what its downtime takes is in the house
# A skin protectant "temporarily protects" chapped, cracked or scraped skin (21 CFR 347.50(b)): skin
# that is red, peels or crusts is covered with one until it is closed.
PROTECTANT = "A skin protectant"
COVERED = frozenset({Sign.REDNESS, Sign.PEELING, Sign.CRUSTING})
CARRIED: Mapping[str, str] = {
    Conduct.SPF: ActiveClass.UV_FILTER
}  # a word of conduct → what we sell
ASKING = (Action.REQUIRE, Action.PRIME, Action.ALLOW)


class Phase(StrEnum):
    """Where the plan is."""

    BEFORE = "before"
    DOWNTIME = "downtime"
    AFTER = "after"


@dataclass(frozen=True)
class Treated:
    """A session, ahead or done; `downtime` the most days its procedure publishes."""

    name: str
    on: date
    done: bool
    downtime: int
    signs: tuple[Sign, ...] = ()

    def healing(self, today: date) -> bool:
        """Whether its downtime is not over yet."""
        return self.done and self.on <= today < self.on + timedelta(days=self.downtime)


@dataclass(frozen=True)
class Now:
    """The phase, and the session it is about."""

    phase: Phase
    session: Treated


@dataclass(frozen=True)
class Asks:
    """An interval of the calendar with the one sentence that all pages share."""

    interval: Interval
    sentence: str


@dataclass(frozen=True)
class Need:
    """One thing that is needed: a `subject` (a class of active, a word of conduct) or a pack.

    `ordered`: a physician orders it, so that nothing is proposed that anybody may buy. `called`:
    what it is, where nothing serves it and `why` does not say.
    """

    why: str
    subject: str = ""
    sku: str = ""
    ordered: bool = False
    called: str = ""

    @property
    def key(self) -> str:
        return self.sku or self.subject

    @property
    def sentence(self) -> str:
        """What is needed and why, by itself."""
        return f"{self.called}. {self.why}" if self.called else self.why


class Way(StrEnum):
    """How it comes to her, the best first."""

    HAVE = "have"  # it lasts still
    CART = "cart"
    ACTION = "action"  # she has to do something first, such as read its leaflet
    ASK = "ask"  # a physician is to be asked
    LATER = "later"
    CLOSED = "closed"


@dataclass(frozen=True)
class Offer:
    """A pack that would serve, as the gate answers for her; she has it `lasts_until` then,
    or it is on its way."""

    sku: str
    name: str
    slug: str
    subjects: frozenset[str]
    way: Way
    said: str = ""
    quantity: int = 1
    doctor_only: bool = False
    lasts_until: date | None = None
    in_cart: bool = False


@dataclass(frozen=True)
class Item:
    """Something of the kit, and all that it is for."""

    offer: Offer
    whys: tuple[str, ...]

    @property
    def ready(self) -> bool:
        """One click puts it into the cart."""
        return self.offer.way is Way.CART


@dataclass(frozen=True)
class Rest:
    """A pack of her home care that is not to be used now. `returns`: None, nobody knows yet."""

    name: str
    said: tuple[str, ...]
    returns: date | None


@dataclass(frozen=True)
class Kit:
    """`unmet` is needed, and nothing of the shop serves: she asks her clinic."""

    now: Now | None
    items: tuple[Item, ...] = ()
    resting: tuple[Rest, ...] = ()
    unmet: tuple[Need, ...] = ()

    @property
    def ready(self) -> tuple[Item, ...]:
        """What one click puts into the cart."""
        return tuple(one for one in self.items if one.ready)


def phase(sessions: Iterable[Treated], *, today: date) -> Now | None:
    """Where the plan is: a downtime first, then a session that is near, then what was done last."""
    known = sorted(sessions, key=lambda one: (one.on, one.name))
    healing = [one for one in known if one.healing(today)]
    ahead = [one for one in known if not one.done and one.on >= today]
    done = [one for one in known if one.done]
    if healing:
        return Now(Phase.DOWNTIME, healing[-1])
    if ahead and (not done or ahead[0].on <= today + NEAR):
        return Now(Phase.BEFORE, ahead[0])
    if done:
        return Now(Phase.AFTER, done[-1])
    return None


def needs(
    now: Now | None, asked: Iterable[Asks], steps: Iterable[Need], *, at: datetime
) -> list[Need]:
    """What is needed, the steps of home care first; each subject once, by what is soonest."""
    found = list(steps)
    soonest: dict[str, Asks] = {}
    for one in sorted(asked, key=lambda each: (each.interval.begins, each.interval.subject)):
        interval = one.interval
        if interval.action in ASKING and at < interval.until and interval.begins < at + AHEAD:
            soonest.setdefault(CARRIED.get(interval.subject, interval.subject), one)
    found += [
        Need(one.sentence, subject=subject, ordered=one.interval.action is Action.PRIME)
        for subject, one in soonest.items()
        if one.interval.subject != Conduct.RELEASE  # a look at the skin is nothing to buy
    ]
    if covered := _covered(now, at):
        found.append(Need(covered, subject=ActiveClass.SKIN_PROTECTANT, called=PROTECTANT))
    return list({one.key: one for one in reversed(found)}.values())[::-1]


def choose(
    needs: Sequence[Need],
    offers: Mapping[str, Sequence[Offer]],
    asked: Iterable[Asks],
    *,
    now: Now | None,
    held: bool,
    at: datetime,
) -> Kit:
    """The kit: for each need the best of its `offers` (by its key), one pack for several needs.

    `held`: a report out of course waits for a physician, so that nothing active is in it.
    """
    forbidden = _forbidden(asked, at)
    items: dict[str, Item] = {}
    resting, unmet = [], []
    for need in needs:
        able = list(offers.get(need.key, ()))
        free = [one for one in able if not _rests(one, forbidden, held=held)]
        fit = [one for one in free if one.way is not Way.CLOSED]
        if fit:
            best = min(fit, key=lambda one: (one.sku not in items, list(Way).index(one.way)))
            before = items[best.sku].whys if best.sku in items else ()
            items[best.sku] = Item(best, (*before, need.why))
        elif free or not able:
            unmet.append(need)
        elif need.sku:
            resting.append(_rest(able[0], forbidden, held=held))
    return Kit(now, tuple(items.values()), tuple(resting), tuple(unmet))


def _covered(now: Now | None, at: datetime) -> str:
    """Why skin is to be covered, now or soon; nothing where it is not."""
    if now is None or not COVERED.intersection(now.session.signs):
        return ""
    signs = " and ".join(one.value for one in now.session.signs if one in COVERED)
    days = f"Up to {now.session.downtime} days of {signs} are usual"
    if now.phase is Phase.DOWNTIME:
        return f"{days} after {now.session.name}: keep the skin covered."
    if now.phase is Phase.BEFORE and now.session.on <= (at + NEAR).date():
        return f"{days} after {now.session.name}: have it in the house."
    return ""


def _forbidden(asked: Iterable[Asks], at: datetime) -> dict[str, Asks]:
    """What is stopped or avoided at `at`, by subject; of several what ends last."""
    return {
        one.interval.subject: one
        for one in sorted(asked, key=lambda each: (each.interval.until, each.sentence))
        if one.interval.action.forbids and one.interval.begins <= at < one.interval.until
    }


def _rests(offer: Offer, forbidden: Mapping[str, Asks], *, held: bool) -> bool:
    return not forbidden.keys().isdisjoint(offer.subjects) or (
        held and not offer.subjects <= SHIELDING
    )


def _rest(offer: Offer, forbidden: Mapping[str, Asks], *, held: bool) -> Rest:
    """Until the last of what forbids it ends."""
    stops = [forbidden[subject] for subject in sorted(offer.subjects & forbidden.keys())]
    looked_at = [LOOKED_AT] if held and not offer.subjects <= SHIELDING else []
    until = max((one.interval.until.date() for one in stops), default=None)
    said = dict.fromkeys([*(one.sentence for one in stops), *looked_at])
    return Rest(offer.name, tuple(said), None if looked_at else until)
