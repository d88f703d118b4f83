"""The shop's first pages are light and do not jump. How soon they are there is measured by
`python -m benchmarks.pages`: a time that a busy machine would stretch is not held here.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from benchmarks.pages import MOST_CLS, MOST_KB, SIZES, load, pages
from tests.browser.clinic import Clinic


@pytest.mark.parametrize("size", SIZES)
def test_list_and_product_are_light_and_still(chromium: Browser, clinic: Clinic, size: str) -> None:
    for name, path in pages(chromium, clinic.url).items():
        loaded = load(chromium, clinic.url + path, SIZES[size], slowed=1)
        assert 10 < loaded.kb <= MOST_KB, name
        assert loaded.cls <= MOST_CLS, name
        assert loaded.lcp_ms > 0, name


def test_what_a_heavy_page_weighs_is_seen(chromium: Browser, clinic: Clinic) -> None:
    """Swagger's own page, which is heavy and builds itself late."""
    light = load(chromium, f"{clinic.url}/words", SIZES["desk"], slowed=1)
    heavy = load(chromium, f"{clinic.url}/api/docs", SIZES["desk"], slowed=1)
    assert heavy.kb > MOST_KB > light.kb
