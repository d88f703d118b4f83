"""The list of everybody who got units of a recall's lots, in one statement."""

from __future__ import annotations

from datetime import datetime
from typing import cast

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.core.events import Kind
from shop.recalls import queries
from shop.recalls.models import Recall, RecallClient
from shop.recalls.states import RecallStatus

# On a slow day, too, there is a list: it is not given up after the usual seconds.
_PATIENCE = sa.text("SET LOCAL statement_timeout = '60s'")
_LIST = cast("sa.Table", RecallClient.__table__)


def draw_up(recall: Recall, *, by: Person, at: datetime) -> int:
    """Write down who bought or was treated with units of its lots; how many people that are.

    The lots are locked by now, so nobody is added later; PostgreSQL compares the list with the
    parcels and the treatment room before it takes it. A drill's is of this moment.
    Raises WrongState.
    """
    everybody = queries.got_of(recall)
    recall.status = RecallStatus.LISTED  # refused first, where the arrows do not lead there
    columns = ["recall_id", "client_id", "retail_units", "treatment_units"]
    rows = sa.insert(_LIST).from_select(columns, everybody, include_defaults=False)
    with db.session.no_autoflush:  # the rows go before the status
        db.session.execute(_PATIENCE)
        count = len(db.session.execute(rows.returning(_LIST.c.client_id)).all())
    events.record(Kind.RECALL_LISTED, recall, clients=count)
    db.session.flush()  # PostgreSQL compares
    db.session.refresh(recall)
    return count
