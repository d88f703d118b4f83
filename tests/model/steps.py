"""Step by step: the model says what the shop will answer, the shop answers, both are compared.

Each method marked `act` is a step that a walk may take next. Whatever a step did or refused,
afterwards every state in the database is the model's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests import invariants
from tests.model.clinic import HOMES, Clinic
from tests.model.machine import No
from tests.model.telling import told
from tests.model.trade import Shop

Thing = TypeVar("Thing")
Method = TypeVar("Method", bound=Callable[..., None])

CLIENTS, PHYSICIANS = ("alice", "bob"), ("chen", "ruiz")
PICK = st.integers(0, 11)  # which of those there are
WILD = st.sampled_from([False, False, False, True])  # any of them, also where it cannot go well
CLIENT = st.sampled_from(CLIENTS)
STATE = st.sampled_from([*["home"] * 4, "CA", "NV"])
QUANTITY = st.sampled_from([1, 1, 1, 2])

# What no step may leave behind, of tests/invariants.py: all that is about prescriptions.
GATE = " UNION ALL ".join(
    f"({statement})"
    for rule_, statement in invariants.RULES.items()
    if rule_.startswith(("I1 ", "I2 ", "I6 ", "I30 "))
)


@dataclass(frozen=True)
class Act:
    """A step that may come next: how likely, as the model stands, and with what."""

    weight: Callable[[Any], int]
    arguments: st.SearchStrategy[dict[str, Any]]


ACTS: dict[str, Act] = {}


def act(weight: Callable[[Any], int], **arguments: st.SearchStrategy[Any]) -> Any:
    """Mark a step. One rule draws among all of them by weight, because Hypothesis draws among rules
    evenly and leaves half of them out of a walk: too few walks would get as far as a parcel.
    """

    def mark(method: Method) -> Method:
        ACTS[method.__name__] = Act(weight, st.fixed_dictionaries(arguments))
        return method

    return mark


class Steps(RuleBasedStateMachine):
    """The shop against its model; what may be done is in the classes that come after."""

    clinic: ClassVar[Clinic]
    counts: ClassVar[Counter[tuple[str, str]]]

    def __init__(self) -> None:
        super().__init__()
        self.counts["walk", ""] += 1
        self.model: Shop = self.clinic.forget()
        self.agreed = True

    @rule(data=st.data())
    def goes_on(self, data: st.DataObject) -> None:
        self.counts["step", ""] += 1
        weights = {name: each.weight(self) for name, each in ACTS.items()}
        among = [name for name, weight in weights.items() for _ in range(weight)]
        name = data.draw(st.sampled_from(among), label="act")
        getattr(self, name)(**data.draw(ACTS[name].arguments, label=name))

    def both(self, verb: str, *given: Any) -> Any:
        """A verb of the model and the clinic's verb of the same name; things go by their ids there."""
        ids = [getattr(each, "id", each) for each in given]
        do, expect = getattr(self.clinic, verb), getattr(self.model, verb)
        return self.step(verb, lambda: expect(*given), lambda: do(*ids))

    def step(self, name: str, expect: Callable[[], Any], act: Callable[[], Any]) -> Any:
        """One step: what the model made of it. Fails where shop and model differ."""
        self.agreed = False
        expected, made = "", None
        try:
            made = expect()
        except No as no:
            expected = no.code
        code, answer = self.clinic.act(act)
        self.counts[name, code] += 1
        event(f"{name}: {code or 'done'}")
        assert code == expected, f"{name}: the shop says {code!r}, the model {expected!r}"
        if answer is not None and not made.id:
            made.id = answer
        self.compare(name)
        self.agreed = True
        return made

    def compare(self, name: str) -> None:
        shop, model = self.clinic.look(), told(self.model, self.clinic)
        assert shop == model, (
            f"after {name}:\n"
            + "".join(f"  only in the shop:  {row}\n" for row in sorted(shop - model))
            + "".join(f"  only in the model: {row}\n" for row in sorted(model - shop))
        )

    # Time; first, because the simplest of all walks takes the first act again and again

    @act(
        lambda walk: 5,
        minutes=st.sampled_from([10] * 4 + [40] * 4 + [120, 120, 1440, 1440, 15 * 1440, 40 * 1440]),
    )
    def time_passes(self, minutes: int) -> None:
        self.model.now += minutes
        self.clinic.travel(minutes)

    @invariant()
    def the_gate_holds(self) -> None:
        """Whatever the model thinks: asked of the tables alone, at every step."""
        if self.agreed:
            broken = self.clinic.watch.execute(GATE).fetchall()
            assert not broken, invariants.broken(self.clinic.watch)

    def home(self, client: str, state: str = "home") -> str:
        return HOMES[client] if state == "home" else state


def chosen(
    things: Sequence[Thing], pick: int, wild: bool, liked: Callable[[Thing], bool] | None = None
) -> Thing:
    """One of them; unless `wild`, one that is liked, if there is any."""
    likely = [] if wild or liked is None else [each for each in things if liked(each)]
    pool = likely or things
    return pool[pick % len(pool)]
