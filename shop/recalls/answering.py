"""A client says what became of her packs, or somebody of the clinic writes down what she said."""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass
from datetime import datetime

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.core.errors import WrongState
from shop.core.events import Kind
from shop.recalls.errors import RecallRefused
from shop.recalls.models import Channel, RecallAnswer, RecallClient
from shop.recalls.states import ANSWERED


@dataclass(frozen=True)
class Said:
    """Of every pack one thing; all zero where nobody was reached, or where she bought none."""

    has: int = 0
    used_up: int = 0
    returned: int = 0
    never_got: int = 0
    unreachable: bool = False

    @property
    def units(self) -> int:
        return self.has + self.used_up + self.returned + self.never_got


def answer(
    listed: RecallClient, said: Said, *, channel: Channel, by: Person, at: datetime
) -> RecallAnswer:
    """Write it down; a later word of hers takes the place of an earlier one.

    Raises WrongState, RecallRefused.
    """
    recall = listed.recall
    if recall.status not in ANSWERED:
        raise WrongState(
            f"A recall that is {recall.status} takes no answers. Call the clinic.",
            status=recall.status,
        )
    _refuse(listed, said, channel)
    made = RecallAnswer(
        id=uuid.uuid4(),
        recall_client_id=listed.id,
        retail_units=listed.retail_units,
        channel=channel,
        recorded_by_id=by.id,
        **asdict(said),
    )
    db.session.add(made)
    events.record(
        Kind.RECALL_ANSWERED, listed, recall=recall.number, channel=channel, **asdict(said)
    )
    db.session.flush()  # the database numbers it
    db.session.refresh(listed, ["answers"])
    return made


def _refuse(listed: RecallClient, said: Said, channel: Channel) -> None:
    due = 0 if said.unreachable else listed.retail_units
    if said.unreachable and channel is Channel.PAGE:
        raise RecallRefused("Whoever answers was reached.", fields={"unreachable": ["Untick it."]})
    if min(said.has, said.used_up, said.returned, said.never_got) < 0 or said.units != due:
        packs = "1 pack" if due == 1 else f"{due} packs"
        raise RecallRefused(
            f"Say of every pack what became of it: it is {packs} in all.",
            fields={"has": [f"The numbers add up to {said.units}, and it is {packs}."]},
        )
