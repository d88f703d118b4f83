"""Everybody on the list is written to, and once more who has not answered."""

from __future__ import annotations

from datetime import datetime

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.core.errors import WrongState
from shop.core.events import Kind
from shop.recalls.errors import OnlyADrill
from shop.recalls.models import Recall
from shop.recalls.states import RecallStatus


def notify(recall: Recall, *, by: Person, at: datetime) -> None:
    """Everybody on the list is due a letter. Raises OnlyADrill, WrongState."""
    if recall.drill:
        raise OnlyADrill("A drill writes to nobody. Close it.")
    recall.status = RecallStatus.NOTIFIED
    events.record(Kind.RECALL_NOTIFIED, recall)
    db.session.flush()


def remind(recall: Recall, *, by: Person, at: datetime) -> None:
    """Write again to whoever has not answered (21 CFR 7.49(c)(2)). Raises WrongState."""
    if recall.status is not RecallStatus.NOTIFIED:
        raise WrongState(f"A recall that is {recall.status} reminds nobody.", status=recall.status)
    events.record(Kind.RECALL_REMINDED, recall)
    db.session.flush()
