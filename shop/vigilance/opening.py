"""Opening a reaction: first it is written down who does, then it is shown."""

from __future__ import annotations

from shop.accounts.models import Person, Role
from shop.charts import reading
from shop.vigilance import queries
from shop.vigilance.models import Reaction


def opened(reader: Person, number: str) -> Reaction:
    """One of them. The edge commits the reading before it shows anything. Raises NotFound."""
    reaction = queries.reaction_for(reader, number)
    treats = reader.role is Role.PHYSICIAN
    purpose = reading.TREATMENT if treats else reading.OPERATIONS
    reading.open_record(reader, reaction.client, record=f"reaction {number}", purpose=purpose)
    return reaction
