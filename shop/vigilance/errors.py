"""What the log of adverse reactions refuses."""

from __future__ import annotations

from shop.core.errors import Conflict, NotAllowed, Refused


class ReactionRefused(Refused):
    """Something of what was given cannot be recorded; `fields` say which and why."""

    code = "reaction_refused"


class NotReported(Conflict):
    """What is serious is reported before it is closed."""

    code = "not_reported"


class OwnReaction(NotAllowed):
    """Nobody records, reports or closes a reaction of their own."""

    code = "own_reaction"
