"""Every unit is accounted for; at last nothing of the lots is left."""

from __future__ import annotations

from datetime import datetime

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.core.errors import WrongState
from shop.core.events import Kind
from shop.recalls import queries
from shop.recalls.errors import NotAccountedFor
from shop.recalls.models import Recall
from shop.recalls.states import RecallStatus


def reconcile(recall: Recall, *, by: Person, at: datetime) -> None:
    """All packs that were sold are answered for, or their client was not to be reached.

    Raises WrongState, NotAccountedFor.
    """
    told = queries.told(recall)
    if recall.status is RecallStatus.NOTIFIED and told.silent:
        raise NotAccountedFor(
            f"{told.silent} of {told.buyers} clients have not answered, about {told.open} packs."
            " Call them, and write down what they say or that nobody was reached.",
            clients=told.silent,
            units=told.open,
        )
    recall.status = RecallStatus.RECONCILED
    events.record(Kind.RECALL_RECONCILED, recall, sold=told.sold, answered=told.answered)
    db.session.flush()


def close(recall: Recall, *, by: Person, at: datetime) -> None:
    """It is over: of the lots nothing is here any more. A drill ends with its list.

    Raises WrongState, NotAccountedFor.
    """
    if recall.status is RecallStatus.LISTED and not recall.drill:
        raise WrongState("Write to who is listed, and reconcile it first.", status=recall.status)
    here = 0 if recall.drill else sum(each.lot.on_hand for each in recall.named)
    if recall.status is RecallStatus.RECONCILED and here:
        raise NotAccountedFor(
            f"{here} units of its lots are still here. Collect them, and send them back or destroy"
            " them before a witness.",
            units=here,
        )
    recall.status = RecallStatus.CLOSED
    events.record(Kind.RECALL_CLOSED, recall)
    db.session.flush()
    db.session.refresh(recall)
