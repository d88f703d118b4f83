"""The clinic in plain Python: what becomes of a prescription, and what the gate makes of it."""

from __future__ import annotations

from collections.abc import Iterable

from tests.model.desk import Desk
from tests.model.machine import (
    BEGINS,
    DAY,
    Fill,
    Line,
    Order,
    Prescription,
    Report,
    Request,
    arrow,
    unless,
)

# In the order in which the gate's refusals are told.
CLOSED = ("no_prescription", "line_blocked", "needs_client_action", "too_soon")
PHYSICIANS, DECIDERS = ("chen", "ruiz"), ("chen", "ruiz", "mona")
RENEWABLE = 30  # days before it ends


class Authority(Desk):
    """The world with its prescriptions in force. What an end means for orders is `trade`'s."""

    # Held, and let go on

    def hold(self, p: Prescription, by: str) -> None:
        unless(by == p.by, "not_allowed")
        p.to(arrow("prescription", p.status, "hold"))

    def resume(self, p: Prescription, by: str) -> None:
        unless(by == p.by, "not_allowed")
        unless(not p.held_for, "wrong_state")
        p.to(arrow("prescription", p.status, "resume"))
        p.finish()

    def follow_licences(self) -> None:
        """On hold while the licence at the client's home is gone; on with another."""
        for p in self.prescriptions:
            licensed = self.licensed(p.by, p.home)
            if p.status == "active" and self.now < p.until and not licensed:
                p.to("on_hold", "licence_lapsed")
            elif p.held_for and licensed:
                p.to("active")
                p.finish()

    # An error

    def report(self, p: Prescription, by: str) -> Report:
        unless(by in PHYSICIANS, "not_allowed")
        unless(all(said.confirmed is False for said in p.reports), "already_reported")
        p.reports.append(Report(p, by))
        return p.reports[-1]

    def dismiss(self, said: Report, by: str) -> None:
        self._decide(said, by, confirmed=False)

    def _decide(self, said: Report, by: str, *, confirmed: bool) -> None:
        unless(not confirmed or by != said.by, "second_person_needed")
        unless(by in DECIDERS, "not_allowed")
        unless(said.confirmed is None, "wrong_state")
        said.confirmed = confirmed

    # Elsewhere, and on

    def standing(self, p: Prescription) -> str:
        """From the gravest to the plainest: of several that are true, the first is said."""
        if p.status in ("entered_in_error", "superseded", "revoked"):
            return p.status
        return next(
            word
            for word, so in {
                "not_accepted": not p.accepted,
                "expired": p.until <= self.now,
                "on_hold": p.status == "on_hold",
                "superseded": p.replaced,
                "depleted": p.taken_away or p.left() <= 0,
                "active": True,
            }.items()
            if so
        )

    def take_away(self, p: Prescription, by: str) -> None:
        """What is left of it ends here."""
        unless(by == p.request.client, "not_allowed")
        unless(not p.taken_away, "already_taken_away")
        unless(self.standing(p) != "depleted", "no_fill_left")
        unless(self.standing(p) == "active", "wrong_state")
        p.taken_away = True

    def renew(self, p: Prescription, by: str, consent: bool, answered: bool) -> Request:
        """The client goes on with it, once its time has come."""
        unless(by == p.request.client, "not_allowed")
        standing = self.standing(p)
        soon = (p.until + BEGINS) // DAY - RENEWABLE <= self.day
        its_time = standing in ("depleted", "expired") or (standing == "active" and soon)
        stands = p.status == "active" and not p.replaced
        licensed = all(self.licensed(p.by, state) for state in p.states)
        asks_anew = not self.open_request(p.request.client, p.variant)
        unless(its_time and stands and licensed and asks_anew, "renewal_refused")
        r = self.start(p.request.client, p.variant, p.quantity, p.request.state, p)
        if answered:
            self.answer(r, by)
            if consent:
                self.submit(r, by, consent)
        return r

    # The gate

    def _shortcoming(
        self, p: Prescription, variant: str, quantity: int, state: str, fill: Fill | None
    ) -> tuple[int, str]:
        """How many tests it passes, and what it says at the first it fails ("" for none)."""
        needed = {p.home} | ({state} & p.states)
        tests = [
            (p.status not in ("entered_in_error", "superseded", "revoked"), "no_prescription"),
            (p.accepted, "needs_client_action"),
            (self.now < p.until, "no_prescription"),
            (all(self.licensed(p.by, each) for each in needed), "no_prescription"),
            (p.status != "on_hold", "line_blocked"),
        ]
        if fill is None:
            every = [f for one in self._of(p.request.client, variant) for f in one.taken]
            last = max((f.on for f in every if f.status != "released"), default=-9999)
            tests += [
                (not p.replaced, "no_prescription"),
                (not p.taken_away, "no_prescription"),
                (p.left() > 0, "no_prescription"),
                (p.quantity == quantity, "needs_client_action"),
                (p.interval is None or last + p.interval <= self.day, "too_soon"),
                (state in p.states, "needs_client_action"),
            ]
        else:
            tests += [(fill.status in ("reserved", "consumed"), "line_blocked")]
        failed = next((place for place, (passed, _) in enumerate(tests) if not passed), len(tests))
        return failed, "" if failed == len(tests) else tests[failed][1]

    def _of(self, client: str, variant: str) -> list[Prescription]:
        """What the gate looks at: what nobody took is no authority."""
        signed = ("approved", "pending_client")
        return [p for p in self.prescriptions_of(client, variant) if p.request.status in signed]

    def _cover(
        self, client: str, variant: str, quantity: int, state: str, fill: Fill | None = None
    ) -> tuple[Prescription | None, str]:
        """The prescription that carries it now, the first to end; or what the gate answers."""
        if variant not in self.doctor_only:
            return None, ""
        found = [
            (self._shortcoming(p, variant, quantity, state, fill), p)
            for p in self._of(client, variant)
            if fill is None or fill.of is p
        ]
        covering = [p for (_, why), p in found if not why]
        if covering:
            return min(covering, key=lambda p: (p.until, p.id)), ""
        nearest = max((short for short, _ in found), default=(0, "no_prescription"))
        return None, nearest[1]

    def _insist(self, answers: Iterable[str]) -> None:
        told = set(answers)
        for code in CLOSED:
            unless(code not in told, code)

    def _answers(self, order: Order, lines: list[Line]) -> list[str]:
        return [
            self._cover(order.client, each.variant, each.quantity, order.state, each.fill)[1]
            for each in lines
        ]
