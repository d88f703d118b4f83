"""What a walk may do where clients ask and physicians decide."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.model.desk import EXAMINED
from tests.model.machine import Request
from tests.model.steps import (
    CLIENT,
    CLIENTS,
    PHYSICIANS,
    PICK,
    QUANTITY,
    STATE,
    WILD,
    Steps,
    act,
    chosen,
)

PACK = st.sampled_from(["cream", "gel"])
# What a client does with a request, and where it goes well.
HERS = {
    "answer": ("draft",),
    "submit": ("draft",),
    "reply": ("info_requested",),
    "accept": ("pending_client",),
    "withdraw": ("draft", "queued", "info_requested", "referred", "pending_client"),
}


class DeskActs(Steps):
    """The walk's steps of asking and deciding."""

    def asked(self, *statuses: str) -> bool:
        return any(r.status in statuses for r in self.model.requests)

    # The client

    def ask(self, client: str, variant: str, quantity: int, state: str) -> Request | None:
        """Begun, answered, handed in."""
        begun = self.both("start", client, variant, quantity, self.home(client, state))
        if begun is not None:
            self.both("answer", begun, client)
            self.both("submit", begun, client, True)
        return begun  # type: ignore[no-any-return]

    @act(
        lambda walk: 5 if len(walk.model.requests) < 2 else 2,
        client=CLIENT,
        variant=PACK,
        quantity=QUANTITY,
        state=STATE,
        seen=st.booleans(),
    )
    def asks(self, client: str, variant: str, quantity: int, state: str, seen: bool) -> None:
        asked = self.ask(client, variant, quantity, state)
        if asked is not None and asked.status == "referred" and seen:
            self.both("examine", client, "chen", "video", 0)

    @act(
        lambda walk: 1,
        client=CLIENT,
        variant=st.sampled_from(["cream", "gel", "gel", "soap"]),
        quantity=QUANTITY,
    )
    def begins_to_ask(self, client: str, variant: str, quantity: int) -> None:
        self.both("start", client, variant, quantity, self.home(client))

    @act(
        lambda walk: (
            3 * bool(walk.model.requests) + 5 * walk.asked("info_requested", "pending_client")
        ),
        verb=st.sampled_from(
            ["answer", "submit", "withdraw", "reply", "reply", "accept", "accept"]
        ),
        pick=PICK,
        wild=WILD,
    )
    def the_client(self, verb: str, pick: int, wild: bool) -> None:
        """Unless `wild`, what she can do where one of her requests waits for her."""
        if not wild and not self.asked(*HERS[verb]):
            verb = next((each for each in HERS if self.asked(*HERS[each])), verb)
        asked = chosen(self.model.requests, pick, wild, lambda r: r.status in HERS[verb])
        by = CLIENTS[pick % 2] if wild else asked.client
        more = {
            "submit": [not wild],
            "reply": [
                "nothing" if wild and pick % 4 == 3 else ("words", "answers")[pick % 2],
                "another" if wild and pick % 4 == 2 else "this",
            ],
            "accept": ["yesterday's" if wild and pick % 4 == 3 else "today's"],
        }
        self.both(verb, asked, by, *more.get(verb, []))

    # The physician

    @act(
        lambda walk: 3 * bool(walk.model.requests) + 4 * walk.asked("queued", "in_review"),
        verb=st.sampled_from(
            ["claim", "claim", "release", "refuse", "refer", "inquire", "inquire"],
        ),
        physician=st.sampled_from(PHYSICIANS),
        pick=PICK,
        wild=WILD,
    )
    def the_physician(self, verb: str, physician: str, pick: int, wild: bool) -> None:
        before = ("queued",) if verb == "claim" else ("queued", "in_review")
        asked = chosen(self.model.requests, pick, wild, lambda r: r.status in before)
        by = physician if wild or verb == "claim" else asked.claimed_by or "chen"
        if verb != "claim" and not wild and self.model.seen_as(asked) == "queued":
            self.both("claim", asked, by)
        words = [] if verb in ("claim", "release") else [not wild or pick % 4 != 3]
        self.both(verb, asked, by, *words)

    @act(
        lambda walk: bool(walk.model.requests) + 7 * walk.asked("queued", "in_review"),
        fills=st.integers(1, 3),
        interval=st.sampled_from([None, None, 20]),
        days=st.sampled_from([365, 365, 10]),
        mode=st.sampled_from(["asynchronous"] * 4 + ["video", "in_person"]),
        instead=st.sampled_from([""] * 5 + ["pack", "quantity"]),
        pick=PICK,
        wild=WILD,
    )
    def signs(
        self,
        fills: int,
        interval: int | None,
        days: int,
        mode: str,
        instead: str,
        pick: int,
        wild: bool,
    ) -> None:
        asked = chosen(
            self.model.requests, pick, wild, lambda r: r.status in ("queued", "in_review")
        )
        by = PHYSICIANS[pick % 2] if wild else asked.claimed_by or "chen"
        if self.model.seen_as(asked) == "queued" and not wild:
            self.both("claim", asked, by)
        variant, quantity = asked.variant, asked.quantity
        if instead == "pack":
            variant = "soap" if wild else {"cream": "gel", "gel": "cream"}[variant]
        if instead == "quantity":
            quantity = 21 if wild else quantity + 1
        fresh = not (wild and pick % 4 == 2)
        self.sign(asked, by, variant, quantity, fills, interval, days, mode, fresh)

    def sign(
        self,
        asked: Request,
        by: str,
        variant: str,
        quantity: int,
        fills: int,
        interval: int | None,
        days: int,
        mode: str = "asynchronous",
        fresh: bool = True,
    ) -> None:
        """As long as the examination reaches, if that is known and shorter."""
        left = [
            day + 365 - self.model.day
            for how, day in self.model.examinations.get(asked.client, [])
            if "NV" in (asked.state, self.home(asked.client)) and how in EXAMINED["NV"][0]
        ]
        if days == 365 and mode == "asynchronous" and left and max(left) > 0 and fresh:
            days = max(left)
        self.both("sign", asked, by, variant, quantity, fills, interval, days, mode, fresh)

    @act(
        lambda walk: 1 + 6 * walk.asked("referred"),
        client=CLIENT,
        by=st.sampled_from(["chen", "chen", "chen", "ruiz"]),
        mode=st.sampled_from(["video", "in_person", "asynchronous"]),
        days_ago=st.sampled_from([0] * 6 + [-1, 400]),
    )
    def is_examined(self, client: str, by: str, mode: str, days_ago: int) -> None:
        waiting = [r.client for r in self.model.requests if r.status == "referred"]
        who = waiting[0] if waiting and client not in waiting else client
        self.both("examine", who, by, mode, days_ago)
