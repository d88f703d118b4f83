"""The shop's real programs, to be killed: PostgreSQL, granian and its workers, the job worker."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg

from shop.core import embedded_postgres
from shop.core.embedded_postgres import Cluster
from shop.demo.clinic import _program
from tests.kills.world import until


class Postgres:
    """A durable server that can be killed and comes back; its backends may outlive it a while."""

    def __init__(self, place: embedded_postgres._Place) -> None:
        self._place = place
        self._password = embedded_postgres._made(place)
        self.start()

    @property
    def url(self) -> str:
        return Cluster(self._place.scratch, self._password, self._process).url("postgres")

    def kill(self) -> None:
        pid = int((self._place.data / "postmaster.pid").read_text().splitlines()[0])
        assert pid == self._process.pid
        os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def start(self) -> None:
        """Until it answers: a start is refused for as long as a backend of the dead one lives."""

        def up() -> bool:
            self._process = embedded_postgres._started(self._place, durable=True)
            try:
                embedded_postgres._wait_until_ready(
                    Cluster(self._place.scratch, self._password, self._process)
                )
            except psycopg.OperationalError:
                assert self._process.poll() is not None
                return False
            return True

        until(up, within=60, what="PostgreSQL")

    def stop(self) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.wait()


@contextlib.contextmanager
def durable_postgres(home: Path) -> Iterator[Postgres]:
    """A server with fsync, as in production, kept in `home` for as long as the test lasts."""
    home.mkdir(parents=True)
    with contextlib.ExitStack() as scratch:
        folder = scratch.enter_context(
            embedded_postgres.tempfile.TemporaryDirectory(
                prefix="aftercare-", ignore_cleanup_errors=True
            )
        )
        place = embedded_postgres._Place(home, Path(folder))
        with place.occupied():
            server = Postgres(place)
            try:
                yield server
            finally:
                server.stop()


class Program:
    """One of the shop's programs under a supervisor that starts it again."""

    def __init__(
        self, name: str, arguments: str, environment: Mapping[str, str], home: Path
    ) -> None:
        self._made = (name, tuple(arguments.split()), environment, home)
        self.starts = 0
        self.start()

    def start(self) -> None:
        self._stack = contextlib.ExitStack()
        self.process: subprocess.Popen[bytes] = self._stack.enter_context(_program(*self._made))
        self.starts += 1

    def keep_up(self) -> None:
        """Start it again where it ended by itself."""
        if self.process.poll() is not None:
            self._stack.close()
            self.start()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.keep_up()

    def stop(self) -> None:
        self._stack.close()


class Granian(Program):
    """The web server: a parent that starts its workers again."""

    def workers(self) -> list[int]:
        """The pids of its workers, the longest at work first."""
        pid = self.process.pid
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            return []
        return sorted(int(child) for child in children if _serves(child))

    def kill_a_worker(self) -> None:
        """The one that has served longest."""

        def both() -> list[int]:
            self.keep_up()
            workers = self.workers()
            return workers if len(workers) > 1 else []

        workers = until(both, what="both workers")
        with contextlib.suppress(ProcessLookupError):
            os.kill(workers[0], signal.SIGKILL)


def _serves(pid: str) -> bool:
    """Not the helper that multiprocessing keeps beside the workers, and not dead already."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return bool(words) and b"resource_tracker" not in words
