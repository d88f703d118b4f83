"""A file that somebody else made: it is saved, never shown by the browser as part of the shop."""

from __future__ import annotations

from flask import Response

ENDINGS = {"application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg", "text/csv": "csv"}


def as_attachment(content: bytes, media_type: str, *, name: str) -> Response:
    """The file, saved under a name of ours."""
    named = f'attachment; filename="{name}.{ENDINGS[media_type]}"'
    return Response(content, content_type=media_type, headers={"Content-Disposition": named})
