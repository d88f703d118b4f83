"""The questions of a draft one at a time: which of them are asked, where she is, what comes next.

Pure. What is carried over from an earlier request is not asked again; a question that hangs on
another is asked once the other's answer says that it applies.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from shop.prescriptions.intake.carrying import Sheet
from shop.prescriptions.intake.forms import Question


@dataclass(frozen=True)
class Walk:
    """`asked` in their order; `given` are the ids of those that she answered in this draft."""

    sheet: Sheet
    given: Collection[str]

    @property
    def asked(self) -> list[Question]:
        """What she is asked here, as far as it can be known yet."""
        return [
            one
            for one in self.sheet.form.questions
            if one.id in self.sheet.asked and one.shown(self.sheet.answers)
        ]

    @property
    def applying(self) -> list[Question]:
        """What she is asked and what is carried over: everything that would be handed in."""
        return [
            one
            for one in self.sheet.form.questions
            if (one.id in self.sheet.asked or one.id in self.sheet.carried)
            and one.shown(self.sheet.answers)
        ]

    @property
    def missing(self) -> list[Question]:
        """What must be answered before it can be handed in."""
        return [one for one in self.asked if one.required and one.id not in self.given]

    def place(self, question: str) -> int | None:
        """Which page it is, counted from 1; None where it is not asked."""
        ids = [one.id for one in self.asked]
        return ids.index(question) + 1 if question in ids else None

    def find(self, question: str) -> Question | None:
        """A question that applies, by its id."""
        return next((one for one in self.applying if one.id == question), None)

    def after(self, question: str) -> Question | None:
        """The next page that is still open; where there is none, the first that must be answered.

        None: everything that must be is answered.
        """
        order = [one.id for one in self.sheet.form.questions]
        behind = order[order.index(question) + 1 :]
        ahead = (one for one in self.asked if one.id in behind and one.id not in self.given)
        return next(ahead, None) or next(iter(self.missing), None)

    def opened_by(self, question: str) -> Question | None:
        """The first open question that is asked because of the answer to this one."""
        fresh = (one for one in self.asked if question in one.parents and one.id not in self.given)
        return next(fresh, None)

    def before(self, question: str) -> Question | None:
        """The page before it; None at the first."""
        order = [one.id for one in self.sheet.form.questions]
        earlier = order[: order.index(question)]
        found = [one for one in self.asked if one.id in earlier]
        return found[-1] if found else None

    def where(self) -> Question | None:
        """Where she goes on: behind the last that she answered; None: nothing must be asked."""
        if not self.missing:
            return None
        said = [one.id for one in self.asked if one.id in self.given]
        return self.after(said[-1]) if said else self.asked[0]
