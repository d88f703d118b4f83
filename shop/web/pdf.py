"""A PDF as an answer: shown in the browser, kept by nobody on the way."""

from __future__ import annotations

from flask import Response, request

PDF = "application/pdf"


def pdf(made: bytes, name: str) -> Response:
    """`name` is what it is called when it is saved."""
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'inline; filename="{name}"',
    }
    return Response(made, content_type=PDF, headers=headers)


def only_asked() -> bool:
    """HEAD: somebody asks what there would be, so nothing is printed."""
    return request.method == "HEAD"
