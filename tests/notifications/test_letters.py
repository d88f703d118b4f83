"""Letters: who gets which, once, and without a word that others may not read."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from shop.config import Config
from shop.core import events, jobs
from shop.core.clock import now
from shop.core.cluster import WORKER
from shop.core.db import act_as, db
from shop.core.events import Kind
from shop.notifications import letters
from shop.notifications.mailer import postbox
from shop.notifications.models import Letter, Template
from shop.reactions import REACTIONS
from tests.conftest import Database
from tests.notifications.conftest import Catcher, serving, text_of
from tests.notifications.world import CANARIES, World
from tests.people import alice

TEMPLATES = Path(letters.__file__).parents[1] / "templates" / "letters"


@pytest.fixture
def world(live: Database) -> World:
    return World(live).saved()


@pytest.fixture(autouse=True)
def _empty(live_app: Flask, live: Database) -> Iterator[None]:
    yield
    with live.as_role() as connection:
        connection.execute("DELETE FROM letters")
        connection.execute("DELETE FROM jobs.procrastinate_jobs")
        connection.execute("UPDATE shop_clock SET time_offset = '0'")


def react_to(app: Flask, world: World, kind: Kind, subject: uuid.UUID, *, times: int = 1) -> None:
    """Something happened; its reactions run, and the mail server is asked what it takes."""
    seq = world.happened(kind, subject)
    with app.app_context():
        act_as("system:test")
        for _ in range(times):
            jobs.defer("react", subject_id=str(subject), seq=seq)
        db.session.commit()
    work(app, world.database)


def work(app: Flask, database: Database) -> None:
    """Run the jobs that are due; those that wait for their next try are due now."""
    with database.as_role() as connection:
        connection.execute(
            "UPDATE jobs.procrastinate_jobs SET scheduled_at = now() - interval '1 s'"
            " WHERE status = 'todo' AND scheduled_at IS NOT NULL"
        )
    jobs.drain(app, database.url(WORKER))


def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    with database.as_role() as connection:
        return connection.execute(query).fetchall()


WHO_GETS_WHAT = {
    Kind.ACCOUNT_ASKED_AGAIN: ("client", "You already have an account"),
    Kind.REQUEST_SUBMITTED: ("request", "We have your request {request}"),
    Kind.REQUEST_APPROVED: ("request", "There is news about your request {request}"),
    Kind.REQUEST_CHANGES_PROPOSED: ("request", "There is news about your request {request}"),
    Kind.REQUEST_DECLINED: ("request", "There is news about your request {request}"),
    Kind.REQUEST_REFERRED: ("request", "There is news about your request {request}"),
    Kind.REQUEST_QUESTIONED: ("request", "There is news about your request {request}"),
    Kind.REQUEST_REPLIED: ("request", "There is news about request {request}"),
    Kind.REQUEST_EXPIRED: ("request", "There is news about your request {request}"),
    Kind.ORDER_PAID: ("order", "Your order {order} is paid"),
    Kind.ORDER_CANCELLED: ("order", "Your order {order} is cancelled"),
    Kind.ORDER_EXPIRED: ("order", "Your order {order} was not paid in time"),
    Kind.ORDER_HELD: ("order", "Part of your order {order} waits"),
    Kind.ORDER_RESUMED: ("order", "Your order {order} goes on"),
    Kind.ORDER_REDUCED: ("order", "Part of your order {order} is cancelled"),
    Kind.LINE_SHIPPED: ("line", "Your order {order} has shipped"),
    Kind.REFUND_DONE: ("refund", "We have sent $62.00 back to you"),
    Kind.ACCOUNT_OPENED: ("client", "Confirm your address"),
    Kind.PASSWORD_CHANGED: ("client", "How you sign in was changed"),
    Kind.PASSKEY_ADDED: ("client", "How you sign in was changed"),
    Kind.EXPORT_READY: ("export", "The copy you asked for is ready"),
    Kind.CLOSURE_ASKED: ("closure", "Your account ends on December 12, 2026"),
    Kind.CLOSURE_WITHDRAWN: ("closure", "You keep your account"),
    Kind.PRESCRIPTION_DEPLETED: ("prescription", "You may go on with {prescription}"),
    Kind.PRESCRIPTION_ENDING: ("prescription", "You may go on with {prescription}"),
    Kind.PRESCRIPTION_EXPIRED: ("prescription", "You may go on with {prescription}"),
}


TO_THE_PHYSICIAN = {Kind.REQUEST_REPLIED}
WITHOUT_A_LETTER = {
    *(Kind.RULE_ACTIVATED, Kind.RULE_ENDED),  # tests/orders/test_rejudging.py
    *(Kind.LICENCE_RECORDED, Kind.LICENCE_ENDED, Kind.ACCOUNT_DISABLED),  # test_lapsing.py there
    Kind.REQUEST_ESCALATED,  # to a physician: tests/prescriptions/test_escalating.py
    *(Kind.CHART_ENTRY_STATED, Kind.PRESCRIPTION_HELD),  # tests/orders/test_rechecking.py
    *(Kind.SKIN_REPORT_WAITS, Kind.SKIN_REPORT_ANSWERED),  # tests/treatments/test_reporting.py
    *(Kind.SESSION_BOOKED, Kind.SESSION_MOVED, Kind.SESSION_CANCELLED),  # test_api.py there
    *(Kind.PLAN_PROPOSED, Kind.PLAN_STARTED, Kind.PLAN_HELD, Kind.PLAN_RESUMED, Kind.PLAN_REVOKED),
    Kind.PAYMENT_CANCELLED,
    Kind.ORDER_PLACED,  # where somebody here placed it: tests/orders/test_taking.py
    Kind.REFUND_FAILED,  # tests/invoices/test_issuing.py
    Kind.REFUND_PLANNED,  # of what was paid at the desk: tests/tills/test_desk.py
    # tests/replenishment/test_letters.py
    *(Kind.AUTO_REFILL_AGREED, Kind.AUTO_REFILL_PAUSED, Kind.AUTO_REFILL_CANCELLED),
    *(Kind.REFILL_NOTICED, Kind.REFILL_MOVED, Kind.REFILL_BLOCKED, Kind.REFILL_UNPAID),
    Kind.REFILL_REMINDED,
    *(Kind.DISPUTE_LOST, Kind.DISPUTE_WON),  # tests/payments/test_disputing.py
    # What is asked to come back: by the test of its letters in tests/returns.
    *(Kind.RETURN_ASKED, Kind.RETURN_AUTHORISED, Kind.RETURN_REFUSED, Kind.RETURN_EXPIRED),
    *(Kind.RETURN_ARRIVED, Kind.RETURN_LOOKED_AT, Kind.RETURN_SETTLED, Kind.RETURN_REFUNDED),
    # tests/recalls/test_letters.py
    *(Kind.RECALL_LOTS_LOCKED, Kind.RECALL_NOTIFIED, Kind.RECALL_REMINDED),
}
TO_THE_STAFF = {
    *(Kind.LICENCE_EXPIRING, Kind.SIGNING_KEY_EXPIRING),  # test_expiring.py
    Kind.MERCHANT_PERMISSION_ENDING,  # tests/merchant/test_permissions.py
}


def test_every_reaction_is_tried_here() -> None:
    assert set(WHO_GETS_WHAT) == set(REACTIONS) - WITHOUT_A_LETTER - TO_THE_STAFF


@pytest.mark.parametrize("kind", WHO_GETS_WHAT)
def test_a_letter_goes_to_the_person_concerned_and_gives_nothing_away(
    live_app: Flask, mail: Catcher, world: World, kind: Kind
) -> None:
    about, subject = WHO_GETS_WHAT[kind]
    react_to(live_app, world, kind, world.lines[0] if about == "line" else getattr(world, about))

    to = world.physician_email if kind in TO_THE_PHYSICIAN else world.email
    assert mail.recipients == [to]
    (message,) = mail.caught
    assert message["Subject"] == subject.format(
        request=world.request_number,
        order=world.order_number,
        prescription=world.prescription_number,
    )
    assert "http://localhost/" in text_of(message)
    assert {part.get_content_type() for part in message.iter_parts()} == {
        "text/plain",
        "text/html",
    }
    said = (text_of(message) + "\n".join(map(str, message.values()))).lower()
    assert [canary for canary in CANARIES if canary.lower() in said] == []
    assert [canary for canary in CANARIES if canary.encode() in mail.raw[0]] == []


def test_yes_and_no_read_the_same(live_app: Flask, mail: Catcher, world: World) -> None:
    react_to(live_app, world, Kind.REQUEST_APPROVED, world.request)
    react_to(live_app, world, Kind.REQUEST_DECLINED, world.request)

    yes, no = map(text_of, mail.caught)
    assert yes == no


def test_a_parcel_is_told_once_however_many_lines_it_holds(
    live_app: Flask, mail: Catcher, world: World
) -> None:
    for line in world.lines:
        react_to(live_app, world, Kind.LINE_SHIPPED, line)

    (message,) = mail.caught
    assert f"with UPS.\n\nTracking number: {world.tracking}\n" in text_of(message)


def test_a_repeated_reaction_sends_nothing_again(
    live_app: Flask, mail: Catcher, world: World
) -> None:
    react_to(live_app, world, Kind.ORDER_PAID, world.order, times=3)
    with live_app.app_context():
        act_as("system:test")
        letter = db.session.scalars(db.select(Letter)).one()
        jobs.defer("deliver_letter", letter_id=str(letter.id))
        db.session.commit()
    work(live_app, world.database)

    assert len(mail.caught) == 1


def test_what_happens_again_is_told_again(live_app: Flask, mail: Catcher, world: World) -> None:
    react_to(live_app, world, Kind.REQUEST_QUESTIONED, world.request)
    react_to(live_app, world, Kind.REQUEST_QUESTIONED, world.request)

    first, second = mail.caught
    assert first["Message-ID"] != second["Message-ID"]


def test_a_letter_sent_twice_after_a_crash_is_recognised(
    live_app: Flask, mail: Catcher, world: World
) -> None:
    react_to(live_app, world, Kind.ORDER_PAID, world.order)
    with world.database.as_role() as connection:  # the worker died before it noted the server's yes
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE letters SET sent_at = NULL")
        connection.execute("UPDATE jobs.procrastinate_jobs SET status = 'todo'")
    work(live_app, world.database)

    first, second = mail.caught
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Date"] == second["Date"]


def test_two_workers_do_not_send_the_same_letter(
    live_app: Flask, mail: Catcher, world: World
) -> None:
    mail.answer = "451 later"
    react_to(live_app, world, Kind.ORDER_PAID, world.order)
    with live_app.app_context():
        act_as("system:test")
        letter_id = db.session.scalars(db.select(Letter.id)).one()
        first = letters.claim(letter_id, at=now())
        db.session.commit()

        assert first is not None
        assert letters.claim(letter_id, at=now()) is None
        assert letters.claim(letter_id, at=now() + letters.LEASE) is not None
        db.session.rollback()


def test_a_refused_address_is_given_up_with_its_code(
    live_app: Flask, mail: Catcher, world: World
) -> None:
    mail.answer = f"550 no box for {world.email}"
    react_to(live_app, world, Kind.ORDER_PAID, world.order)
    mail.answer = "250 OK"
    work(live_app, world.database)

    assert rows(
        world.database, "SELECT error, failed_at IS NOT NULL, sent_at, tries FROM letters"
    ) == [("smtp_550", True, None, 1)]
    assert mail.caught == []


def test_a_delayed_letter_stays_due_and_the_queue_tries_again(
    live_app: Flask, mail: Catcher, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    mail.answer = f"451 not now, {world.email}"
    react_to(live_app, world, Kind.ORDER_PAID, world.order)

    assert rows(world.database, "SELECT error, failed_at, sent_at FROM letters") == [
        ("smtp_451", None, None)
    ]
    logged = "".join(capsys.readouterr())
    assert "letter_put_off" in logged
    assert world.email not in logged

    mail.answer = "250 OK"
    work(live_app, world.database)

    assert mail.recipients == [world.email]
    assert rows(
        world.database, "SELECT error, failed_at, sent_at IS NOT NULL, tries FROM letters"
    ) == [("", None, True, 2)]


def test_a_server_that_comes_back_gets_the_letter(
    live_app: Flask, live: Database, world: World, smtp_port: int
) -> None:
    postbox.host, postbox.port = "127.0.0.1", smtp_port  # nobody listens there yet
    react_to(live_app, world, Kind.ORDER_PAID, world.order)
    assert rows(live, "SELECT error, sent_at FROM letters") == [("no_connection", None)]

    catcher = Catcher()
    controller = serving(catcher, smtp_port)
    controller.start()
    try:
        work(live_app, live)
    finally:
        controller.stop()

    assert catcher.recipients == [world.email]


def test_a_letter_the_queue_lost_is_found_again(
    live_app: Flask, live: Database, mail: Catcher, world: World
) -> None:
    mail.answer = "451 later"
    react_to(live_app, world, Kind.ORDER_PAID, world.order)
    mail.answer = "250 OK"
    _forget_jobs_and_wait(live, letters.FRESH)
    _sweep(live_app, live)

    assert mail.recipients == [world.email]


def test_news_that_is_no_news_any_more_is_not_sent(
    live_app: Flask, live: Database, mail: Catcher, world: World
) -> None:
    mail.answer = "451 later"
    react_to(live_app, world, Kind.ORDER_PAID, world.order)
    mail.answer = "250 OK"
    _forget_jobs_and_wait(live, letters.PATIENCE)
    _sweep(live_app, live)

    assert mail.caught == []
    assert rows(live, "SELECT error, failed_at IS NOT NULL FROM letters") == [("too_late", True)]


def _forget_jobs_and_wait(database: Database, wait: timedelta) -> None:
    with database.as_role() as connection:
        connection.execute("DELETE FROM jobs.procrastinate_jobs")
        connection.execute("UPDATE shop_clock SET time_offset = %s", [wait + timedelta(seconds=1)])


def _sweep(app: Flask, database: Database) -> None:
    with app.app_context():
        act_as("system:test")
        jobs.defer("letters_due")
        db.session.commit()
    work(app, database)


def test_opening_an_account_sends_a_secret_that_is_kept_nowhere(
    live_app: Flask, live: Database, mail: Catcher
) -> None:
    with live_app.app_context():
        act_as("system:test")
        person = alice()
        events.record(Kind.ACCOUNT_OPENED, person)
        db.session.commit()
        email = person.email
    work(live_app, live)

    assert mail.recipients == [email]
    found = re.search(r"http://localhost/\S*?([\w-]{43})\b", text_of(mail.caught[0]))
    assert found is not None
    secret = found[1]
    assert (hashlib.sha256(secret.encode()).digest(),) in rows(
        live, "SELECT secret_hash FROM mail_links"
    )
    for table in ("letters", "events", "jobs.procrastinate_jobs", "mail_links"):
        kept = str(rows(live, f"SELECT to_jsonb(t)::text FROM {table} AS t"))
        assert secret not in kept


def test_somebody_who_is_confirmed_is_not_asked(
    live_app: Flask, live: Database, mail: Catcher
) -> None:
    with live_app.app_context():
        act_as("system:test")
        events.record(Kind.ACCOUNT_OPENED, alice(email_confirmed_at=now()))
        db.session.commit()
    work(live_app, live)

    assert mail.caught == []


NAMES = {
    "markup": ("<b>Alice</b>", "Hello &lt;b&gt;Alice&lt;/b&gt;,"),
    "lines of its own": ("Alice,\n\nPay here: evil", "Hello Alice, Pay here: evil,"),
}


@pytest.mark.parametrize("case", NAMES)
def test_a_name_is_only_ever_a_name(
    live_app: Flask, live: Database, mail: Catcher, case: str
) -> None:
    name, greeting = NAMES[case]
    world = World(live, name=name).saved()
    react_to(live_app, world, Kind.ORDER_PAID, world.order)

    html = mail.caught[0].get_body(("html",))
    assert html is not None
    assert greeting in html.get_content()


def test_an_address_nobody_confirmed_gets_no_words_of_the_one_who_typed_it(
    live_app: Flask, live: Database, mail: Catcher
) -> None:
    world = World(live, name="Win a prize at evil.example").saved()
    react_to(live_app, world, Kind.ACCOUNT_OPENED, world.client)

    assert "evil" not in text_of(mail.caught[0])


def test_what_is_no_address_is_given_up(live_app: Flask, live: Database, mail: Catcher) -> None:
    world = World(live, email=f"a b@@x\n{uuid.uuid4()}").saved()
    react_to(live_app, world, Kind.ORDER_PAID, world.order)

    assert mail.caught == []
    assert rows(live, "SELECT error, failed_at IS NOT NULL FROM letters") == [
        ("not_an_address", True)
    ]


# Words that would tell a stranger what the order is about.
MEDICAL = re.compile(
    r"prescri|doctor|physician|medic|approv|declin|refus|treat|clinical|health|skin|allerg"
    r"|patient|drug|\brx\b|refill|\bfill|cream|product|diagnos|condition|pharma",
    re.IGNORECASE,
)


@pytest.mark.parametrize("path", sorted(TEMPLATES.iterdir()), ids=lambda path: path.name)
def test_no_template_holds_a_medical_word(path: Path) -> None:
    assert MEDICAL.findall(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("text", ["Your prescription", "Dr Chen approved", "your cream", "Rx-1"])
def test_a_medical_word_would_be_found(text: str) -> None:
    assert MEDICAL.findall(text) != []


def test_every_letter_has_one_template() -> None:
    found = {path.name for path in TEMPLATES.iterdir() if not path.name.startswith("_")}
    assert found == {f"{template}.md" for template in Template}


def test_the_shop_takes_its_postbox_from_the_settings(live_app: Flask) -> None:
    config: Config = live_app.config["SHOP"]
    postbox.load(config)
    assert (postbox.host, postbox.port) == (config.smtp_host, config.smtp_port)
    assert (postbox.sender, postbox.base_url) == (config.mail_from, config.base_url)
