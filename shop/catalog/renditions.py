"""A stranger's picture file made into the shop's own files, by a process that may do little.

The file is never decoded here. `rendering.py` does it in a program of its own: limits on memory,
time and files, an empty environment, no working directory of ours. Whatever becomes of it, this
process goes on.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shop.catalog.errors import BadPicture

MOST_BYTES = 10 * 1024 * 1024  # of a file that is sent
SECONDS = 20  # by the wall; a busy machine is slow
PROGRAM = Path(__file__).with_name("rendering.py")
_STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF")


@dataclass(frozen=True)
class Rendition:
    """One file of a picture, WebP, in sRGB and without metadata. Sizes in pixels."""

    width: int
    height: int
    data: bytes

    @property
    def digest(self) -> bytes:
        """SHA-256: the file's name."""
        return hashlib.sha256(self.data).digest()


def of(data: bytes, *, program: Sequence[str] | None = None) -> list[Rendition]:
    """The picture in its sizes, smallest first. Raises BadPicture, saying what to do.

    `program` is what decodes, where it is not `rendering.py`.
    """
    if not data:
        raise _bad("The file is empty. Choose a picture.")
    if len(data) > MOST_BYTES:
        raise _bad(f"The file is larger than {MOST_BYTES // 1024**2} MB. Save it smaller.")
    if not data.startswith(_STARTS):
        raise _bad("This is no PNG, JPEG or WebP file. Save the picture as one of these.")
    answer, _, files = _run(data, program or (sys.executable, "-I", str(PROGRAM))).partition(b"\n")
    try:
        told = json.loads(answer)
    except ValueError:
        raise _bad(
            "This picture could not be read. Save it anew, smaller, and send that."
        ) from None
    if "refused" in told:
        raise _bad(told["refused"])
    return list(_cut(told["files"], files))


def _run(data: bytes, program: Sequence[str]) -> bytes:
    """What the program answers; nothing where it was ended for what it did."""
    try:
        done = subprocess.run(
            program,
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            env={},
            cwd="/",
            close_fds=True,
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _bad("This picture takes too long to read. Save it anew, smaller.") from None
    return done.stdout if done.returncode == 0 else b""


def _cut(told: list[dict[str, int]], files: bytes) -> list[Rendition]:
    made, at = [], 0
    for one in told:
        made.append(Rendition(one["width"], one["height"], files[at : at + one["bytes"]]))
        at += one["bytes"]
    return made


def _bad(text: str) -> BadPicture:
    return BadPicture(text, fields={"file": [text]})
