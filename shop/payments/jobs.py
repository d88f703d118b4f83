"""The jobs of this package. An edge: it knows the application and its gateway."""

from __future__ import annotations

import uuid
from typing import cast

import structlog
from flask import current_app

from shop.core.clock import now
from shop.core.jobs import job
from shop.payments import calls, chasing, taking_in, webhook
from shop.payments.gateway import Gateway, GatewayError

# What the worker starts by itself: the job's name and when (minute hour day month weekday).
PERIODIC = {
    "send_due_calls": "* * * * *",
    "expire_overdue_orders": "* * * * *",
    "read_closed_pages": "* * * * *",
    "take_in_movements": "*/10 * * * *",
}

log = structlog.get_logger()


def gateway() -> Gateway:
    """The provider this application was made with."""
    return cast("Gateway", current_app.extensions["gateway"])


@job(webhook.JOB)
def follow_provider_event(event_id: str) -> None:
    """Read again what a webhook was about, apply it, and send what follows from it."""
    webhook.follow(event_id, gateway())


@job("follow_order_end")
def follow_order_end(order_id: str) -> None:
    """A cancelled or expired order: its page closes and its money goes back."""
    chasing.order_ended(uuid.UUID(order_id), gateway())


@job("follow_cancelled_lines")
def follow_cancelled_lines(order_id: str) -> None:
    """Some lines of an order are off: their money goes back."""
    chasing.lines_cancelled(uuid.UUID(order_id), gateway())


@job("send_due_calls", retry=False)
def send_due_calls(timestamp: int = 0) -> None:
    """Calls whose sender died, or that are to be tried again."""
    calls.send_due(gateway())


@job("expire_overdue_orders", retry=False)
def expire_overdue_orders(timestamp: int = 0) -> None:
    """Orders nobody paid in time give back stock and fills."""
    chasing.overdue_orders(gateway())


@job("read_closed_pages", retry=False)
def read_closed_pages(timestamp: int = 0) -> None:
    """Pages that closed without a word."""
    chasing.closed_pages(gateway())


@job("take_in_movements", retry=False)
def take_in_movements(timestamp: int = 0) -> None:
    """What moved on the account at the provider; what could not be read is read next time."""
    try:
        taking_in.take_in(gateway(), at=now())
    except GatewayError as error:
        log.warning("movements_not_read", code=error.code)
