"""What follows a recall by itself: promises move, letters go to the list and to nobody else."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa
from flask import Flask

from shop import reactions
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.notifications import letters
from shop.notifications.mailer import postbox
from shop.notifications.models import Letter, Template
from shop.orders.states import LineStatus
from shop.recalls import jobs as recall_jobs
from shop.recalls import notifying, recalling
from shop.recalls.models import Recall
from tests.builders import a_variant
from tests.inventory.lots import a_lot
from tests.orders.things import paid, shelf
from tests.people import alice, bob, mona
from tests.recalls.builders import NOTICE, a_notified_recall, a_recall, answer, bought


def react(recall: Recall) -> None:
    """Run what follows the recall's last event, twice, as the queue may."""
    seq = events.of(recall.id)[-1].seq
    for _ in "ab":
        reactions.react(subject_id=str(recall.id), seq=seq)


def written() -> list[Letter]:
    query = sa.select(Letter).where(Letter.template == Template.RECALL_NOTICE)
    return list(db.session.scalars(query.order_by(Letter.version)))


def test_everybody_on_the_list_is_written_to_and_once_more_who_is_silent(app: Flask) -> None:
    soap = a_variant()
    lot = a_lot(soap, 9)
    answers, silent, gone, other = alice(), bob(), bob(), bob()
    for who in (answers, silent, gone):
        bought(who, soap)
    gone.disabled_at, gone.session_epoch = now(), gone.session_epoch + 1
    paid(other, {a_variant_with_a_lot(): 1})

    recall = a_notified_recall(lot)
    react(recall)
    first = {one.recipient_id for one in written()}
    answer(recall, answers, used_up=1)
    notifying.remind(recall, by=mona(), at=now())
    react(recall)

    assert first == {answers.id, silent.id}  # she who cannot sign in is called
    assert [one.recipient_id for one in written()[2:]] == [silent.id]


def a_variant_with_a_lot():  # type: ignore[no-untyped-def]
    variant = a_variant()
    a_lot(variant)
    return variant


@pytest.mark.parametrize(("urgent", "begins"), [(True, "Urgent: please"), (False, "Please")])
def test_a_letter_names_a_number_and_nothing_else(app: Flask, urgent: bool, begins: str) -> None:
    soap = a_variant()
    lot = a_lot(soap, 9)
    client = alice()
    bought(client, soap)
    grave = NOTICE.hazard_class if urgent else None
    notice = recalling.Notice(NOTICE.source, grave, "", "A canary.", "A canary.")
    recall = a_notified_recall(lot, notice=notice)
    react(recall)
    (letter,) = written()

    message = letters.compose(letter, at=now())
    assert message["Subject"] == f"{begins} read our message {recall.number}"
    told = "".join(str(part.get_content()) for part in message.iter_parts())
    assert f"{postbox.base_url}/recalls/{recall.number}" in told
    telling = ("canary", "lot", "recall ", soap.sku, soap.product.name, lot.lot_number)
    found = [word for word in telling if re.search(rf"\b{re.escape(word)}\b", told, re.IGNORECASE)]
    assert found == []


def test_the_jobs_move_promises_and_let_lines_go_on(app: Flask) -> None:
    soap, serum = a_variant(), a_variant()
    bad, worse = a_lot(soap, 5, days=200), a_lot(serum, 5)
    moved, waits = paid(alice(), {soap: 3}), paid(bob(), {serum: 3})
    good = a_lot(soap, 3, days=400)
    recall = a_recall(bad, worse)
    db.session.commit()

    react(recall)
    queued = sa.text(
        "SELECT count(*) FROM jobs.procrastinate_jobs WHERE task_name = 'follow_recall'"
    )
    assert db.session.execute(queued).scalar_one() == 2
    for _ in "ab":
        recall_jobs.follow_recall(recall_id=str(recall.id))

    assert (shelf(bad), shelf(good), shelf(worse)) == ((5, 0), (3, 3), (5, 0))
    assert moved.lines[0].status is LineStatus.READY
    assert waits.lines[0].status is LineStatus.ON_HOLD
    fresh = a_lot(serum, 3)
    db.session.commit()
    recall_jobs.resume_stranded()
    assert (waits.lines[0].status, shelf(fresh)) == (LineStatus.READY, (3, 3))
