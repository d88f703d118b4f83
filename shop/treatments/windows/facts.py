"""What the calendar is reckoned from: the sessions of a plan, and what is known of the client.

Pure. What nobody knows is None, never "no".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

Span = tuple[date | None, date | None]  # from a day until a day, either open
PRIMES_FOR = timedelta(days=42)  # the longest that a rule has skin primed for before a session


@dataclass(frozen=True)
class Session:
    """One planned or performed procedure (its code). Moments are aware.

    `told_at`: when the client was first told of this time; None says: in time for every window.
    """

    key: str
    procedure: str
    starts: datetime
    ends: datetime
    told_at: datetime | None = None

    def __post_init__(self) -> None:
        moments = {"starts": self.starts, "ends": self.ends, "was told": self.told_at}
        for name, moment in moments.items():
            if moment is not None and moment.utcoffset() is None:
                raise ValueError(f"Session {self.key}: the moment it {name} has no zone.")
        if self.ends.timestamp() < self.starts.timestamp():
            raise ValueError(f"Session {self.key}: it ends before it starts.")


@dataclass(frozen=True)
class Facts:
    """What windows may know of a client; None: nobody knows.

    - `fitzpatrick`: skin type, 1 to 6. `melasma`: or marks after inflammation.
    - `isotretinoin_now`: swallows it; where not, `isotretinoin_last` is the latest day that she can
      have, and None says that she never did.
    - `uses`: the subjects that are in her home care. `last_used`: by subject, the latest day on
      which she is known to have used it, or to have been given it.
    - `primed`: the subjects that a physician has ordered as priming, whenever; `priming`: the same
      by subject, each from a day (None: ever) until a day (None: no end).
    - `states`: whose rules hold beside those of the whole country.
    """

    fitzpatrick: int | None = None
    isotretinoin_last: date | None = None
    isotretinoin_now: bool | None = None
    cold_sores: bool | None = None
    melasma: bool | None = None
    uses: frozenset[str] | None = None
    last_used: Mapping[str, date] = field(default_factory=dict)
    primed: frozenset[str] = frozenset()
    priming: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    states: frozenset[str] = frozenset()

    def primes(self, subject: str, day: date) -> bool:
        """Whether it primes for a session of this day: ordered for some of the weeks before it."""
        spans = self.priming.get(subject, ())
        return subject in self.primed or any(
            (since is None or since <= day) and (until is None or until > day - PRIMES_FOR)
            for since, until in spans
        )

    def __post_init__(self) -> None:
        if self.fitzpatrick is not None and not 1 <= self.fitzpatrick <= 6:
            raise ValueError(f"Fitzpatrick's skin types are 1 to 6, not {self.fitzpatrick}.")
