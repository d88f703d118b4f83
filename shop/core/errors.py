"""The families of refusal. A verb raises the exact child; the edge decides how it is shown."""

from __future__ import annotations

from typing import ClassVar


class Refusal(Exception):
    """Something the shop will not do, with a stable `code` and the facts that decided it.

    `fields` maps a field's name to what is wrong with it, where the refusal is about input.
    """

    code: ClassVar[str] = "refused"

    def __init__(
        self, text: str, *, fields: dict[str, list[str]] | None = None, **facts: object
    ) -> None:
        super().__init__(text)
        self.text = text
        self.fields = fields or {}
        self.facts = facts


class NotSignedIn(Refusal):
    code = "not_signed_in"


class NotAllowed(Refusal):
    code = "not_allowed"


class NotFound(Refusal):
    """Not there, or not yours: the answer is the same, so that nothing is given away."""

    code = "not_found"


class Gone(Refusal):
    """It was there for everybody to see, and is no more."""

    code = "gone"


class Stale(Refusal):
    """The thing is no longer what the caller read: another's change would be overwritten."""

    code = "changed_meanwhile"


class Unversioned(Refusal):
    """The caller must say which version of the thing they mean to change."""

    code = "version_required"


class Conflict(Refusal):
    """The thing has moved on since the caller looked."""

    code = "conflict"


class WrongState(Conflict):
    """The thing cannot go from the state it is in to the one asked for."""

    code = "wrong_state"


class Refused(Refusal):
    """Understood, and against a rule."""

    code = "refused"


class Unavailable(Refusal):
    """Not now: a provider or a key is out of reach; nothing was changed."""

    code = "unavailable"


class TooMany(Refusal):
    """Too often; `retry_after` (seconds) is among the facts."""

    code = "too_many"


class StartAgain(Exception):
    """Nothing was done: roll back and run the whole request or job once more."""
