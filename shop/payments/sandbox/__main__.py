"""`python -m shop.payments.sandbox`: serve the sandbox on this machine until told to stop."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from types import FrameType

import psycopg
from werkzeug.serving import make_server

from shop.payments.sandbox.app import create_app
from shop.payments.sandbox.running import Sandbox

LOOPBACK = "127.0.0.1"


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; 0 when it ended so, 2 when it could not begin."""
    given = _read(arguments)
    try:
        sandbox = Sandbox(
            database_url=given.database_url,
            secret_key=given.secret_key,
            webhook_secret=given.webhook_secret,
            webhook_url=given.webhook_url,
            public_url=f"http://{LOOPBACK}:{given.port}",
        )
        sandbox.open()
    except (ValueError, psycopg.Error) as error:
        sys.stderr.write(f"The sandbox cannot start: {error}\n")
        return 2
    return _serve(sandbox, given.port)


def _serve(sandbox: Sandbox, port: int) -> int:
    try:
        server = make_server(LOOPBACK, port, create_app(sandbox), threaded=True)
    except (OSError, SystemExit):  # the server library exits by itself when a port is taken
        sys.stderr.write(f"Port {port} cannot be used.\n")
        sandbox.close()
        return 2

    def stop(_signal: int, _frame: FrameType | None) -> None:
        # shutdown() waits for the loop below, so it must not be called from inside it
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    sandbox.courier.start()
    sys.stdout.write(f"Stripe sandbox: http://{LOOPBACK}:{port}\n")
    sys.stdout.flush()
    try:
        server.serve_forever()
    finally:
        server.server_close()
        sandbox.close()
    return 0


def _read(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m shop.payments.sandbox",
        description="A stand-in for Stripe, for tests and the demo. It answers to 127.0.0.1 only.",
    )
    parser.add_argument("--port", type=_port, required=True)
    parser.add_argument("--host", choices=[LOOPBACK], default=LOOPBACK)
    parser.add_argument("--webhook-url", help="where to send events; without it none are sent")
    _from_environment(parser, "--database-url", "SANDBOX_DATABASE_URL")
    _from_environment(parser, "--webhook-secret", "STRIPE_WEBHOOK_SECRETS")
    _from_environment(parser, "--secret-key", "STRIPE_SECRET_KEY")
    return parser.parse_args(arguments)


def _port(text: str) -> int:
    port = int(text)
    if not 0 < port < 2**16:
        raise ValueError
    return port


def _from_environment(parser: argparse.ArgumentParser, option: str, variable: str) -> None:
    """Other users of the machine can read a command line, but not an environment."""
    value = os.environ.get(variable)
    if value and variable == "STRIPE_WEBHOOK_SECRETS":
        value = value.partition(",")[0]  # the newest, which the shop lists first
    parser.add_argument(option, default=value, required=value is None, help=f"or {variable}")


if __name__ == "__main__":
    sys.exit(main())
