"""The demo clinic as `make demo` runs it, on a clone of the tests' own PostgreSQL.

The same programs: granian with the shop, the worker, the Stripe sandbox, and a mail catcher; the
same story. Nothing of it is mocked, and what a test changes the next one finds.
"""

from __future__ import annotations

import base64
import contextlib
import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import psycopg
import requests

from shop.core.cluster import APP, OWNER, SANDBOX, WORKER, ensure_database
from shop.demo import clinic as demo
from shop.demo import mail, story
from tests import keys
from tests.conftest import Database
from tests.ports import a_free_port

PASSWORD = story.PASSWORD
FOLLOWED = 60.0  # seconds in which the worker has done what follows from something
ALICE, BOB, CHEN, RUIZ, EVA, SAM, MONA = (
    f"{name}@example.test" for name in ("alice", "bob", "dr.chen", "dr.ruiz", "eva", "sam", "mona")
)


@dataclass
class Clinic:
    """A clinic that runs: where it is, and what a test may ask of it beside its pages."""

    url: str
    home: Path
    database: Database
    tokens: dict[str, str] = field(default_factory=dict)

    def call(self, who: str, method: str, path: str, **given: Any) -> Any:
        """An API call that goes through, as somebody of the cast; what it answered."""
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        if who:
            headers["Authorization"] = f"Bearer {self.token(who)}"
        address = f"{self.url}/api/v1{path}"
        answer = requests.request(method, address, headers=headers, timeout=30, **given)
        assert answer.ok, f"{method} {path} as {who}: {answer.status_code} {answer.text}"
        is_json = "json" in answer.headers.get("Content-Type", "") and answer.content
        return answer.json() if is_json else answer.content

    def token(self, who: str) -> str:
        if who not in self.tokens:
            asked = {"email": who, "password": PASSWORD, "name": "browser"}
            answer = requests.post(f"{self.url}/api/v1/tokens", json=asked, timeout=30)
            assert answer.status_code == 201, answer.text
            self.tokens[who] = answer.json()["token"]
        return self.tokens[who]

    def letters(self, to: str) -> list[EmailMessage]:
        """What the post brought somebody, oldest first."""
        files = sorted((self.home / "mail").glob("*.eml"))
        letters = [message_from_bytes(one.read_bytes(), policy=policy.default) for one in files]
        return [letter for letter in letters if to in str(letter["To"])]

    def link_for(self, to: str, path: str) -> str:
        """The address in a letter to somebody that leads to `path`, once the letter is there."""
        found: list[str] = []

        def written() -> bool:
            for letter in reversed(self.letters(to)):
                body = letter.get_body(("plain",))
                text = body.get_content() if body else ""
                found.extend(re.findall(rf"{re.escape(self.url)}{path}\S*", text))
            return bool(found)

        self.wait(written, f"No letter to {to} has a link to {path}.")
        return found[0].rstrip(".,)")

    def wait(self, until: Any, otherwise: str) -> None:
        """Until the worker has brought something about."""
        deadline = time.monotonic() + FOLLOWED
        while not until():
            assert time.monotonic() < deadline, otherwise
            time.sleep(0.05)


@contextlib.contextmanager
def opened(database: Database, home: Path) -> Iterator[Clinic]:
    """Run the clinic's programs on `database`, a clone, until the block ends."""
    home.mkdir(parents=True)
    _emptied(database)
    sandbox = Database(database.admin, f"{database.name}_sandbox")
    ensure_database(database.admin, sandbox.name)
    port, stripe, smtp = a_free_port(), a_free_port(), a_free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        "DATABASE_URL": database.url(APP),
        "WORKER_DATABASE_URL": database.url(WORKER),
        "MIGRATION_DATABASE_URL": database.url(OWNER),
        "SANDBOX_DATABASE_URL": sandbox.url(SANDBOX),
        "BASE_URL": url,
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(smtp),
        "AFTERCARE_DEMO": "1",
        "SECRET_KEY": "for-tests-only-for-tests-only-for-tests-only",
        "SEALED_KEYS": "1:" + base64.b64encode(bytes(range(32))).decode(),
        "SIGNING_KEYS": keys.SIGNING_KEYS,
        "STRIPE_SECRET_KEY": "sk_test_browser",
        "STRIPE_WEBHOOK_SECRETS": "whsec_test_browser",
        "STRIPE_API_BASE": f"http://127.0.0.1:{stripe}",
    }
    with contextlib.ExitStack() as programs:
        programs.enter_context(mail.caught(home / "mail", smtp))
        demo.started(programs, environment, home, port)
        yield Clinic(url, home, database)


def _emptied(database: Database) -> None:
    """Without what the tests' template holds beforehand: the story writes its own."""
    with database.as_role() as connection:
        connection.execute("SET session_replication_role = replica")
        for table in ("signing_keys", "merchant_permissions"):
            connection.execute(
                psycopg.sql.SQL("DELETE FROM {}").format(psycopg.sql.Identifier(table))
            )
        connection.execute("DELETE FROM events WHERE kind = 'signing_key_recorded'")
