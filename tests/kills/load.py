"""Clients at the shop's door, in a process of their own: `python -m tests.kills.load`.

Each thread walks roads (sign, place, pay on the provider's page, ship; some cancel, some walk away)
until the file named `stop` is there. What was asked and answered is appended to the history file
before the next thing is asked; what got no answer stays open, for whoever reads the history.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.kills import history
from tests.kills.history import ADDRESS, CARD, Asked, Json

TRIES = 12  # then an act is left open
SECONDS = 8.0  # that a client waits for an answer, and for her payment to be seen
BREAK = 0.05


class Ledger:
    """The history file: one line an act when it is first sent, one line an answer."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a")
        self._lock = threading.Lock()

    def asked(self, asked: Asked) -> None:
        self._write({"asked": asdict(asked)})

    def answered(self, asked: Asked, answer: Json) -> None:
        asked.answers.append(answer)
        self._write({"key": asked.key, "answer": answer})

    def _write(self, words: Json) -> None:
        with self._lock:
            self._file.write(json.dumps(words) + "\n")
            self._file.flush()


class Door:
    """The way in from one address; every request is a connection of its own."""

    def __init__(self, base: str, address: str) -> None:
        self._where, self._address = urlsplit(base).netloc, address

    def send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Json:
        """Status and body. Raises OSError or HTTPException where no answer came."""
        line = http.client.HTTPConnection(
            self._where, timeout=SECONDS, source_address=(self._address, 0)
        )
        try:
            line.request(method, path, body=body, headers=headers)
            came = line.getresponse()
            text = came.read()
        finally:
            line.close()
        kind = came.headers.get("Content-Type", "")
        return {"status": came.status, "json": json.loads(text) if "json" in kind else None}


class Walker:
    """One client after another, and the clinic's people who serve her."""

    def __init__(self, number: int, told: Json, ledger: Ledger) -> None:
        self.name, self.told, self.ledger = f"t{number}", told, ledger
        self.random = Random(f"{told['seed']} {number}")
        self.door = Door(told["base"], f"127.0.0.{number + 2}")
        self.stop = Path(told["stop"])
        self.cases: list[list[str]] = told["cases"][number :: told["threads"]]
        self.client: str = told["clients"][number]
        self.keys = 0

    def walk(self) -> None:
        while not self.stop.exists():
            self.road()

    def key(self, act: str) -> str:
        self.keys += 1
        return f"{self.name}-{act}-{self.keys}"

    def asks(self, asked: Asked) -> Json | None:
        """Until there is an answer, or patience ends; the body of the yes."""
        self.ledger.asked(asked)
        for _ in range(TRIES):
            try:
                sent = (asked.method, asked.path, asked.sent, asked.headers)
                self.ledger.answered(asked, self.door.send(*sent))
            except (OSError, http.client.HTTPException, ValueError):
                pass  # no answer: it may have happened or not
            if asked.over or self.stop.exists():
                break
            time.sleep(BREAK)  # a client's pause before she tries again
        return asked.acknowledged

    def plainly(self, who: str, method: str, path: str, body: Json | None = None) -> Json | None:
        """What repeats harmlessly and is no part of the history."""
        asked = Asked("", who, method, path, self.key("plain"), body)
        for _ in range(TRIES):
            try:
                came = self.door.send(method, path, asked.sent, asked.headers)
            except (OSError, http.client.HTTPException, ValueError):
                came = {"status": 503, "json": None}
            if 200 <= came["status"] < 300:
                return came["json"] or {}
            if came["status"] not in history.PASSING or self.stop.exists():
                return None
            time.sleep(BREAK)
        return None

    def road(self) -> None:
        """One order, from the cart to the parcel, or as far as it goes."""
        client, skus = self.client, [self.told["otc"]]
        if self.cases and self.random.random() < 0.5:
            client, request = self.cases.pop()
            if not self.signed(request):
                return
            skus.append(self.told["cream"])
        for sku in skus:
            if self.plainly(client, "PUT", f"/api/v1/cart/lines/{sku}", {"quantity": 1}) is None:
                return
        order = self.asks(history.placing(client, self.key("place"), ADDRESS, skus))
        if order is not None and self.random.random() < 0.9:
            self.to_its_end(client, order["number"])

    def to_its_end(self, client: str, number: str) -> None:
        """Paid and shipped; some walk away from the page, some change their mind."""
        payment = self.asks(history.beginning(client, self.key("begin"), number))
        if payment is None or self.random.random() < 0.1 or not self.typed_her_card(payment):
            return
        if self.random.random() < 0.15:
            self.asks(history.cancelling(client, self.key("cancel"), number))
        elif self.is_paid(client, number) and self.packs(number):
            self.asks(history.shipping(self.told["packer"], self.key("ship"), number))

    def packs(self, number: str) -> bool:
        """Scan what the order waits for, and print its labels."""
        packer, order = self.told["packer"], f"/api/v1/orders/{number}"
        listed = self.plainly(packer, "GET", f"{order}/picking-list")
        for line in (listed or {}).get("lines", []):
            for lot in line["lots"]:
                scan = {"item": line["sku"], "lot_number": lot["lot_number"], "units": lot["units"]}
                self.plainly(packer, "POST", f"{order}/picks", scan)
            if not line["labelled"]:
                self.plainly(packer, "GET", f"{order}/lines/{line['sku']}/label")
        return listed is not None

    def signed(self, request: str) -> bool:
        doctor = self.told["physician"]
        fresh = {"password": self.told["password"]}
        if self.plainly(doctor, "POST", f"/api/v1/approval-requests/{request}/claim") is None:
            return False
        if self.plainly(doctor, "POST", "/api/v1/session/fresh", fresh) is None:
            return False
        act = history.signing(doctor, self.key("sign"), request, self.told["terms"])
        return self.asks(act) is not None

    def typed_her_card(self, payment: Json) -> bool:
        page = urlsplit(payment["url"])
        form = urlencode(CARD).encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            bank = Door(f"{page.scheme}://{page.netloc}", "127.0.0.1")
            return bool(bank.send("POST", page.path, form, kind)["status"] == 303)
        except (OSError, http.client.HTTPException):
            return False

    def is_paid(self, client: str, number: str) -> bool:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline and not self.stop.exists():
            order = self.plainly(client, "GET", f"/api/v1/orders/{number}")
            if order and order["status"] == "paid":
                return True
            time.sleep(BREAK)
        return False


def read(path: Path) -> list[Asked]:
    """The history, as far as it was written."""
    acts: dict[str, Asked] = {}
    for line in path.read_text().splitlines():
        words: Json = json.loads(line)
        if "asked" in words:
            acts[words["asked"]["key"]] = Asked(**words["asked"])
        else:
            acts[words["key"]].answers.append(words["answer"])
    return list(acts.values())


def main() -> None:
    told: Json = json.loads(sys.stdin.readline())
    ledger = Ledger(Path(told["history"]))
    walkers = [Walker(number, told, ledger) for number in range(told["threads"])]
    threads: list[Any] = [threading.Thread(target=walker.walk) for walker in walkers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
