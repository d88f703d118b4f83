"""What a page must not do, seen from a real browser: each checker returns what is wrong, in words.

`tests/browser/test_watching.py` plants a fault for each, so that silence means something.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import ConsoleMessage, Locator, Page, Request, Response

# WCAG 2.2 AA, and of axe's advice that headings are in order beneath one first.
LEVELS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
ASKED_FOR = ("target-size", "heading-order", "page-has-heading-one", "scope-attr-valid")
# The status of a document is judged where it is asked for: a refused form answers 422.
_OF_STATUS = "Failed to load resource"
# Said of a frame without scripts, where it is the test's own that is not let in.
_OF_THE_DRIVER = re.compile(r"^Blocked script execution in .* document's frame is sandboxed")
_CSP = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP: ${event.violatedDirective} stops ${event.blockedURI || "something inline"}`));
"""


@dataclass
class Watch:
    """What went wrong on a page since it was opened: consoles, policies, requests, 5xx."""

    faults: list[str] = field(default_factory=list)

    def taken(self) -> list[str]:
        """The faults so far, which are then forgotten."""
        faults, self.faults[:] = self.faults[:], []
        return faults


def watched(page: Page) -> Watch:
    """Listen to a page from now on, wherever it goes."""
    watch = Watch()

    def here() -> str:
        return urlsplit(page.url).path

    def said(message: ConsoleMessage) -> None:
        if (
            message.type in ("error", "warning")
            and not message.text.startswith(_OF_STATUS)
            and not _OF_THE_DRIVER.match(message.text)
        ):
            watch.faults.append(f"{here()}: console: {message.text}")

    def failed(request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # a download, or she left before it came
            watch.faults.append(f"{here()}: {request.url} failed: {request.failure}")

    def answered(response: Response) -> None:
        asked = response.request  # a form that htmx sends is refused as a page is
        of_a_page = asked.is_navigation_request() or "hx-request" in asked.headers
        if response.status >= 500 or (response.status >= 400 and not of_a_page):
            watch.faults.append(f"{here()}: {response.url} answered {response.status}")

    page.add_init_script(_CSP)
    page.on("console", said)
    page.on("pageerror", lambda error: watch.faults.append(f"{here()}: {error}"))
    page.on("requestfailed", failed)
    page.on("response", answered)
    return watch


def wide(page: Page) -> list[str]:
    """What makes the page scroll sideways."""
    return list(
        page.evaluate("""() => {
          const root = document.documentElement, edge = root.clientWidth;
          if (root.scrollWidth <= edge) return [];
          const out = [...document.body.querySelectorAll("*")].filter((one) => {
            const box = one.getBoundingClientRect();
            return box.width && box.right > edge + 1;
          });
          const last = out.filter((one) => ![...one.children].some((child) => out.includes(child)));
          return [`${root.scrollWidth} px in a window of ${edge}: ` +
            last.slice(0, 3).map((one) => one.outerHTML.slice(0, 90)).join(" | ")];
        }""")
    )


def by_axe(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 AA."""
    if not page.evaluate("() => typeof axe !== 'undefined'"):
        page.evaluate(AXE_SCRIPT)
    found: list[dict[str, Any]] = page.evaluate(
        """([levels, rules]) => axe.run(document, {
            runOnly: {type: "tag", values: levels},
            rules: Object.fromEntries(rules.map((rule) => [rule, {enabled: true}])),
            resultTypes: ["violations"], elementRef: false,
            iframes: false,  // a frame without scripts never answers; its page is a door of its own
        }).then((results) => results.violations)""",
        [list(LEVELS), list(ASKED_FOR)],
    )
    return [
        f"axe {one['id']}: {one['help']}: "
        + " | ".join(f"{node['html'][:110]} ({_why(node)})" for node in one["nodes"][:3])
        + (f" and {len(one['nodes']) - 3} more" if len(one["nodes"]) > 3 else "")
        for one in found
    ]


def _why(node: dict[str, Any]) -> str:
    checks = [*node["any"], *node["all"], *node["none"]]
    return str(checks[0]["message"])[:140] if checks else ""


def untied(page: Page) -> list[str]:
    """What of a refused form is not tied: error to field, field to summary, summary to field.

    The house's names: a field `f-x`, its error `e-x`; the summary is the page's alert. Clicks
    every link of the summary, and stays on the page.
    """
    wrong: list[str] = page.evaluate("""() => {
      const wrong = [], told = [...document.querySelectorAll("[aria-describedby]")];
      const seen = (one) => one && one.checkVisibility();
      const fields = [...document.querySelectorAll("[aria-invalid=true]")];
      if (!fields.length) wrong.push("no field is marked as wrong");
      for (const field of fields) {
        const said = (field.getAttribute("aria-describedby") || "").split(/\\s+/)
          .map((id) => document.getElementById(id)).filter((one) => one && one.id.startsWith("e-"));
        if (!said.some((one) => one.textContent.trim()))
          wrong.push(`${field.name || field.id} is wrong, and nothing tied to it says why`);
        const link = document.querySelector(`[role=alert] a[href="#${CSS.escape(field.id)}"]`) ||
          [...document.querySelectorAll("[role=alert] a[href^='#']")].find((one) => {
            const target = document.getElementById(decodeURIComponent(one.hash.slice(1)));
            return target && target.contains(field);
          });
        if (!seen(link)) wrong.push(`${field.name || field.id} is wrong, and the summary has no link to it`);
      }
      for (const error of document.querySelectorAll("[id^='e-']")) {
        if (error.textContent.trim() && !told.some((one) =>
            one.getAttribute("aria-describedby").split(/\\s+/).includes(error.id)))
          wrong.push(`"${error.textContent.trim()}" belongs to no field`);
      }
      return wrong;
    }""")
    links = page.get_by_role("alert").get_by_role("link")
    for place in range(links.count()):
        link = links.nth(place)
        link.focus()
        link.press("Enter")
        if not page.evaluate(
            """(id) => { const to = document.getElementById(id), at = document.activeElement;
                 return to && at && to.contains(at); }""",
            (link.get_attribute("href") or "")[1:],
        ):
            wrong.append(
                f"the summary's link {link.inner_text()!r} does not move focus to its field"
            )
    return wrong


def focus(page: Page) -> list[str]:
    """What is wrong with where the keyboard is: nowhere, off the screen, or not to be seen."""
    return list(
        page.evaluate("""() => {
          const at = document.activeElement;
          if (!at || at === document.body || at === document.documentElement)
            return ["focus is lost: it is nowhere on the page"];
          const name = at.outerHTML.slice(0, 90);
          const box = at.getBoundingClientRect(), style = getComputedStyle(at);
          const around = [at, at.closest("label"), at.closest("summary")].filter(Boolean);
          const ring = around.map((one) => getComputedStyle(one)).some((one) =>
            one.outlineStyle !== "none" && parseFloat(one.outlineWidth) >= 1);
          const wrong = [];
          if (!ring && style.boxShadow === "none" && at.id !== "main")
            wrong.push(`focus cannot be seen on ${name}`);
          if (box.bottom <= 0 || box.top >= innerHeight || box.right <= 0 || box.left >= innerWidth)
            wrong.push(`focus is off the screen on ${name}`);
          return wrong;
        }""")
    )


def holds_focus(place: Locator) -> bool:
    """Whether the keyboard is on it."""
    return bool(place.evaluate("(one) => one === document.activeElement"))
