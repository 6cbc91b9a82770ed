"""Markdown of strangers is shown as what it says, and nothing in it acts."""

import pytest

from app.web.markdown import render


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# A *b*", "<h2>A <em>b</em></h2>"),
        ("a **b** `c<d>` snake_case_name", "<p>a <strong>b</strong> <code>c&lt;d&gt;</code> snake_case_name</p>"),
        ("- a\n- b\n  1. c", "<ul><li>a</li><li>b<ol><li>c</li></ol></li></ul>"),
        ("```python\nx < *y*\n```", "<pre><code>x &lt; *y*</code></pre>"),
        ("> a\n> b", "<blockquote><p>a\nb</p></blockquote>"),
        ("[a](https://x.y/a_b_c)", '<p><a href="https://x.y/a_b_c" rel="noreferrer nofollow">a</a></p>'),
        ("[a](javascript:x)", "<p>a</p>"),
        ('[a](x" onclick="y)', "<p>a</p>"),
        ("<img src=x onerror=y>", "<p>&lt;img src=x onerror=y&gt;</p>"),
        ("one\n\ntwo\n***", "<p>one</p>\n<p>two</p>\n<hr>"),
    ],
)
def test_what_is_written_is_shown(text, html):
    assert render(text) == html


def test_a_table_has_a_head():
    assert "<th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr>" in render(
        "| a | b |\n|---|--:|\n| 1 | 2 |"
    )
