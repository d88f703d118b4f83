"""The sandbox as a WSGI application: Stripe's API, the hosted pages, and its own switches."""

from __future__ import annotations

import ipaddress
import select
import socket
import time

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from shop.payments.sandbox import calls, control, hosted
from shop.payments.sandbox.calls import Answer, Call
from shop.payments.sandbox.desk import new_id
from shop.payments.sandbox.protocol import Refusal
from shop.payments.sandbox.running import EXTENSION, Sandbox

LONGEST_SILENCE = 5 * 60.0  # seconds; no client waits longer
LOOK_EVERY = 0.2
LARGEST_BODY = 1024 * 1024
LOCAL_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
DROPPED = "Sandbox-Dropped"


def create_app(sandbox: Sandbox) -> Flask:
    """The sandbox's application; it answers to this machine only."""
    app = Flask(__name__)
    app.extensions[EXTENSION] = sandbox
    app.config.update(MAX_CONTENT_LENGTH=LARGEST_BODY, TRUSTED_HOSTS=LOCAL_HOSTS)
    app.before_request(_refuse_strangers)
    app.register_error_handler(HTTPException, _in_stripes_shape)
    app.register_blueprint(hosted.bp)
    app.register_blueprint(control.bp)

    @app.route("/v1/<path:_path>", methods=["GET", "POST", "DELETE", "PUT", "PATCH"])
    def api(_path: str) -> Response:
        form = request.query_string if request.method == "GET" else request.get_data()
        answered = calls.answer(
            Call(request.method, request.path, form, dict(request.headers)),
            store=sandbox.store,
            secret_key=sandbox.secret_key,
            public_url=sandbox.public_url,
        )
        sandbox.courier.wake()
        return _response(answered)

    return app


def _response(answered: Answer) -> Response:
    response = jsonify(answered.body)
    response.status_code = answered.status
    response.headers["Request-Id"] = answered.request_id
    response.headers["Cache-Control"] = "no-store"
    response.headers.extend(answered.headers)
    if answered.hangs:
        wait_for_the_caller()
    if answered.dropped or answered.hangs:
        hang_up(response)
    return response


def wait_for_the_caller() -> None:
    """Say nothing until whoever called has given up; in one process, nobody waits."""
    line = request.environ.get("werkzeug.socket")
    if line is None:
        return
    ends = time.monotonic() + LONGEST_SILENCE
    while time.monotonic() < ends:
        readable, _, _ = select.select([line], [], [], LOOK_EVERY)
        if readable and not line.recv(1, socket.MSG_PEEK):
            return  # the caller has hung up
        if readable:
            time.sleep(LOOK_EVERY)  # it says more instead


def hang_up(response: Response) -> None:
    """Close the line instead of answering; in one process, the transport reads the mark."""
    response.headers[DROPPED] = "1"
    line = request.environ.get("werkzeug.socket")
    if line is not None:
        line.shutdown(2)


def _refuse_strangers() -> Response | None:
    remote = request.remote_addr or ""
    try:
        near = ipaddress.ip_address(remote).is_loopback
    except ValueError:
        near = False
    if near:
        return None
    return _response(
        Answer(403, Refusal(403, "The sandbox answers to its own machine only.").body, "")
    )


def _in_stripes_shape(error: HTTPException) -> Response:
    status = error.code or 500
    kind = "invalid_request_error" if status < 500 else "api_error"
    refusal = Refusal(status, error.description or error.name, type=kind)
    return _response(Answer(status, refusal.body, new_id("req", 14)))
