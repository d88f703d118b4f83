"""The database roles and what each database needs before the first migration.

Roles belong to the server, not to a migration: the launcher and docs/deploy.md make them, once.
"""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
from psycopg import sql

OWNER = "aftercare_owner"  # migrations
APP = "aftercare_app"  # the web server
WORKER = "aftercare_worker"  # background jobs
SANDBOX = "aftercare_sandbox"  # the Stripe stand-in, which sees nothing of the shop
ROLES = (OWNER, APP, WORKER, SANDBOX)

SEARCH_PATH = "public, jobs"


def ensure_roles(admin: str, passwords: Mapping[str, str]) -> None:
    """Make the roles or give them these passwords; `admin` may create roles. Safe to repeat."""
    with psycopg.connect(admin, autocommit=True) as connection:
        for role in ROLES:
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
            verb = "ALTER" if known.fetchone() else "CREATE"
            connection.execute(
                sql.SQL("{} ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}").format(
                    sql.SQL(verb), sql.Identifier(role), sql.Literal(passwords[role])
                )
            )
            connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(role)))


def ensure_database(admin: str, name: str) -> None:
    """Make the database `name`, its schemas and extensions. Safe to repeat."""
    with psycopg.connect(admin, autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if not known.fetchone():
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(
                    sql.Identifier(name), sql.Identifier(OWNER)
                )
            )
    with psycopg.connect(admin, dbname=name, autocommit=True) as connection:
        for extension in ("btree_gist", "citext", "pg_trgm", "unaccent"):
            connection.execute(
                sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension))
            )
        connection.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(sql.Identifier(OWNER)))
        connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        for schema, owner in (("jobs", OWNER), ("stripe_sandbox", SANDBOX)):
            connection.execute(
                sql.SQL("CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {}").format(
                    sql.Identifier(schema), sql.Identifier(owner)
                )
            )
