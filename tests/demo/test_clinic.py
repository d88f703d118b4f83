"""`flask demo`: it opens, tells its story once, closes, and leaves nothing running."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.ports import a_free_port

CHECKOUT = Path(__file__).parents[2]


class Demo:
    """A running `flask demo`, read until it says it is open."""

    def __init__(self, home: Path) -> None:
        self.port = a_free_port()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "flask", "demo", "--port", str(self.port), "--home", str(home)],
            cwd=CHECKOUT,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.said = ""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            if "Ctrl-C closes the clinic" in line:
                break

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    def close(self) -> int:
        self.process.send_signal(signal.SIGINT)
        self.said += self.process.communicate(timeout=60)[0]
        return self.process.returncode


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clinic") / "demo"


def test_the_demo_opens_twice_and_leaves_nothing_running(home: Path) -> None:
    first = Demo(home)
    assert "is open, after" in first.said, first.said
    assert "dr.chen@example.test" in first.said
    shop = first.get("/?q=tretinoin")
    assert "Tretinoin" in shop
    assert "demo clinic" in shop
    order = next(iter(re.findall(r"Your order (A-\w+) has shipped", first.said)), None)
    letters = sorted((home / "mail").glob("*.eml"))
    assert order or any("has shipped" in letter.read_text() for letter in letters)
    assert first.close() == 0, first.said
    assert "The clinic is closed" in first.said
    assert running_in(home) == []
    with socket.socket() as probe:  # the port is free again
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", first.port))

    second = Demo(home)
    assert "is open, after" in second.said, second.said
    assert "mail to" not in second.said  # the story was told already
    assert second.close() == 0
    assert running_in(home) == []


def test_a_port_in_use_is_said_plainly(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = subprocess.run(
            [sys.executable, "-m", "flask", "demo", "--port", str(port), "--home", str(tmp_path)],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert refused.returncode == 1
    assert f"Port {port} is taken" in refused.stderr
    assert "PORT=" in refused.stderr


def running_in(home: Path) -> list[str]:
    """The command lines of processes that name `home`: nothing may be left."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(home) in command and process.name != str(os.getpid()):
            found.append(command)
    return found
