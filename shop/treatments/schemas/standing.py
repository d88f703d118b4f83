"""How a session stands, read off its state, its dates and what is lacking."""

from __future__ import annotations

from datetime import datetime

from shop.treatments import permitting
from shop.treatments.models import Session
from shop.treatments.readiness import Judged
from shop.treatments.standing import Standing, standing


def standing_of(session: Session, at: datetime, judged: Judged | None = None) -> Standing:
    """By the longest downtime that its procedure publishes, and what is lacking where asked."""
    _fewest, most = permitting.procedure_of(session.procedure).downtime
    lacking = judged.lacking if judged else None
    return standing(session, at, zone=session.plan.zone, downtime_days=most, lacking=lacking)
