"""The job queue, as procrastinate 3.10.0 ships it, in a schema of its own."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = Path(__file__).parents[1] / "sql" / "procrastinate_3.10.0.sql"


def upgrade() -> None:
    connection = op.get_bind()
    connection.exec_driver_sql("SET LOCAL search_path TO jobs")
    # Past SQLAlchemy, which would take the file's percent signs for parameters.
    connection.connection.cursor().execute(SCHEMA.read_text(encoding="utf-8"))
    connection.exec_driver_sql("SET LOCAL search_path TO public, jobs")
    # Its functions run with the caller's rights. The shop defers; only the worker works.
    connection.exec_driver_sql("""
        GRANT USAGE ON SCHEMA jobs TO aftercare_app, aftercare_worker;
        GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA jobs TO aftercare_app, aftercare_worker;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA jobs TO aftercare_app, aftercare_worker;
        GRANT SELECT ON ALL TABLES IN SCHEMA jobs TO aftercare_app, aftercare_worker;
        GRANT INSERT ON procrastinate_jobs, procrastinate_events TO aftercare_app;
        GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA jobs TO aftercare_worker;
    """)


def downgrade() -> None:
    op.execute("DROP SCHEMA jobs CASCADE; CREATE SCHEMA jobs")
