"""`python -m benchmarks.pages [address]`: what the shop's pages weigh, how soon they are there.

Beside a running `make demo`. Chromium with an empty cache, its processor slowed to a quarter: bytes
as they came over the line without pictures, the largest contentful paint, how far things jumped.
Printed: the median and the worst of the rounds, for a phone and for a desk.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, sync_playwright

SLOWED = 4
SIZES = {"phone": (390, 844), "desk": (1280, 800)}
PICTURES = ("/pictures/", "/static/placeholders/")
MOST_KB, MOST_LCP_MS, MOST_CLS = 100.0, 1000.0, 0.05
_SEEN = """() => new Promise((tell) => {
  const seen = {lcp: 0, cls: 0};
  const each = (type, add) => new PerformanceObserver((list) => list.getEntries().forEach(add))
    .observe({type, buffered: true});
  each("largest-contentful-paint", (one) => { seen.lcp = one.startTime; });
  each("layout-shift", (one) => { if (!one.hadRecentInput) seen.cls += one.value; });
  setTimeout(() => tell(seen), 300);
})"""


@dataclass(frozen=True)
class Loaded:
    """One page, loaded once."""

    kb: float  # of 1,000 bytes, over the line, headers and all, without pictures
    lcp_ms: float
    cls: float


def load(browser: Browser, address: str, size: tuple[int, int], *, slowed: int = SLOWED) -> Loaded:
    """Open it with an empty cache and wait until nothing more comes."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    page = context.new_page()
    line = context.new_cdp_session(page)
    addresses: dict[str, str] = {}
    weighed: dict[str, float] = {}

    def asked(it: dict[str, Any]) -> None:
        addresses[it["requestId"]] = it["request"]["url"]

    def came(it: dict[str, Any]) -> None:
        weighed[it["requestId"]] = it["encodedDataLength"]

    line.on("Network.requestWillBeSent", asked)
    line.on("Network.loadingFinished", came)
    line.send("Network.enable")
    line.send("Emulation.setCPUThrottlingRate", {"rate": slowed})
    page.goto(address, wait_until="networkidle")
    seen = page.evaluate(_SEEN)
    context.close()
    sent = [
        size
        for number, size in weighed.items()
        if not any(part in addresses.get(number, "") for part in PICTURES)
    ]
    return Loaded(sum(sent) / 1000, seen["lcp"], seen["cls"])


def main(arguments: list[str] | None = None) -> int:
    """0 when every page is within what is allowed."""
    reader = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__)
    reader.add_argument("address", nargs="?", default="http://127.0.0.1:8000")
    reader.add_argument("--rounds", type=int, default=9)
    given = reader.parse_args(arguments)
    within = True
    print("page | kB | LCP ms, median · worst | CLS, worst")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for name, path in pages(browser, given.address).items():
            for size, pixels in SIZES.items():
                rounds = [load(browser, given.address + path, pixels) for _ in range(given.rounds)]
                kb = max(one.kb for one in rounds)
                lcp = statistics.median(one.lcp_ms for one in rounds)
                worst = max(one.lcp_ms for one in rounds)
                cls = max(one.cls for one in rounds)
                print(f"{name}, {size} | {kb:.1f} | {lcp:.0f} · {worst:.0f} | {cls:.3f}")
                within &= kb <= MOST_KB and lcp <= MOST_LCP_MS and cls <= MOST_CLS
        browser.close()
    return 0 if within else 1


def pages(browser: Browser, address: str) -> dict[str, str]:
    """The list, a search, and the first product of the list."""
    page = browser.new_page()
    page.goto(address)
    product = page.locator("main a[href^='/products/']").first.get_attribute("href")
    page.close()
    return {"list": "/", "search": "/?q=sunscreen", "product": str(product)}


if __name__ == "__main__":
    sys.exit(main())
