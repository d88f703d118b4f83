"""Who may do what in the database: role → table → privilege → columns.

Read it as a reviewer: every line is something a stolen web process could do.
"""

from __future__ import annotations

from shop.core.cluster import APP, WORKER

Granted = dict[str, dict[str, dict[str, tuple[str, ...]]]]

ALL = ("*",)  # every column

# Rights on the tables of the job queue: the shop defers, only the worker works.
JOBS = {
    APP: {"SELECT", "INSERT"},
    WORKER: {"SELECT", "INSERT", "UPDATE", "DELETE"},
}

GRANTED: Granted = {
    APP: {
        "accesses": {
            "INSERT": ("client_id", "id", "purpose", "reader_id", "record", "request_id"),
            "SELECT": ALL,
        },
        "auth_events": {
            "INSERT": ("factors", "id", "kind", "person_id"),
            "SELECT": ALL,
        },
        "events": {
            "INSERT": ("facts", "kind", "machine", "request_id", "subject_id", "to_state"),
            "SELECT": ALL,
        },
        "legal_transitions": {
            "SELECT": ALL,
        },
        "letters": {
            "INSERT": ("id", "recipient_id", "subject_id", "template", "version"),
            "SELECT": ALL,
            "UPDATE": ("error", "failed_at", "lease_until", "sent_at", "tries"),
        },
        "licences": {
            "INSERT": ALL,
            "SELECT": ALL,
            "UPDATE": ("ended_by_id", "ended_on"),
        },
        "mail_links": {
            "DELETE": ("",),
            "INSERT": ALL,
            "SELECT": ALL,
            "UPDATE": ("used_at",),
        },
        "people": {
            "INSERT": (
                "birth_date",
                "disabled_at",
                "email",
                "email_confirmed_at",
                "id",
                "name",
                "npi",
                "password_hash",
                "role",
                "session_epoch",
                "state",
            ),
            "SELECT": ALL,
            "UPDATE": (
                "disabled_at",
                "email_confirmed_at",
                "name",
                "password_hash",
                "session_epoch",
                "state",
            ),
        },
        "shop_clock": {
            "SELECT": ALL,
        },
        "sign_in_attempts": {
            "INSERT": ("id", "who_hash"),
            "SELECT": ALL,
        },
        "sign_ins": {
            "INSERT": (
                "agent",
                "ends_at",
                "epoch",
                "fresh_id",
                "id",
                "person_id",
                "revoked_at",
                "secret_hash",
            ),
            "SELECT": ALL,
            "UPDATE": ("fresh_id", "revoked_at", "seen_at"),
        },
        "tokens": {
            "INSERT": (
                "ends_at",
                "epoch",
                "fresh_id",
                "id",
                "name",
                "person_id",
                "revoked_at",
                "scopes",
                "secret_hash",
                "used_at",
            ),
            "SELECT": ALL,
            "UPDATE": ("fresh_id", "revoked_at", "used_at"),
        },
    },
    WORKER: {
        "accesses": {
            "INSERT": ("client_id", "id", "purpose", "reader_id", "record", "request_id"),
            "SELECT": ALL,
        },
        "auth_events": {
            "SELECT": ALL,
        },
        "events": {
            "INSERT": ("facts", "kind", "machine", "request_id", "subject_id", "to_state"),
            "SELECT": ALL,
        },
        "legal_transitions": {
            "SELECT": ALL,
        },
        "letters": {
            "INSERT": ("id", "recipient_id", "subject_id", "template", "version"),
            "SELECT": ALL,
            "UPDATE": ("error", "failed_at", "lease_until", "sent_at", "tries"),
        },
        "licences": {
            "INSERT": ALL,
            "SELECT": ALL,
            "UPDATE": ("ended_by_id", "ended_on"),
        },
        "mail_links": {
            "DELETE": ("",),
            "INSERT": ALL,
            "SELECT": ALL,
            "UPDATE": ("used_at",),
        },
        "people": {
            "INSERT": (
                "birth_date",
                "disabled_at",
                "email",
                "email_confirmed_at",
                "id",
                "name",
                "npi",
                "password_hash",
                "role",
                "session_epoch",
                "state",
            ),
            "SELECT": ALL,
            "UPDATE": (
                "disabled_at",
                "email_confirmed_at",
                "name",
                "password_hash",
                "session_epoch",
                "state",
            ),
        },
        "shop_clock": {
            "SELECT": ALL,
        },
        "sign_in_attempts": {
            "SELECT": ALL,
        },
        "sign_ins": {
            "SELECT": ALL,
        },
        "tokens": {
            "SELECT": ALL,
        },
    },
}
