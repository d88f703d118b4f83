"""A file that a form or a multipart body sends as `file`."""

from __future__ import annotations

from flask import g, request


def sent(most: int) -> bytes:
    """Its bytes, one more than `most` at most; nothing where none was sent.

    A request that is run again finds its file read.
    """
    if "sent_file" not in g:
        file = request.files.get("file")
        g.sent_file = b""
        if file is not None:
            with file.stream as stream:  # a large upload lies on disk until it is closed
                g.sent_file = stream.read(most + 1)
    return bytes(g.sent_file)
