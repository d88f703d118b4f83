"""`flask demo`, what `make demo` runs, and `flask demo-story`, which it runs for its data."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import with_appcontext


@click.command()
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1024, 65000))
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where everything is kept; .demo in the checkout unless told otherwise.",
)
def demo(port: int, home: Path | None) -> None:
    """Run the demo clinic on http://127.0.0.1:PORT until Ctrl-C."""
    from shop.demo import clinic

    try:
        clinic.run(port, home or clinic.HOME)
    except clinic.CannotStart as error:
        raise click.ClickException(str(error)) from error


@click.command("demo-story", hidden=True)
@with_appcontext
def demo_story() -> None:
    """Tell the demo clinic's story in a database that holds nobody yet."""
    from shop.demo import story

    story.tell()
