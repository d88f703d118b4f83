"""What a walk may do with prescriptions, and with the licences that they rest on."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.model.clinic import LICENCES
from tests.model.desk_acts import DeskActs
from tests.model.machine import Prescription, Report
from tests.model.steps import PHYSICIANS, PICK, WILD, act, chosen

ANYBODY = st.sampled_from(["alice", "bob", "chen", "chen", "ruiz", "ruiz", "mona"])
PLACES = [*sorted(LICENCES), ("ruiz", "CA"), ("chen", "NV")]


class LifeActs(DeskActs):
    """The walk's steps with what was signed."""

    def promised(self) -> bool:
        return any(p.status == "active" and waits(p) for p in self.model.prescriptions)

    @act(
        lambda walk: 3 * bool(walk.model.prescriptions) + 6 * walk.promised(),
        verb=st.sampled_from(["hold", "resume", "revoke", "revoke"]),
        by=st.sampled_from(["prescriber", "prescriber", "client", "other"]),
        pick=PICK,
        wild=WILD,
    )
    def about_a_prescription(self, verb: str, by: str, pick: int, wild: bool) -> None:
        before = {"hold": "active", "resume": "on_hold", "revoke": "active"}[verb]
        p = chosen(
            self.model.prescriptions,
            pick,
            wild,
            lambda p: p.status == before and (verb == "resume" or waits(p) or not self.promised()),
        )
        other = PHYSICIANS[p.by == PHYSICIANS[0]]
        who = {"prescriber": p.by, "client": p.request.client, "other": other}[by]
        self.both(verb, p, who)

    # Elsewhere, and on

    @act(
        lambda walk: bool(walk.model.prescriptions),
        by=st.sampled_from(["client", "client", "client", "prescriber"]),
        pick=PICK,
        wild=WILD,
    )
    def is_taken_away(self, by: str, pick: int, wild: bool) -> None:
        p = chosen(self.model.prescriptions, pick, wild, lambda p: p.status == "active")
        self.both("take_away", p, p.request.client if by == "client" else p.by)

    def may_be_renewed(self, p: Prescription) -> bool:
        soon = p.until - self.model.now < 30 * 1440 or p.left() == 0
        return p.status == "active" and p.accepted and not p.replaced and soon

    @act(
        lambda walk: (
            bool(walk.model.prescriptions)
            + 4 * any(walk.may_be_renewed(p) for p in walk.model.prescriptions)
        ),
        consent=st.sampled_from([True, True, False]),
        answered=st.sampled_from([True, True, False]),
        pick=PICK,
        wild=WILD,
    )
    def renews(self, consent: bool, answered: bool, pick: int, wild: bool) -> None:
        p = chosen(self.model.prescriptions, pick, wild, self.may_be_renewed)
        self.both(
            "renew", p, p.by if wild and pick % 4 == 3 else p.request.client, consent, answered
        )

    # An error

    def reports(self) -> list[Report]:
        return [said for p in self.model.prescriptions for said in p.reports]

    @act(
        lambda walk: bool(walk.model.prescriptions) + 2 * walk.promised(),
        by=ANYBODY,
        pick=PICK,
        wild=WILD,
    )
    def an_error_is_reported(self, by: str, pick: int, wild: bool) -> None:
        who = by if wild or by in PHYSICIANS else PHYSICIANS[pick % 2]
        p = chosen(self.model.prescriptions, pick, wild, lambda p: not p.reports)
        self.both("report", p, who)

    @act(
        lambda walk: bool(walk.reports()) + 9 * any(r.confirmed is None for r in walk.reports()),
        verb=st.sampled_from(["confirm", "confirm", "confirm", "dismiss"]),
        by=st.sampled_from(["reporter", "reporter", "mona", "ruiz", "chen", "alice"]),
        pick=PICK,
        wild=WILD,
    )
    def an_error_is_judged(self, verb: str, by: str, pick: int, wild: bool) -> None:
        said = chosen(self.reports(), pick, wild, lambda said: said.confirmed is None)
        self.both(verb, said, said.by if by == "reporter" else by)

    # Licences

    @act(lambda walk: 1, which=st.sampled_from(PLACES))
    def a_licence_ends(self, which: tuple[str, str]) -> None:
        self.both("end_licence", *which)

    def lapsed(self) -> bool:
        return any(not self.model.licensed(*which) for which in LICENCES)

    @act(
        lambda walk: 4 * walk.lapsed(),
        which=st.sampled_from(PLACES),
        days=st.sampled_from([400, 400, 15]),
    )
    def a_licence_is_renewed(self, which: tuple[str, str], days: int) -> None:
        gone = [each for each in sorted(LICENCES) if not self.model.licensed(*each)]
        self.both("renew_licence", *(gone[0] if gone and days == 400 else which), days)

    @act(
        lambda walk: (
            4 * (bool(walk.model.prescriptions) and walk.lapsed())
            + 6 * any(p.held_for for p in walk.model.prescriptions)
        )
    )
    def the_worker_follows_licences(self) -> None:
        self.both("licences_followed")


def waits(p: Prescription) -> bool:
    """Whether something that was paid for under it has not left yet."""
    return any(fill.status == "consumed" for fill in p.taken)
