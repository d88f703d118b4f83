"""`python -m tests.architecture.write_privileges`: write privileges.py anew, for the diff's reader.

The migrations grant, this lists. What the diff shows is what the change lets the roles do more.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from shop.core import migrating
from shop.core.cluster import ROLES, ensure_database, ensure_roles
from shop.core.embedded_postgres import running
from tests.architecture.test_privileges import lines
from tests.conftest import PASSWORD, Database

TABLE = Path(__file__).with_name("privileges.py")
START = "GRANTED: Granted = {"


def main() -> None:
    """Migrate an empty database and list what its roles hold."""
    with tempfile.TemporaryDirectory() as home, running(Path(home), durable=False) as cluster:
        server = cluster.url("postgres")
        ensure_roles(server, dict.fromkeys(ROLES, PASSWORD))
        ensure_database(server, "privileges")
        database = Database(server, "privileges")
        migrating.upgrade(database.owner)
        with database.as_role() as connection:
            table = "\n".join(lines(connection))
    preface = TABLE.read_text(encoding="utf-8").partition(START)[0]
    TABLE.write_text(f"{preface}{table}\n", encoding="utf-8")
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", TABLE], check=True)


if __name__ == "__main__":
    main()
