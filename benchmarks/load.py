"""The load generator: one process, so many clients as threads, each one request at a time."""

from __future__ import annotations

import concurrent.futures
import itertools
import json
import multiprocessing
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any, Protocol

FROM_ONE_ADDRESS = 400  # requests; the shop allows 1,200 a minute from one


class Asking(Protocol):
    """Whoever can be asked for an address of the shop."""

    def ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        json: Any = None,
        key: str | None = None,
        body: bytes = b"",
        signature: str | None = None,
    ) -> bytes: ...


class Operation(Protocol):
    """One thing a client does; `n` numbers the times it is done."""

    @property
    def most(self) -> int | None:
        """How often it can be done in a round, where what it needs is used up."""

    def visit(self, client: Asking, n: int) -> None: ...


class WrongAnswer(RuntimeError):
    """The shop did not answer as it should: the figures would be of something else."""


@dataclass(frozen=True)
class Ran:
    """What a run came to. Seconds; `cpu` is the generator's own."""

    seconds: float
    latencies: list[float]
    cpu: float

    @property
    def count(self) -> int:
        return len(self.latencies)


class Client:
    """A keep-alive connection, renewed now and then from another loopback address."""

    addresses = itertools.count(2)

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked = 0
        self.socket: socket.socket | None = None

    def ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        json: Any = None,
        key: str | None = None,
        body: bytes = b"",
        signature: str | None = None,
    ) -> bytes:
        """The body of the answer. Raises WrongAnswer for any status but 200 and 201."""
        self.asked += 1
        if self.socket is None or self.asked % FROM_ONE_ADDRESS == 0:
            self._connect()
        assert self.socket is not None
        given = body or (b"" if json is None else _encoded(json))
        self.socket.sendall(request(method, path, given, token=token, key=key, signature=signature))
        status, came = self._answer()
        if status not in (200, 201):
            raise WrongAnswer(f"{method} {path}: {status} {came[:2000].decode()}")
        return came

    def _connect(self) -> None:
        if self.socket is not None:
            self.socket.close()
        number = next(self.addresses)
        source = f"127.{1 + number // 65_000 % 200}.{number // 250 % 250}.{1 + number % 250}"
        self.socket = socket.create_connection(
            ("127.0.0.1", self.port), timeout=60, source_address=(source, 0)
        )
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _answer(self) -> tuple[int, bytes]:
        assert self.socket is not None
        came = b""
        while (end := came.find(b"\r\n\r\n")) < 0:
            came += self._more()
        head = came[:end].lower()
        at = head.index(b"content-length:") + 15
        length = int(head[at : head.find(b"\r\n", at) if b"\r\n" in head[at:] else None])
        parts, have = [came[end + 4 :]], len(came) - end - 4
        while have < length:
            parts.append(self._more())
            have += len(parts[-1])
        return int(came[9:12]), b"".join(parts)

    def _more(self) -> bytes:
        assert self.socket is not None
        more = self.socket.recv(262_144)
        if not more:
            raise WrongAnswer("The connection was closed in the middle of an answer.")
        return more


def request(
    method: str,
    path: str,
    body: bytes,
    *,
    token: str | None,
    key: str | None,
    signature: str | None,
) -> bytes:
    """The bytes of a request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n"
    if token:
        head += f"Authorization: Bearer {token}\r\n"
    if key:
        head += f"Idempotency-Key: {key}\r\n"
    if signature:
        head += f"Stripe-Signature: {signature}\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    elif method != "GET":
        head += "Content-Length: 0\r\n"
    return head.encode() + b"\r\n" + body


def _encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


class Generator:
    """The process; started once, used for every round."""

    def __init__(self) -> None:
        spawned = multiprocessing.get_context("spawn")
        self._process = concurrent.futures.ProcessPoolExecutor(1, mp_context=spawned)

    def run(self, operation: Operation, *, port: int, clients: int, seconds: float) -> Ran:
        """Let so many clients do it over and over, for `seconds` or as often as it can be done.

        Raises what the first failed one raised.
        """
        return self._process.submit(_run, operation, port, clients, seconds).result()

    def close(self) -> None:
        self._process.shutdown()


def _run(operation: Operation, port: int, clients: int, seconds: float) -> Ran:
    numbers = itertools.count()
    began, cpu = time.perf_counter(), time.process_time()
    stop = threading.Event()

    def keep_on() -> list[float]:
        client, took = Client(port), []
        while not stop.is_set():
            n = next(numbers)
            over = time.perf_counter() - began >= seconds
            if over if operation.most is None else n >= operation.most:
                break
            at = time.perf_counter()
            operation.visit(client, n)
            took.append(time.perf_counter() - at)
        return took

    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        futures = [pool.submit(keep_on) for _ in range(clients)]
        try:
            latencies = [one for future in futures for one in future.result()]
        except BaseException:
            stop.set()
            raise
    return Ran(time.perf_counter() - began, latencies, time.process_time() - cpu)
