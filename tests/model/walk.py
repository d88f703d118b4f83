"""A walk through the shop: where it begins, what may come next, and what must be so at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, run_state_machine_as_test

from tests import invariants
from tests.model.clinic import Clinic
from tests.model.steps import CLIENT, QUANTITY
from tests.model.trade_acts import TradeActs

# How far down the road a beginning is.
ENDS = ["asked", "signed", "placed", *["reported", "inquired", "changed", "paying", "paid"] * 2]


class Walk(TradeActs):
    """The shop against its model. A subclass names the clinic."""

    def teardown(self) -> None:
        """The end of a walk: money goes back, and nothing that must never be is."""
        if self.agreed:
            for order in self.model.orders:
                if order.status in ("cancelled", "expired"):
                    self.both("follow_end", order)
            broken = invariants.broken(self.clinic.watch)
            assert not broken, broken

    @initialize(
        beginnings=st.lists(
            st.tuples(
                CLIENT,
                st.sampled_from(["cream", "gel"]),
                st.sampled_from(ENDS),
                QUANTITY,
                st.integers(1, 3),
            ),
            max_size=2,
        )
    )
    def some_way_down_the_road(self, beginnings: list[tuple[str, str, str, int, int]]) -> None:
        """So that twenty steps are enough for what comes late."""
        for client, variant, end, quantity, fills in beginnings:
            asked = self.ask(client, variant, quantity, "home")
            if asked is None or end == "asked":
                continue
            if asked.status == "referred":
                self.both("examine", client, "chen", "video", 0)
            self.both("claim", asked, "chen")
            if end == "inquired":
                self.both("inquire", asked, "chen", True)
                continue
            given = quantity + (end == "changed")
            self.sign(asked, "chen", variant, given, fills, None, 365)
            if end not in ("changed", "signed"):
                self.buy_and_pay(client, variant, quantity, end)
            if end == "reported":
                self.both("report", self.model.prescriptions[-1], "ruiz")

    def buy_and_pay(self, client: str, variant: str, quantity: int, end: str) -> None:
        self.put(client, variant, quantity)
        self.put(client, "soap", 1)
        order = self.place(client, (variant, "soap"), "home")
        if order is None or end == "placed":
            return
        payment = self.begin(order, client, sent=True)
        if end != "paying" and payment is not None:
            self.both("pay", payment, "paid")
            self.deliver(len(self.clinic.bank.events) - 1)


# Hypothesis makes five mutants of every walk once a run is past its first ten, and a mutant that
# repeats half of another walk teaches little: so a run is never longer.
RUN = 10


def walk(
    clinic: Clinic,
    *,
    seed: int,
    examples: int,
    steps: int,
    counts: Counter[tuple[str, str]],
    phases: Sequence[Phase] = (Phase.generate, Phase.shrink),
) -> None:
    """Walk so many times so far; raises where shop and model differ."""
    machine_of = type("Walk", (Walk,), {"clinic": clinic, "counts": counts})
    for run in range(examples // RUN):
        run_state_machine_as_test(
            hypothesis.seed(seed * 1000 + run)(machine_of),
            settings=settings(
                max_examples=RUN,
                stateful_step_count=steps,
                phases=phases,
                database=None,
                deadline=None,
                print_blob=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
