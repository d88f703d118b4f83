"""The day's run: look ahead for every client, remind, announce, charge what is due. An edge.

Restartable at any point and safe beside another: each auto-refill is locked (SKIP LOCKED) and done
in a transaction of its own, and what is done is not to be done again. Clients are dealt out in
shares, so that as many workers as there are see to them at once. A call to the provider is
planned in the transaction that places the order and sent after it; one whose sender died is sent by
`payments.jobs`. One that fails is logged, and keeps nobody else waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import TypeVar
from uuid import UUID

import structlog
from flask import current_app
from sqlalchemy.exc import OperationalError

from shop.accounts.models import Person
from shop.config import Config
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.core.errors import StartAgain
from shop.core.jobs import defer, job
from shop.orders.models import Order
from shop.payments import calls
from shop.payments.gateway import Gateway
from shop.payments.jobs import gateway
from shop.replenishment import following, foreseeing, queries, refilling, reminding, supplying
from shop.replenishment.models import AutoRefill
from shop.replenishment.queries import ALL, Share
from shop.replenishment.supplying import Supply

PERIODIC = {"replenish": "15 */4 * * *"}  # minute hour day month weekday; the rest is for a bad day
BATCH = 250  # clients whose packs are reckoned together
SHARES = 4  # of a run: more would have little to do each
TRIES = 3  # where somebody came between

Got = TypeVar("Got")
log = structlog.get_logger()


@dataclass
class Done:
    """What a run did: how many clients were looked at, and of what how many."""

    clients: int = 0
    reminded: int = 0
    foreseen: int = 0
    charged: int = 0
    followed: int = 0
    failed: int = 0


@job("replenish", retry=False)
def replenish(timestamp: int = 0) -> None:
    """The day's run, in shares: as many go on at once as there are workers."""
    for number in range(SHARES):
        defer("replenish_share", number=number)
    db.session.commit()


@job("replenish_share", retry=False)
def replenish_share(*, number: int) -> None:
    """One share of the day's run."""
    run(gateway(), Share(number, SHARES))


@job("follow_refill")
def follow_refill(*, order_id: str) -> None:
    """What became of an order that a refill placed. Safe to repeat."""
    for refill_id in _read(lambda: queries.to_follow(UUID(order_id))):
        _alone(refill_id, _follow, Done())


def run(provider: Gateway, share: Share = ALL) -> Done:
    """All that is to be done by today for a share of all clients, once. Tells what was done."""
    done, known = Done(), dict[UUID, Supply]()
    _follow_all(done, share)
    for clients in _batches(share):
        done.clients += len(clients)
        _look_ahead(clients, done, known)
    for refill_id in _read(lambda: queries.to_charge(_day(now()), share)):
        order = _alone(refill_id, _charging(known.get(refill_id)), done)
        if order is not None:
            done.charged += 1
            _send(order.id, provider, done)
            done.followed += _alone(refill_id, _follow, done) is not None
    log.info("replenished", **asdict(done))
    return done


def _send(order_id: UUID, provider: Gateway, done: Done) -> None:
    """The call that was planned with an order. One that fails here is sent again by its lease."""
    try:
        calls.send_for(order_id, provider)
    except Exception:
        db.session.rollback()
        done.failed += 1
        log.exception("refill_not_sent", order=str(order_id))


def _follow_all(done: Done, share: Share) -> None:
    for refill_id in _read(lambda: queries.to_follow(share=share)):
        done.followed += _alone(refill_id, _follow, done) is not None


def _batches(share: Share) -> Iterator[list[Person]]:
    """Every client who was handed something out, once, in id order."""
    clients = _read(lambda: queries.clients_after(None, BATCH, share))
    while clients:
        yield clients
        last = clients[-1].id
        clients = _read(lambda: queries.clients_after(last, BATCH, share))  # noqa: B023


def _look_ahead(clients: Sequence[Person], done: Done, known: dict[UUID, Supply]) -> None:
    """Remind these clients and announce what is due; what they have is kept in `known`.

    Who cannot be reckoned holds up nobody.
    """
    try:
        _looked_ahead(clients, done, known)
    except Exception:
        db.session.rollback()
        if len(clients) == 1:
            done.failed += 1
            log.exception("not_looked_ahead")
            return
        for client in clients:
            _look_ahead([client], done, known)


def _looked_ahead(clients: Sequence[Person], done: Done, known: dict[UUID, Supply]) -> None:
    at = now()
    today = _day(at)
    supplies = supplying.of_clients(clients, at=at, zone=_zone())
    refills = queries.refills_of([client.id for client in clients])
    done.reminded += reminding.remind(
        supplies,
        refilled={(one.client_id, one.variant_id) for one in refills},
        days=_settings().refill_reminder_days,
        today=today,
    )
    db.session.commit()
    for refill in refills:
        supply = _supply(supplies, refill)
        if supply is None:
            continue
        known[refill.id] = supply
        if foreseeing.foreseen(refill, supply, today) is not None:
            done.foreseen += _alone(refill.id, _foreseeing(supply), done) is not None


def _foreseeing(supply: Supply) -> Callable[[AutoRefill], object | None]:
    def act(refill: AutoRefill) -> object | None:
        at = now()
        return foreseeing.foresee(refill, supply, today=_day(at), at=at)

    return act


def _charging(supply: Supply | None) -> Callable[[AutoRefill], Order | None]:
    """With what was reckoned in this run; a treatment that was booked since, the gate knows."""

    def act(refill: AutoRefill) -> Order | None:
        at = now()
        return refilling.refill(refill, supply, today=_day(at), at=at)

    return act


def _follow(refill: AutoRefill) -> object | None:
    return following.follow(refill, at=now())


def _alone(refill_id: UUID, act: Callable[[AutoRefill], Got | None], done: Done) -> Got | None:
    """Do it for one auto-refill, in a transaction of its own, unless another worker is at it.

    Once more where somebody came between; what fails is logged and left for the next run.
    """
    for tried in range(TRIES):
        try:
            refill = queries.locked_refill(refill_id, whole=act is not _follow)
            result = None if refill is None else act(refill)
            db.session.commit()
        except (StartAgain, OperationalError):
            db.session.rollback()
            log.warning("refill_tried_again", refill=str(refill_id), tried=tried + 1)
        except Exception:
            db.session.rollback()
            log.exception("refill_failed", refill=str(refill_id))
            break
        else:
            return result
    done.failed += 1
    return None


def _supply(supplies: Mapping[UUID, list[Supply]], refill: AutoRefill) -> Supply | None:
    hers = supplies.get(refill.client_id, [])
    return next((one for one in hers if one.variant_id == refill.variant_id), None)


def _read(query: Callable[[], Got]) -> Got:
    """What is to be done, read in a transaction that ends here."""
    found = query()
    db.session.commit()
    return found


def _settings() -> Config:
    settings: Config = current_app.config["SHOP"]
    return settings


def _zone() -> str:
    return _settings().clinic_time_zone


def _day(at: datetime) -> date:
    """The clinic's."""
    return day_in(_zone(), at)
