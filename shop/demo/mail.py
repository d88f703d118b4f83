"""A mail catcher: a real SMTP server on loopback that writes every letter to a file."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class _Letterbox:
    """Keeps letters as they came, one file each, newest last."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.numbers = itertools.count(len(list(folder.glob("*.eml"))) + 1)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.original_content or b""
        letter = message_from_bytes(content, policy=policy.default)
        (self.folder / f"{next(self.numbers):04d}.eml").write_bytes(content)
        print(f"  mail to {letter['To']}: {letter['Subject']}", flush=True)  # noqa: T201
        return "250 Kept"


@contextlib.contextmanager
def caught(folder: Path, port: int) -> Iterator[None]:
    """Catch what is sent to 127.0.0.1:`port` in `folder`."""
    controller = Controller(_Letterbox(folder), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield
    finally:
        controller.stop()
