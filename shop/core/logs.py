"""Logs: one line of JSON per event on standard error, with ids and codes, not people's data.

A traceback says where, and holds no values: local variables may be names, addresses and answers.
"""

from __future__ import annotations

import sys

import structlog

WHERE = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)


def configure() -> None:
    """Set up logging for this process."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(WHERE),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
