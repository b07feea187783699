"""HTML for Matrix (the tags its specification allows) and for e-mail (styles in line, nothing
loaded from anywhere)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from gateway.channels.render_parse import Node, parse, target, visible

_MATRIX_STYLES: Mapping[str, str] = {}
_EMAIL_STYLES: Mapping[str, str] = {
    "pre": "background:#f4f4f4;padding:8px;white-space:pre-wrap;font-family:monospace",
    "code": "font-family:monospace;background:#f4f4f4",
    "blockquote": "margin:0 0 0 8px;padding-left:8px;border-left:3px solid #ccc;color:#555",
    "table": "border-collapse:collapse",
    "th": "border:1px solid #ccc;padding:4px 8px",
    "td": "border:1px solid #ccc;padding:4px 8px",
}
_TAGS = {
    "paragraph": "p",
    "blockquote": "blockquote",
    "bullet_list": "ul",
    "list_item": "li",
    "thead": "thead",
    "tbody": "tbody",
    "tr": "tr",
    "table": "table",
    "strong": "strong",
    "em": "em",
    "s": "del",
}


def matrix(markdown: str) -> str:
    return _Html(_MATRIX_STYLES).all(parse(markdown))


def email(markdown: str) -> str:
    body = _Html(_EMAIL_STYLES).all(parse(markdown))
    return f'<div style="font-family:sans-serif;line-height:1.4">{body}</div>'


class _Html:
    """styles: tag -> what its style attribute says."""

    def __init__(self, styles: Mapping[str, str]) -> None:
        self._styles = styles

    def all(self, nodes: Sequence[Node], linked: bool = False) -> str:
        return "".join([self.one(node, linked) for node in nodes])

    def one(self, node: Node, linked: bool) -> str:
        kind, token = node.kind, node.token
        if kind == "text":
            return escape(token.content, quote=False)
        if kind == "inline" or (kind == "paragraph" and token.hidden):
            return self.all(node.children, linked) + ("\n" if kind == "paragraph" else "")
        if kind in ("softbreak", "hardbreak", "hr"):  # in a chat a line ends where it was ended
            return "<hr>" if kind == "hr" else "<br>"
        if kind in ("fence", "code_block"):
            return self._pre(token.content, token.info)
        if kind == "code_inline":
            return self._tag("code", escape(token.content, quote=False))
        if kind in ("link", "image"):
            return self._link(node, linked)
        if kind == "heading":
            return self._tag(token.tag, self.all(node.children))
        if kind == "ordered_list":
            start = token.attrs.get("start")
            more = f' start="{start}"' if start is not None else ""
            return self._tag("ol", self.all(node.children), more)
        if kind in ("th", "td"):
            return self._cell(node)
        return self._tag(_TAGS[kind], self.all(node.children, linked))

    def _tag(self, tag: str, inner: str, more: str = "", style: str = "") -> str:
        styles = ";".join(filter(None, (self._styles.get(tag, ""), style)))
        styled = f' style="{styles}"' if styles else ""
        return f"<{tag}{more}{styled}>{inner}</{tag}>"

    def _pre(self, content: str, info: str) -> str:
        language = info.split(maxsplit=1)[:1]
        more = f' class="language-{escape(language[0])}"' if language else ""
        code = escape(content, quote=False)
        return self._tag("pre", f"<code{more}>{code}</code>")

    def _cell(self, node: Node) -> str:
        side = str(node.token.attrs.get("style", "")) if self._styles else ""
        return self._tag(node.kind, self.all(node.children), style=side)

    def _link(self, node: Node, linked: bool) -> str:
        """Pictures become links; an address that cannot be a link is written behind the words."""
        image = node.kind == "image"
        href = str(node.token.attrs.get("src" if image else "href", ""))
        address = "" if linked else target(href)
        if image:
            words, inner = node.token.content, escape(node.token.content, quote=False)
        else:
            words = visible(node.children)
            inner = self.all(node.children, linked or bool(address))
        if not words.strip():
            words, inner = href, escape(href, quote=False)
        if address:
            return f'<a href="{escape(address)}">{inner}</a>'
        return inner if href in ("", words) else f"{inner} ({escape(href, quote=False)})"
