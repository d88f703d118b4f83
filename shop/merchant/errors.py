"""What is refused of payment routes and of the permissions behind them."""

from __future__ import annotations

from shop.core.errors import Conflict, Refused


class RouteClosed(Refused):
    """Something of the order may not be paid on this route; facts: `route`, `classes`, `open`."""

    code = "payment_route_closed"


class PermissionRefused(Refused):
    """A permission that cannot be written down as typed; `fields` says why."""

    code = "permission_refused"


class PermissionEnded(Conflict):
    """Somebody has ended this permission already."""

    code = "permission_ended"
