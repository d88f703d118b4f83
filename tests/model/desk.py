"""The clinic in plain Python: a client asks, is asked back, is seen; a physician decides."""

from __future__ import annotations

from tests.model.machine import BEGINS, DAY, Prescription, Request, World, arrow, unless

LEASE, TO_ANSWER = 15, DAY  # minutes
# How many days a request may stay as it is.
LASTS = {"draft": 30, "info_requested": 14, "pending_client": 7, "referred": 60}
OPEN = ("draft", "queued", "in_review", "info_requested", "referred", "pending_client")

# How a state wants a client examined, and whether a prescription ends with the examination.
EXAMINED = {
    "CA": (("in_person", "video", "asynchronous"), False),
    "NV": (("in_person", "video"), True),
}
EXAMINATION_LASTS = 365  # days


class Desk(World):
    """The world with its requests."""

    # The client

    def start(
        self,
        client: str,
        variant: str,
        quantity: int,
        state: str,
        renews: Prescription | None = None,
    ) -> Request:
        unless(variant in self.doctor_only, "not_doctor_only")
        unless(not self.open_request(client, variant), "already_asked")
        self.requests.append(Request(client, variant, quantity, state, self.now, renews))
        return self.requests[-1]

    def open_request(self, client: str, variant: str) -> bool:
        mine = [r for r in self.requests if (r.client, r.variant) == (client, variant)]
        return any(r.status in OPEN for r in mine)

    def answer(self, r: Request, by: str) -> None:
        unless(by == r.client, "not_allowed")
        arrow("approval_request", r.status, "answer")
        r.answered = True

    def submit(self, r: Request, by: str, consent: bool) -> None:
        unless(by == r.client, "not_allowed")
        to = arrow("approval_request", r.status, "submit")
        unless(consent, "consent_missing")
        unless(r.answered, "answers_refused")
        if self._unmet(r):
            to = "referred"
        r.due = None if to == "referred" else self.now + TO_ANSWER
        r.to(to, self.now)

    def withdraw(self, r: Request, by: str) -> None:
        """Also: she does not take what was prescribed instead."""
        unless(by == r.client, "not_allowed")
        was = r.status
        r.to(arrow("approval_request", self.seen_as(r), "withdraw"), self.now)
        for p in self.prescriptions:
            if p.request is r and was == "pending_client" and p.status in ("active", "on_hold"):
                p.to("revoked")

    def reply(self, r: Request, by: str, said: str, asked: str) -> None:
        """`said` is in her words, in new answers, or nothing; `asked` is the question she read."""
        unless(by == r.client, "not_allowed")
        to = arrow("approval_request", r.status, "reply")
        unless(asked == "this", "question_changed")
        unless(said != "nothing", "answers_refused")
        r.due = self.now + r.left
        r.to(to, self.now)

    def seen_as(self, r: Request) -> str:
        """Its state for whoever touches it: a claim that ran out is over."""
        ran_out = r.status == "in_review" and r.claimed_until <= self.now
        return "queued" if ran_out else r.status

    # The physician

    def claim(self, r: Request, by: str) -> None:
        to = arrow("approval_request", self._for_physicians(r), "claim")
        self._licensed_for(r, by)
        unless(self.seen_as(r) == "queued" or r.claimed_by == by, "already_claimed")
        r.to(to, self.now)
        r.claimed_by, r.claimed_until = by, self.now + LEASE

    def _for_physicians(self, r: Request) -> str:
        """What a physician decided stays decided, whatever the client made of it."""
        return "pending_client" if r.decided else self.seen_as(r)

    def _held_by(self, r: Request, by: str, verb: str) -> str:
        """Where the verb of a physician leads who holds the request."""
        to = arrow("approval_request", self._for_physicians(r), verb)
        unless(r.claimed_by == by, "claim_lost")
        return to

    def _licensed_for(self, r: Request, by: str) -> None:
        unless(all(self.licensed(by, state) for state in self._states(r)), "not_licensed")

    def _states(self, r: Request) -> set[str]:
        return {r.state, self.homes[r.client]}

    def release(self, r: Request, by: str) -> None:
        r.to(self._held_by(r, by, "release"), self.now)

    def refuse(self, r: Request, by: str, words: bool) -> None:
        to = self._held_by(r, by, "refuse")
        unless(words, "terms_refused")
        r.to(to, self.now)
        r.decided = True

    def inquire(self, r: Request, by: str, words: bool) -> None:
        """Her clock stands still until the client has answered."""
        to = self._held_by(r, by, "inquire")
        unless(words, "terms_refused")
        assert r.due is not None
        r.left, r.due = r.due - self.now, None
        r.to(to, self.now)

    def refer(self, r: Request, by: str, words: bool) -> None:
        to = self._held_by(r, by, "refer")
        unless(words, "terms_refused")
        r.due, r.sent_away = None, True
        r.to(to, self.now)

    def sign(
        self,
        r: Request,
        by: str,
        variant: str,
        quantity: int,
        fills: int,
        interval: int | None,
        days: int,
        mode: str,
        fresh: bool,
    ) -> Prescription:
        """As it was asked for; or another pack or quantity, which waits for the client's word."""
        changed = (variant, quantity) != (r.variant, r.quantity)
        to = self._held_by(r, by, "change" if changed else "sign")
        self._licensed_for(r, by)
        unless(variant in self.doctor_only, "terms_refused")
        earlier = self._predecessors(r, variant)
        last_day = self._examined_until(r, mode)
        unless(self.day + days <= last_day and 1 <= quantity <= 20, "terms_refused")
        unless(fresh, "stale_sign_in")
        if (mode, self.day) not in self.examinations.get(r.client, []):
            self._record(r.client, mode)
        home = self.homes[r.client]
        until = (self.day + days) * DAY - BEGINS
        signed = Prescription(
            r, by, variant, quantity, fills, interval, until, frozenset(self._states(r)), home
        )
        r.to(to, self.now)
        r.decided = True
        self.prescriptions.append(signed)
        if not changed:
            self._supersede(earlier)
        return signed

    def accept(self, r: Request, by: str, price: str) -> None:
        """The client takes what was prescribed instead, at the price she was shown."""
        unless(by == r.client, "not_allowed")
        to = arrow("approval_request", r.status, "accept")
        (signed,) = (p for p in self.prescriptions if p.request is r)
        unless(signed.status == "active", "wrong_state")
        unless(self.now < signed.until, "wrong_state")
        unless(price == "today's", "price_changed")
        earlier = self._predecessors(r, signed.variant)
        place = self.prescriptions.index
        unless(all(place(p) < place(signed) for p in earlier), "newer_prescription")
        r.to(to, self.now)
        self._supersede(earlier)

    def _predecessors(self, r: Request, variant: str) -> list[Prescription]:
        """Whose place a prescription for this request would take."""

        def in_the_way(p: Prescription) -> bool:
            held = p.status == "on_hold" and self.now < p.until
            same = p.variant == variant and not p.replaced and (p.status == "active" or held)
            return p.accepted and (same or p is r.renews)

        mine = [p for p in self.prescriptions if p.request.client == r.client]
        found = sorted((p for p in mine if in_the_way(p)), key=lambda p: p.id)
        for p in found:
            unless(p.status not in ("revoked", "entered_in_error"), "renewed_was_taken_back")
            held = p.status == "on_hold" and self.now < p.until and not p.replaced
            unless(not held, "predecessor_on_hold")
        active = [p for p in found if p.status == "active" and not p.replaced]
        return [p for p in active if p.variant == variant]

    def _supersede(self, earlier: list[Prescription]) -> None:
        for p in earlier:
            p.replaced = True
            p.finish()

    # Examinations

    def examine(self, client: str, by: str, mode: str, days_ago: int) -> None:
        """Requests that waited for it go to the physicians."""
        unless(0 <= days_ago < EXAMINATION_LASTS, "terms_refused")
        unless(self.licensed(by, self.homes[client]), "terms_refused")
        self._record(client, mode)

    def _record(self, client: str, mode: str) -> None:
        self.examinations.setdefault(client, []).append((mode, self.day))
        for r in self.requests:
            if r.client == client and r.status == "referred" and self._ends_the_wait(r, mode):
                r.to(arrow("approval_request", r.status, "examine"), self.now)
                r.due = self.now + TO_ANSWER

    def _ends_the_wait(self, r: Request, mode: str) -> bool:
        """A visit that suffices in both states; what only a state asks for may be there already."""
        if not r.sent_away:
            return not self._unmet(r)
        everywhere = all(mode in EXAMINED[state][0] for state in self._states(r))
        return mode != "asynchronous" and everywhere

    def _unmet(self, r: Request) -> bool:
        """Whether a state asks for a visit that is not on record."""
        visits = [state for state in self._states(r) if "asynchronous" not in EXAMINED[state][0]]
        return any(self._examined_on(r.client, state) is None for state in visits)

    def _examined_on(self, client: str, state: str) -> int | None:
        """The day of her newest examination that counts in a state."""
        modes = EXAMINED[state][0]
        days = [day for mode, day in self.examinations.get(client, []) if mode in modes]
        return max((day for day in days if self.day < day + EXAMINATION_LASTS), default=None)

    def _examined_until(self, r: Request, mode: str) -> int:
        """The first day that a prescription does not reach, examined so today."""
        ends = [self.day + 365]
        for state in self._states(r):
            modes, ends_with_it = EXAMINED[state]
            on = self.day if mode in modes else self._examined_on(r.client, state)
            unless(on is not None, "examination_needed")
            if ends_with_it and on is not None:
                ends.append(on + EXAMINATION_LASTS)
        return min(ends)

    # By itself

    def requests_end(self) -> None:
        """What nobody finished, answered, accepted or was seen for in time."""
        for r in self.requests:
            if r.status in LASTS and r.since <= self.now - LASTS[r.status] * DAY:
                r.to(arrow("approval_request", r.status, "expire"), self.now)
