"""`python -m benchmarks.importing`: a supplier's sheet of 20,000 rows, in by the real command.

Rehearsed, taken in twice and exported, by `flask catalog` in a process and on a durable PostgreSQL
of its own. Printed: seconds on the clock, CPU seconds of the process and of PostgreSQL, and the
most memory the process had resident. Before and after, how long a fixed piece of Python takes: a
machine that is shared is twice as slow in one hour as in another, and only that tells.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import timeit
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from shop.catalog.listing import COLUMNS
from shop.core import migrating
from shop.core.cluster import APP, OWNER, WORKER, ensure_database, ensure_roles
from shop.core.embedded_postgres import Cluster, running
from shop.demo import secrets

DATABASE = "aftercare_import"
DATA = Path(__file__).parents[1] / "shop" / "catalog" / "data"
SEED = 20261126
TICKS = os.sysconf("SC_CLK_TCK")
WORDS = (
    "Daily",
    "Night",
    "Gentle",
    "Active",
    "Pure",
    "Sheer",
    "Calming",
    "Repair",
    "Clear",
    "Soft",
)
KINDS = ("Cream", "Serum", "Lotion", "Cleanser", "Balm", "Gel", "Mask", "Toner", "Oil", "Fluid")


@dataclass(frozen=True)
class Cost:
    """What one run took."""

    title: str
    seconds: float
    process_cpu: float
    postgres_cpu: float
    peak_mb: float
    said: str


def main(arguments: list[str] | None = None) -> int:
    """0 when every run went through."""
    reader = argparse.ArgumentParser(prog="python -m benchmarks.importing", description=__doc__)
    reader.add_argument("--rows", type=int, default=20_000)
    given = reader.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="aftercare-import-") as place,
        shop(Path(place)) as world,
    ):
        cluster, environment = world
        sheet = Path(place) / "sheet.csv"
        write(sheet, given.rows)
        print(f"{given.rows} rows, {sheet.stat().st_size / 1e6:.1f} MB", flush=True)
        print(f"a fixed loop before: {fixed_loop():.0f} ms", flush=True)
        print("run | seconds | CPU s, process | CPU s, PostgreSQL | peak RSS, MB | report")
        take = ["import", str(sheet), "--source", "csv"]
        for title, words in {
            "dry": [*take, "--dry-run"],
            "first": take,
            "second": take,
            "export": ["export", str(sheet.with_name("out.csv"))],
        }.items():
            cost = measured(title, words, cluster, environment)
            print(
                f"{cost.title} | {cost.seconds:.1f} | {cost.process_cpu:.1f} |"
                f" {cost.postgres_cpu:.1f} | {cost.peak_mb:.0f} | {cost.said}",
                flush=True,
            )
        print(f"a fixed loop after: {fixed_loop():.0f} ms")
    return 0


def fixed_loop() -> float:
    """Milliseconds for two million multiplications, the best of three: how fast the machine is."""
    return 1000 * min(timeit.repeat("sum(i * i for i in range(10_000))", number=200, repeat=3))


@contextlib.contextmanager
def shop(place: Path) -> Iterator[tuple[Cluster, dict[str, str]]]:
    """A migrated, empty shop, and the environment its commands want."""
    kept = secrets.of(place)
    with running(place / "postgres") as cluster:
        ensure_roles(cluster.url("postgres"), kept)
        ensure_database(cluster.url("postgres"), DATABASE)
        migrating.upgrade(cluster.url(DATABASE, role=OWNER, password=kept[OWNER]))
        names = (
            "SECRET_KEY",
            "SEALED_KEYS",
            "SIGNING_KEYS",
            "STRIPE_SECRET_KEY",
            "STRIPE_WEBHOOK_SECRETS",
        )
        yield (
            cluster,
            {
                **os.environ,
                "FLASK_APP": "wsgi:app",
                "DATABASE_URL": cluster.url(DATABASE, role=APP, password=kept[APP]),
                "WORKER_DATABASE_URL": cluster.url(DATABASE, role=WORKER, password=kept[WORKER]),
                "BASE_URL": "http://127.0.0.1:1",
                "SMTP_HOST": "127.0.0.1",
                "SMTP_PORT": "1",
                **{name: kept[name] for name in names},
            },
        )


def measured(
    title: str, words: list[str], cluster: Cluster, environment: Mapping[str, str]
) -> Cost:
    """Run `flask catalog …` and look at what it used."""
    command = [sys.executable, "-m", "flask", "catalog", *words]
    before, began = postgres_seconds(cluster.process.pid), time.monotonic()
    process = subprocess.Popen(command, env=dict(environment), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    last = ""
    for line in process.stdout:
        last = line
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the {title} run failed with {process.returncode}")
    return Cost(
        title,
        time.monotonic() - began,
        used.ru_utime + used.ru_stime,
        postgres_seconds(cluster.process.pid) - before,
        _megabytes(used),
        last.strip(),
    )


def _megabytes(used: resource.struct_rusage) -> float:
    return used.ru_maxrss / 1024  # Linux says kilobytes


def postgres_seconds(postmaster: int) -> float:
    """CPU seconds of the server, of its children that live, and of those it has buried."""
    own = _ticks(postmaster, 4)
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    return (own + sum(_ticks(int(child), 2) for child in children)) / TICKS


def _ticks(pid: int, fields: int) -> int:
    """utime and stime, and with `fields` 4 those of the children it waited for."""
    with contextlib.suppress(FileNotFoundError):
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        return sum(int(one) for one in stat[11 : 11 + fields])
    return 0


def write(path: Path, rows: int, *, seed: int = SEED) -> None:
    """A sheet as a supplier of cosmetics would send it, in our columns; the same every time."""
    chance = random.Random(seed)
    substances = _substances()
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        for number in range(rows):
            writer.writerow(_row(number, chance, substances))


def _row(number: int, chance: random.Random, substances: list[str]) -> dict[str, str]:
    chosen = chance.sample(substances, chance.randint(8, 40))
    name = f"{chance.choice(WORDS)} {chance.choice(WORDS)} {chance.choice(KINDS)} {number}"
    listed = [{"raw": raw, "active": place == 0} for place, raw in enumerate(chosen)]
    return {
        "source": "csv",
        "source_key": f"SUP-{number:06d}",
        "name": name,
        "brand": f"House {number % 180}",
        "legal_class": "cosmetic",
        "category": chance.choice(KINDS).lower(),
        "description": f"{name}, made for skin after a treatment.",
        "ingredients": json.dumps(listed, ensure_ascii=False),
        "sku": f"SUP-{number:06d}",
        "pack_name": f"{chance.choice((15, 30, 50, 100, 200))} mL bottle",
        "net_content": str(chance.choice((15, 30, 50, 100, 200))),
        "net_unit": "mL",
        "for_sale": "true",
        "price_cents": str(chance.randint(900, 15_000)),
        "published": "true",
    }


def _substances() -> list[str]:
    """The inactive ingredients of the Canadian licences, each once."""
    with (DATA / "lnhpd_sunscreens_ca_2026.jsonl").open(encoding="utf-8") as file:
        return sorted({name for line in file for name in json.loads(line)["inactives"] if name})


if __name__ == "__main__":
    sys.exit(main())
