"""What a phase needs, chosen purely: what is stopped is never in it, one pack serves many needs."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from shop.core.rules import Severity
from shop.replenishment import kits
from shop.replenishment.kits import SHIELDING, Asks, Need, Now, Offer, Phase, Treated, Way
from shop.treatments.procedures import Sign
from shop.treatments.windows import Action, Interval
from tests.regime import SOAK

ZONE = ZoneInfo("America/Los_Angeles")
TODAY = date(2026, 12, 1)
AT = datetime(2026, 12, 1, 12, tzinfo=ZONE)
SUBJECTS = ("retinoid", "aha", "uv_filter", "skin_protectant", "hydroquinone")
REDDENS = (Sign.REDNESS, Sign.PEELING)


def day(number: int) -> datetime:
    """A midnight of the clinic, so many days from today."""
    return datetime.combine(TODAY + timedelta(days=number), datetime.min.time(), ZONE)


def asks(subject: str, action: Action, first: int, until: int) -> Asks:
    interval = Interval(subject, action, Severity.SOFT_STOP, day(first), day(until), ())
    return Asks(interval, f"{subject}: {action} until {until}.")


def session(days: int, *, done: bool = False, downtime: int = 5) -> Treated:
    return Treated("Peel", TODAY + timedelta(days=days), done, downtime, REDDENS)


def offer(sku: str, *subjects: str, way: Way = Way.CART, **more: Any) -> Offer:
    return Offer(sku, sku.title(), sku, frozenset(subjects), way, **more)


PHASES = {
    "nothing planned": ([], None),
    "ahead": ([session(9)], Phase.BEFORE),
    "far ahead, nothing done": ([session(99)], Phase.BEFORE),
    "done today": ([session(0, done=True)], Phase.DOWNTIME),
    "the last day of downtime": ([session(-4, done=True)], Phase.DOWNTIME),
    "over": ([session(-5, done=True)], Phase.AFTER),
    "downtime goes before the next": ([session(-1, done=True), session(3)], Phase.DOWNTIME),
    "the next is near": ([session(-9, done=True), session(14)], Phase.BEFORE),
    "the next is far": ([session(-9, done=True), session(15)], Phase.AFTER),
    "missed": ([session(-3)], None),
}


def test_where_a_plan_is() -> None:
    for name, (sessions, expected) in PHASES.items():
        found = kits.phase(sessions, today=TODAY)
        assert (found and found.phase) == expected, name


def needed(now: Now | None, *asked: Asks, **steps: str) -> list[str]:
    steps_ = [Need(why, sku=sku) for sku, why in steps.items()]
    return [need.key for need in kits.needs(now, asked, steps_, at=AT)]


def test_what_each_phase_needs() -> None:
    spf, prime = asks("spf", Action.REQUIRE, 0, 9), asks("retinoid", Action.PRIME, 2, 9)
    far, over = asks("aha", Action.ALLOW, 61, 70), asks("pha", Action.ALLOW, -9, 0)
    look, stop = asks("release", Action.REQUIRE, 0, 9), asks("bha", Action.STOP, 0, 9)
    everything = (spf, prime, far, over, look, stop)
    before, soon = Now(Phase.BEFORE, session(30)), Now(Phase.BEFORE, session(10))
    assert needed(before, *everything, wash="x") == ["wash", "uv_filter", "retinoid"]
    assert needed(soon, spf) == ["uv_filter", "skin_protectant"]
    assert needed(Now(Phase.DOWNTIME, session(-1, done=True))) == ["skin_protectant"]
    assert needed(Now(Phase.AFTER, session(-9, done=True)), spf) == ["uv_filter"]
    (ordered,) = kits.needs(None, [prime], (), at=AT)
    assert ordered.ordered
    assert ordered.why == prime.sentence


def chosen(needs: list[Need], *offers: Offer, asked: Any = (), held: bool = False) -> kits.Kit:
    able = {
        need.key: [one for one in offers if need.key in {one.sku, *one.subjects}] for need in needs
    }
    return kits.choose(needs, able, asked, now=None, held=held, at=AT)


def test_the_best_pack_serves_each_need_and_one_pack_several() -> None:
    needs = [Need("a step", sku="cream"), Need("sun", subject="uv_filter")]
    both = offer("cream", "uv_filter", way=Way.ASK)
    kit = chosen(needs, both, offer("lotion", "uv_filter"))
    assert [(one.offer.sku, one.whys) for one in kit.items] == [("cream", ("a step", "sun"))]
    assert kit.ready == ()

    kit = chosen(
        needs[1:],
        offer("closed", "uv_filter", way=Way.CLOSED),
        offer("asked", "uv_filter", way=Way.ASK),
        offer("open", "uv_filter"),
    )
    assert [one.offer.sku for one in kit.ready] == ["open"]
    had = offer("had", "uv_filter", way=Way.HAVE, lasts_until=TODAY)
    (one,) = chosen(needs[1:], offer("open", "uv_filter"), had).items
    assert (one.offer.sku, one.ready) == ("had", False)


def test_what_is_stopped_now_says_when_it_returns() -> None:
    needs = [Need("a step", sku="peel"), Need("cold sores", subject="antiviral")]
    stops = [asks("aha", Action.STOP, -1, 5), asks("bha", Action.AVOID, 0, 8)]
    kit = chosen(needs, offer("peel", "aha", "bha"), asked=stops)
    assert kit.items == ()
    (rest,) = kit.resting
    assert (rest.said, rest.returns) == (
        tuple(one.sentence for one in stops),
        TODAY + timedelta(days=8),
    )
    assert [need.subject for need in kit.unmet] == ["antiviral"]
    later = [asks("aha", Action.STOP, 1, 5)]
    assert [one.offer.sku for one in chosen(needs[:1], offer("peel", "aha"), asked=later).items]


def test_a_report_out_of_course_leaves_what_protects() -> None:
    needs = [Need("a step", sku="cream"), Need("sun", subject="uv_filter")]
    kit = chosen(needs, offer("cream", "retinoid"), offer("lotion", "uv_filter"), held=True)
    assert [one.offer.sku for one in kit.items] == ["lotion"]
    assert [(one.said, one.returns) for one in kit.resting] == [((kits.LOOKED_AT,), None)]


ACTIONS = st.sampled_from(list(Action))
WINDOWS = st.builds(
    lambda subject, action, first, long: asks(subject, action, first, first + long),
    st.sampled_from(SUBJECTS),
    ACTIONS,
    st.integers(-20, 20),
    st.integers(1, 30),
)
OFFERS = st.builds(
    lambda sku, subjects, way: offer(f"pack{sku}", *subjects, way=way),
    st.integers(0, 30),
    st.sets(st.sampled_from(SUBJECTS), max_size=3),
    st.sampled_from(list(Way)),
)


@settings(max_examples=2_000 if SOAK else 100)
@given(
    st.lists(WINDOWS, max_size=12),
    st.lists(OFFERS, max_size=12, unique_by=lambda one: one.sku),
    st.sets(st.integers(0, 30), max_size=5),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_nothing_of_a_kit_is_stopped(
    windows: list[Asks], offers: list[Offer], steps: set[int], held: bool, chance: Any
) -> None:
    now = Now(Phase.DOWNTIME, session(0, done=True))
    named = [Need("a step", sku=f"pack{number}") for number in sorted(steps)]
    needs = kits.needs(now, windows, named, at=AT)
    kit = chosen(needs, *offers, asked=windows, held=held)

    stopped = {
        one.interval.subject
        for one in windows
        if one.interval.action in (Action.STOP, Action.AVOID)
        and one.interval.begins <= AT < one.interval.until
    }
    for item in kit.items:
        assert not item.offer.subjects & stopped
        assert item.offer.way is not Way.CLOSED
        assert not held or item.offer.subjects <= SHIELDING
    assert len({one.offer.sku for one in kit.items}) == len(kit.items)
    resting = {one.name for one in kit.resting}
    assert resting.isdisjoint(one.offer.name for one in kit.items)
    for one in kit.resting:
        assert one.said
        assert one.returns is None or one.returns > TODAY
    mixed = list(windows)
    chance.shuffle(mixed)
    again = chosen(needs, *offers, asked=mixed, held=held)
    assert (again.items, again.resting) == (kit.items, kit.resting)
