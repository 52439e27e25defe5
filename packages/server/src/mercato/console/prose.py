"""Vendors' Markdown as HTML that can do nothing: no images, no scripts, links that lead away say so."""

from dataclasses import dataclass

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
_TAGS = {
    "p", "br", "strong", "em", "code", "pre", "ul", "ol", "li", "blockquote", "h3", "h4", "h5", "h6", "a", "hr",
    "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
_LONGEST = 50_000


@dataclass(frozen=True, slots=True)
class Prose:
    """Cleaned HTML; empty where there was no text."""

    html: Markup


def prose(text: str) -> Prose:
    """What a vendor wrote. Source of the cleaner: ammonia, which `nh3` binds."""
    if not text.strip():
        return Prose(Markup())
    tokens = _MARKDOWN.parse(text[:_LONGEST])
    headings = [token for token in tokens if token.type in ("heading_open", "heading_close")]
    highest = min((int(token.tag[1]) for token in headings), default=1)
    for token in headings:
        # The page has headings of its own above these.
        token.tag = f"h{min(6, int(token.tag[1]) - highest + 3)}"
    cleaned = nh3.clean(
        _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}),
        tags=_TAGS,
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow ugc noopener",
    )
    return Prose(Markup(cleaned))  # noqa: S704  (cleaned on the line above)
