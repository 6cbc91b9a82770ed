"""Code that calls an endpoint, which runs as it is pasted."""

import json
from typing import Any

from app.endpoints.bodies import laid_out

LONGEST = 6000
KEY, TOKEN = "ENDPOINT_KEY", "ATELIER_TOKEN"
_FILE = "request.json"


def calls(uri: str, body: dict, auth_mode: str, key: str | None) -> list[tuple[str, str]]:
    """Titles and code. Without a key the code reads it from the environment; a long body lies in request.json."""
    variable = KEY if auth_mode == "key" else TOKEN
    text = laid_out(body)
    if len(text) > LONGEST:
        data, literal = f"@{_FILE}", f'json.load(open("{_FILE}"))'
        parsed = f'JSON.parse(await (await import("node:fs/promises")).readFile("{_FILE}"))'
    else:
        data, literal, parsed = "'" + text.replace("'", "'\\''") + "'", _literal(body, text), text
    return [
        ("curl", _curl(uri, data, key or f"${variable}")),
        ("Python", _python(uri, literal, variable, key)),
        ("JavaScript", _javascript(uri, parsed, variable, key)),
    ]


def _curl(uri: str, data: str, bearer: str) -> str:
    return (
        f'curl {uri} \\\n  -H "Authorization: Bearer {bearer}" \\\n'
        f'  -H "Content-Type: application/json" \\\n  --data {data}'
    )


def _literal(body: dict, text: str) -> str:
    """JSON is Python as well, but for true, false and null."""
    if not _has_other_words(body):
        return text
    return f"json.loads(r'''\n{text}\n''')" if "'''" not in text else f"json.loads({json.dumps(json.dumps(body))})"


def _has_other_words(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(_has_other_words, value.values() if isinstance(value, dict) else value))
    return value is None or isinstance(value, bool)


def _python(uri: str, body: str, variable: str, key: str | None) -> str:
    held = json.dumps(key) if key else f'os.environ["{variable}"]'
    needed = ["json"] * body.startswith("json.") + ["os"] * (not key)
    imports = "".join(f"import {name}\n" for name in needed) + "\n" * bool(needed) + "import requests"
    return (
        f"{imports}\n\nkey = {held}\nbody = {body}\n"
        f'answer = requests.post(\n    "{uri}",\n    json=body,\n    headers={{"Authorization": f"Bearer {{key}}"}},\n'
        "    timeout=60,\n)\n"
        "print(answer.status_code, answer.json())"
    )


def _javascript(uri: str, body: str, variable: str, key: str | None) -> str:
    held = json.dumps(key) if key else f"process.env.{variable}"
    return (
        "// Node 18 or newer, as a module: a key has no place in a web page.\n"
        f"const key = {held};\nconst body = {body};\n"
        f'const answer = await fetch("{uri}", {{\n  method: "POST",\n'
        '  headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },\n'
        "  body: JSON.stringify(body),\n});\n"
        "console.log(answer.status, await answer.json());"
    )
