"""Static files that are asked for once, and text that goes out compressed."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from flask import Flask, Response, url_for

from shop.web.assets import FOREVER

CSS = "aftercare.css"


def address(app: Flask, name: str) -> str:
    with app.test_request_context():
        return url_for("static", filename=name)


def test_an_address_holds_the_contents_hash_and_is_kept_for_good(app: Flask) -> None:
    client = app.test_client()
    kept = client.get(address(app, "icons.svg"), buffered=True)
    assert re.search(r"\?v=[0-9a-f]{12}$", address(app, "icons.svg"))
    assert kept.headers["Cache-Control"] == FOREVER
    for other in ("/static/icons.svg", "/static/icons.svg?v=000000000000"):
        assert client.get(other, buffered=True).headers["Cache-Control"] == "no-cache"
    assert client.get("/static/none.svg?v=none").status_code == 404
    assert client.get(address(app, "none.svg")).status_code == 404


def test_another_content_has_another_address(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shop.web import assets

    (tmp_path / "one.css").write_text('@font-face { src: url("one.woff2"); }')
    (tmp_path / "one.woff2").write_bytes(b"first")
    first = assets._hash_of(tmp_path, "one.css")
    (tmp_path / "one.css").write_text('@font-face { src: url("one.woff2") }')
    assert assets._hash_of(tmp_path, "one.css") != first


def test_the_fonts_of_the_stylesheet_have_the_address_that_a_page_loads_ahead(app: Flask) -> None:
    sheet = app.test_client().get(address(app, CSS)).text
    font = "vendor/fonts/inter-latin-wght-normal.woff2"
    assert f'url("{address(app, font).removeprefix("/static/")}")' in sheet
    assert '.woff2")' not in sheet  # none without its hash


@pytest.mark.parametrize("path", ["/", "/api/openapi.json", f"/static/{CSS}"])
def test_text_is_compressed_for_whoever_takes_it(app: Flask, path: str) -> None:
    client = app.test_client()
    plain = client.get(path)
    packed = client.get(path, headers={"Accept-Encoding": "gzip, br"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) == len(packed.data) < len(plain.data) / 2
    unpacked = gzip.decompress(packed.data)
    if path.startswith("/static"):
        assert unpacked == plain.data
    assert len(unpacked) == len(plain.data)
    assert "Accept-Encoding" in packed.headers["Vary"]
    refused = client.get(path, headers={"Accept-Encoding": "gzip;q=0"})
    assert "Content-Encoding" not in refused.headers


def test_the_length_of_a_page_tells_nothing_of_what_is_on_it(app: Flask) -> None:
    client = app.test_client()

    def length() -> int:
        return len(client.get("/words", headers={"Accept-Encoding": "gzip"}).data)

    assert len({length() for _ in range(12)}) > 3


def test_what_is_small_or_no_text_stays_as_it_is(app: Flask) -> None:
    client = app.test_client()
    for path in ("/healthz", address(app, "vendor/fonts/inter-latin-wght-normal.woff2")):
        answer = client.get(path, headers={"Accept-Encoding": "gzip"}, buffered=True)
        assert answer.status_code == 200
        assert "Content-Encoding" not in answer.headers


def test_what_is_streamed_or_packed_already_is_left_alone(app: Flask) -> None:
    from shop.web import compression

    small = Flask("small")
    compression.init_app(small)
    long = "word " * 500
    small.add_url_rule("/s", "s", lambda: Response((part for part in [long]), mimetype="text/html"))
    packed = gzip.compress(long.encode())
    headers = {"Content-Encoding": "gzip"}
    small.add_url_rule("/p", "p", lambda: Response(packed, mimetype="text/html", headers=headers))
    asks = {"Accept-Encoding": "gzip"}
    assert small.test_client().get("/s", headers=asks).text == long
    assert small.test_client().get("/p", headers=asks).data == packed


def test_an_etag_of_something_compressed_is_weak_and_still_works(app: Flask) -> None:
    client = app.test_client()
    packed = client.get(f"/static/{CSS}", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["ETag"].startswith("W/")
    again = client.get(
        f"/static/{CSS}",
        headers={"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]},
    )
    assert (again.status_code, again.data) == (304, b"")
