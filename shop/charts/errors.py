"""What charts refuse."""

from __future__ import annotations

from shop.core.errors import Conflict, NotAllowed, Refused


class FactRefused(Refused):
    """A fact that says nothing, too much, or what cannot be; `fields` are "<kind>.<field>"."""

    code = "fact_refused"


class WrongKind(Refused):
    """What was said of one kind is not corrected into another."""

    code = "wrong_kind"


class FactsStand(Conflict):
    """ "None known" and something known cannot both be true."""

    code = "facts_stand"


class EntryEnded(Conflict):
    """The entry was ended or superseded before; when is among the facts."""

    code = "entry_ended"


class SaidByTheClinic(NotAllowed):
    """What one role stated is not taken back by one that knows less; she may add to it."""

    code = "said_by_the_clinic"
