"""Opening the list of a recall: first it is written down whose records are read."""

from __future__ import annotations

from collections.abc import Iterable

from shop.accounts.models import Person
from shop.charts import reading
from shop.recalls.models import Recall, RecallClient


def opened(reader: Person, recall: Recall, those: Iterable[RecallClient]) -> None:
    """The edge commits before it shows any of them."""
    for one in those:
        reading.open_record(
            reader, one.client, record=f"recall {recall.number}", purpose=reading.OPERATIONS
        )
