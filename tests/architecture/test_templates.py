"""Underscore means fragment, in templates and addresses alike; and no page holds inline code."""

import re
from pathlib import Path

from fastapi.routing import iter_route_contexts

from app.settings import PROJECT

TEMPLATES = sorted(
    path for path in Path(PROJECT, "templates").rglob("*.html") if path.parent.name not in ("layouts", "macros")
)


def test_pages_extend_a_layout_and_fragments_never_do():
    wrong = [str(path) for path in TEMPLATES if ("{% extends" in path.read_text()) == path.name.startswith("_")]
    assert TEMPLATES and wrong == []


def test_no_template_holds_inline_script_style_or_handlers():
    inline = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>|\sstyle=|\son[a-z]+=\"|hx-on", re.IGNORECASE)
    everything = Path(PROJECT, "templates").rglob("*.html")
    assert [str(path) for path in everything if inline.search(path.read_text())] == []


def test_templates_never_switch_escaping_off():
    everything = Path(PROJECT, "templates").rglob("*.html")
    assert [str(path) for path in everything if re.search(r"\|\s*safe\b|autoescape false", path.read_text())] == []


def test_a_fragment_address_answers_with_a_fragment_template(api):
    sources = {path: path.read_text() for path in Path(PROJECT, "app").rglob("pages*.py")}
    served = set(re.findall(r'"([\w/]+/_[\w]+\.html)"', "".join(sources.values())))
    assert [name for name in served if not Path(PROJECT, "templates", name).is_file()] == []
    addresses = [context.path for context in iter_route_contexts(api.routes) if re.search(r"/_\w+$", context.path)]
    assert addresses
