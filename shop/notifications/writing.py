"""Put a letter into words: one template, read as text and shown as HTML, in the reader's language.

A template is Markdown with a few words of Jinja: the text part is the template as it stands, and
the same template, with its facts escaped, is rendered to HTML and laid out. Nothing else is HTML.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import jinja2
from flask_babel import force_locale, gettext, ngettext
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from shop.clinic.colours import for_the_dark
from shop.notifications.models import Template

WIDTH = 76  # of the text, in characters
LOCALES = {"en": "en_US", "es": "es_US"}
PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")

ACCENT, DARK_ACCENT = "#0E5E5A", "#6FC7BD"  # as in the style sheet, where nobody chose one
STYLES = {
    "paragraph_open": "margin:0 0 18px",
    "link_open": (
        "display:inline-block;padding:13px 26px;border-radius:10px;background:{accent};"
        "color:#FFFFFF;text-decoration:none;font-weight:600"
    ),
}

_templates = jinja2.Environment(
    loader=jinja2.PackageLoader("shop", "templates/letters"),
    autoescape=jinja2.select_autoescape(["html"]),
    undefined=jinja2.StrictUndefined,
    extensions=["jinja2.ext.i18n"],
    keep_trailing_newline=True,
)
_templates.install_gettext_callables(  # type: ignore[attr-defined]
    gettext, ngettext, newstyle=True
)


@dataclass(frozen=True)
class Words:
    """A letter in words: its subject, and the same body in two forms."""

    subject: str
    text: str
    html: str
    language: str


@contextmanager
def speaking(language: str) -> Iterator[str]:
    """Sentences, days and money are this language's inside."""
    known = language if language in LOCALES else "en"
    with force_locale(LOCALES[known]):
        yield known


def write(
    template: Template,
    facts: Mapping[str, str],
    *,
    language: str,
    why: object,
    end_url: str = "",
    accent: str = "",
) -> Words:
    """The letter. `why` says at its foot why it comes; `end_url` ends letters like it.

    `accent` is the clinic's own, #rrggbb.
    """
    colours = {
        "accent": accent or ACCENT,
        "dark_accent": for_the_dark(accent) if accent else DARK_ACCENT,
    }
    with speaking(language) as known:
        source = _templates.get_template(f"{template}.md")
        subject, body = _parts(source.render(facts, button=partial(_plain_link, facts["base_url"])))
        _, marked = _parts(
            source.render(
                {name: _escaped(value) for name, value in facts.items()},
                button=partial(_marked_link, facts["base_url"]),
            )
        )
        foot = [str(why)]
        if end_url:
            foot.append(f"{gettext('Switch off letters like this one')}: {end_url}")
            chosen = f"{facts['base_url']}/account/letters"
            foot.append(f"{gettext('Choose which letters you get')}: {chosen}")
        text = [_wrapped(each) for each in (*body, *foot)]
        text.append(f"{facts['clinic']}\n{facts['base_url']}")
        html = _templates.get_template("_layout.html").render(
            facts,
            subject=subject,
            preheader=body[1],
            body=_markdown.render("\n\n".join(marked), colours),
            **colours,
            why=why,
            end_url=end_url,
            language=known,
        )
    return Words(subject, "\n\n".join(text) + "\n", html, known)


def _parts(rendered: str) -> tuple[str, list[str]]:
    """The subject, and the paragraphs, each one line."""
    subject, _, body = rendered.partition("\n")
    paragraphs = (" ".join(each.split()) for each in re.split(r"\n\s*\n", body))
    return subject.strip(), [each for each in paragraphs if each]


def _wrapped(paragraph: str) -> str:
    """No link and no number is broken."""
    return textwrap.fill(paragraph, WIDTH, break_long_words=False, break_on_hyphens=False)


def _escaped(value: str) -> str:
    """As Markdown, exactly these characters (CommonMark 2.4)."""
    return PUNCTUATION.sub(r"\\\1", value)


def _plain_link(base_url: str, path: str, label: str) -> str:
    return f"{label}: {base_url}{path}"


def _marked_link(base_url: str, path: str, label: str) -> str:
    """Alone in its paragraph, it is the letter's button. A path holds no backslash of its own."""
    return f"[{label}](<{base_url}{path.replace(chr(92), '')}>)"


def _styled(
    renderer: RendererHTML, tokens: Sequence[Token], at: int, options: Any, environment: Any
) -> str:
    token = tokens[at]
    token.attrSet("style", STYLES[token.type].format(**environment))
    if token.type == "link_open":
        token.attrSet("class", "button")
    return renderer.renderToken(tokens, at, options, environment)


def _reader() -> MarkdownIt:
    """Paragraphs, links and emphasis; no HTML, no pictures, no lists out of somebody's name."""
    reader = MarkdownIt("zero", {"html": False}).enable(["link", "escape", "emphasis"])
    for kind in STYLES:
        reader.add_render_rule(kind, _styled)
    return reader


_markdown = _reader()
