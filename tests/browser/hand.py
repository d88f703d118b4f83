"""A person at a page, counted: what she does, and how long somebody practised would take.

The time is the keystroke-level model (Card, Moran, Newell 1980): 0.28 s a key, 1.1 s to point, 0.2 s
for a press of the button, 0.4 s to move the hand between keys and mouse, 1.35 s to make up her mind
before each field or button, in which she finds it and reads what it is called. Reading is 238
words a minute (Brysbaert 2019): of each page that opens, the headings to be seen without scrolling;
of what has to be read whole, all words. What the shop itself takes is
measured apart (`waited`): it is the machine's, not hers. A field that the page or the browser has
filled costs nothing; no suggestion of a browser is counted on.
"""

from __future__ import annotations

import contextlib
import re
import time
from dataclasses import dataclass, field
from re import Pattern

from playwright.sync_api import Error, Locator, Page

KEY, POINT, PRESS, HOME, MIND = 0.28, 1.1, 0.2, 0.4, 1.35  # seconds
WORDS_A_SECOND = 238 / 60


_SEEN_FIRST = """() => [...document.querySelectorAll("main :is(h1, h2, h3)")]
  .filter((one) => { const box = one.getBoundingClientRect();
    return one.checkVisibility() && box.top < innerHeight && box.bottom > 0; })
  .map((one) => one.innerText.split(/\\s+/).filter(Boolean).length)
  .reduce((sum, each) => sum + each, 0)"""


@dataclass
class Hand:
    """Whoever uses `page`. An interaction is a click, a field typed into, a choice, a key that acts."""

    page: Page
    interactions: int = 0
    seconds: float = 0.0  # hers
    waited: float = 0.0  # for the shop
    on_keys: bool = False
    last: str = ""
    done: list[str] = field(default_factory=list)

    def click(self, what: Locator) -> None:
        """A button, a link or a box."""
        self._acts(f"click {_name(what)}", MIND + POINT + PRESS + self._to(keys=False))
        self._waits(what.click)
        self._looks()

    def type(self, what: Locator, text: str) -> None:
        """Into a field; the mouse finds the first of a form, Tab the next ones."""
        reach = KEY if self.on_keys else POINT + PRESS
        self._acts(f"type {_name(what)}", MIND + reach + self._to(keys=True) + KEY * len(text))
        what.fill(text)

    def choose(self, what: Locator, option: str | Pattern[str]) -> None:
        """From a list that drops down, by its first letters."""
        self._acts(f"choose {_name(what)}", MIND + KEY * 4 + self._to(keys=True))
        if isinstance(option, str):
            what.select_option(option)
        else:
            texts = what.locator("option").all_inner_texts()
            what.select_option(label=next(text for text in texts if option.search(text)))

    def tick(self, what: Locator) -> None:
        """A box or one of several, unless it is ticked."""
        if not what.is_checked():
            self._acts(f"tick {_name(what)}", MIND + POINT + PRESS + self._to(keys=False))
            what.check()

    def scan(self, what: Locator, code: str) -> None:
        """With a scanner, which types and presses Enter: one act, to aim and pull."""
        self._acts(f"scan {_name(what)}", MIND + POINT + PRESS + self._to(keys=False))
        what.press_sequentially(code)
        self._waits(lambda: what.press("Enter"))
        self._looks()

    def press(self, key: str) -> None:
        """A key that acts, such as Enter."""
        self._acts(f"press {key}", MIND + KEY + self._to(keys=True))
        self._waits(lambda: self.page.keyboard.press(key))
        self._looks()

    def reads(self, what: Locator) -> None:
        """All words of it."""
        self.seconds += len(re.findall(r"\w+", what.inner_text())) / WORDS_A_SECOND

    def goes(self, address: str) -> None:
        """To where the story begins: counted as reading only."""
        self._waits(lambda: self.page.goto(address))
        self._looks()

    def _acts(self, what: str, seconds: float) -> None:
        self.interactions += 1
        self.seconds += seconds
        self.done.append(what)

    def _to(self, *, keys: bool) -> float:
        moved, self.on_keys = self.on_keys != keys, keys
        return HOME if moved else 0.0

    def _waits(self, act: object) -> None:
        began = time.monotonic()
        act()  # type: ignore[operator]
        self.page.wait_for_load_state("load")
        self.waited += time.monotonic() - began

    def _looks(self) -> None:
        """What is seen first of a page that has opened."""
        self.page.wait_for_timeout(30)  # a link that was followed has begun to lead somewhere
        self.page.wait_for_load_state("load")
        with contextlib.suppress(Error):  # it leads on at once: the next look counts
            seen: int = self.page.evaluate(_SEEN_FIRST)
            if self.page.url != self.last:
                self.seconds += seen / WORDS_A_SECOND
            self.last = self.page.url


def _name(what: Locator) -> str:
    return re.sub(r"\s+", " ", str(what)).partition("selector=")[2][:80]
