"""Markdown as HTML that holds nothing but what Markdown says: HTML within it is shown as text.

Headings, paragraphs, emphasis, code, lists, quotes, rules, links and tables, as GitHub's dialect writes them
(https://github.github.com/gfm/). Pictures are shown as links, as their files lie elsewhere.
"""

import re
from collections.abc import Iterator
from html import escape

_FENCE = re.compile(r"^ {0,3}(```+|~~~+)\s*([\w+-]*)")
_HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.*?)(?:\s+#+)?\s*$")
_RULE = re.compile(r"^ {0,3}([-*_])(?:\s*\1){2,}\s*$")
_ITEM = re.compile(r"^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$")
_DIVIDER = re.compile(r"^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$")
# What may repeat is bounded, so that no text takes more than a moment.
_LINK = re.compile(r"!?\[([^\[\]]{0,300})\]\(\s*(?:&lt;)?([^)\s]{1,500}?)(?:&gt;)?(?:\s[^)]{0,200})?\)")
_BARE = re.compile(r"(?<![\"=\w])(https?://[^\s<>&]+[\w/])")
_MARKS = (
    (re.compile(r"\*\*(?=\S)(.{1,300}?)(?<=\S)\*\*|(?<!\w)__(?=\S)(.{1,300}?)(?<=\S)__(?!\w)"), "strong"),
    (re.compile(r"(?<![\w*])\*(?=[^\s*])(.{1,300}?)(?<=\S)\*(?!\*)|(?<!\w)_(?=[^\s_])(.{1,300}?)(?<=\S)_(?!\w)"), "em"),
    (re.compile(r"~~(?=\S)(.{1,300}?)(?<=\S)~~"), "del"),
)
_SAFE = re.compile(r"^(https?://|mailto:|#|[\w./-]+$)", re.IGNORECASE)
_DEEPEST = 8


def render(text: str) -> str:
    """HTML of a whole document."""
    return "\n".join(_blocks(text.expandtabs(4).splitlines(), 0))


def _blocks(lines: list[str], depth: int) -> Iterator[str]:
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line.strip():
            at += 1
        elif fence := _FENCE.match(line):
            end = _end_of_fence(lines, at + 1, fence[1])
            yield f"<pre><code>{escape(chr(10).join(lines[at + 1 : end]))}</code></pre>"
            at = end + 1
        elif heading := _HEADING.match(line):
            # The page has its own first heading.
            level = min(len(heading[1]) + 1, 6)
            yield f"<h{level}>{_inline(heading[2])}</h{level}>"
            at += 1
        elif _RULE.match(line):
            yield "<hr>"
            at += 1
        elif line.lstrip().startswith(">") and depth < _DEEPEST:
            end = _while(lines, at, lambda found: found.lstrip().startswith(">"))
            inside = [re.sub(r"^\s*> ?", "", found) for found in lines[at:end]]
            yield f"<blockquote>{''.join(_blocks(inside, depth + 1))}</blockquote>"
            at = end
        elif _ITEM.match(line) and depth < _DEEPEST:
            end, html = _list(lines, at, depth)
            yield html
            at = end
        elif "|" in line and at + 1 < len(lines) and "|" in lines[at + 1] and _DIVIDER.match(lines[at + 1]):
            end = _while(lines, at + 2, lambda found: "|" in found and found.strip() != "")
            yield _table(line, lines[at + 2 : end])
            at = end
        else:
            end = max(at + 1, _while(lines, at, _is_prose))
            yield f"<p>{_inline(chr(10).join(found.strip() for found in lines[at:end]))}</p>"
            at = end


def _while(lines: list[str], at: int, holds) -> int:
    while at < len(lines) and holds(lines[at]):
        at += 1
    return at


def _end_of_fence(lines: list[str], at: int, fence: str) -> int:
    return _while(lines, at, lambda found: not found.strip().startswith(fence))


def _is_prose(line: str) -> bool:
    starts = (_FENCE, _HEADING, _RULE, _ITEM)
    return bool(line.strip()) and not line.lstrip().startswith(">") and not any(start.match(line) for start in starts)


def _list(lines: list[str], at: int, depth: int) -> tuple[int, str]:
    """The list that begins at a line: where it ends, and its HTML. What is indented below an item belongs to it."""
    first = _ITEM.match(lines[at])
    indent, ordered = len(first[1]), first[2][0].isdigit()
    items: list[list[str]] = []
    while at < len(lines):
        line = lines[at]
        item = _ITEM.match(line)
        if item and len(item[1]) <= indent + 1:
            if item[2][0].isdigit() != ordered or len(item[1]) < indent:
                break
            items.append([item[3]])
        elif (
            line.strip()
            and len(line) - len(line.lstrip()) <= indent
            and not (lines[at - 1].strip() and _is_prose(line))
        ):
            break
        else:
            items[-1].append(line[min(indent + 2, len(line) - len(line.lstrip())) :])
        at += 1
    tag = "ol" if ordered else "ul"
    inside = "".join(f"<li>{_item(item, depth)}</li>" for item in items)
    return at, f"<{tag}>{inside}</{tag}>"


def _item(lines: list[str], depth: int) -> str:
    text, rest = lines[0], lines[1:]
    end = _while(rest, 0, _is_prose)
    return _inline("\n".join([text, *(line.strip() for line in rest[:end])])) + "".join(_blocks(rest[end:], depth + 1))


def _table(head: str, rows: list[str]) -> str:
    def cells(line: str, tag: str) -> str:
        parts = re.split(r"(?<!\\)\|", line.strip().strip("|"))
        return "".join(f"<{tag}>{_inline(part.strip().replace(chr(92) + '|', '|'))}</{tag}>" for part in parts)

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    head = f"<thead><tr>{cells(head, 'th')}</tr></thead>"
    return f'<div class="table-frame"><table class="table">{head}<tbody>{body}</tbody></table></div>'


def _inline(text: str) -> str:
    """Code first, as nothing within it means anything."""
    parts = re.split(r"(`{1,3})(.{1,1000}?)\1(?!`)", text, flags=re.DOTALL)
    html = []
    for index in range(0, len(parts), 3):
        html.append(_marked(parts[index]))
        if index + 2 < len(parts):
            html.append(f"<code>{escape(parts[index + 2].strip())}</code>")
    return "".join(html)


def _marked(text: str) -> str:
    links: list[str] = []

    def kept(html: str) -> str:
        links.append(html)
        return f"\0{len(links) - 1}\0"

    def link(found: re.Match) -> str:
        words, address = found.groups()
        if not _SAFE.match(address):
            return words
        return kept(f'<a href="{address}" rel="noreferrer nofollow">') + (words or address) + kept("</a>")

    html = _LINK.sub(link, escape(text.replace("\0", "")))
    html = _BARE.sub(lambda found: kept(f'<a href="{found[1]}" rel="noreferrer nofollow">{found[1]}</a>'), html)
    for pattern, tag in _MARKS:
        html = pattern.sub(lambda found, tag=tag: f"<{tag}>{next(filter(None, found.groups()))}</{tag}>", html)
    html = re.sub(r"(?: {2,}|\\)\n", "<br>", html)
    return re.sub(r"\0(\d+)\0", lambda found: links[int(found[1])], html)
