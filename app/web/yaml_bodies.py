"""Bodies that are a YAML file: the text itself, the same fields as JSON, or `{yaml, uploads}`."""

import json
from typing import Any

from fastapi import Request
from pydantic import BaseModel

from app.errors import Invalid


async def yaml_body_of(request: Request) -> dict[str, Any]:
    """The body in any of its forms as `{"yaml": text, …}`; raises Invalid for one that is no JSON."""
    text = (await request.body()).decode(errors="replace")
    if "yaml" in request.headers.get("content-type", ""):
        return {"yaml": text}
    try:
        body = json.loads(text)
    except ValueError as error:
        raise Invalid(
            f"The body is no JSON: {error}. Send YAML as Content-Type: application/yaml.", target="body"
        ) from error
    return body if isinstance(body, dict) and isinstance(body.get("yaml"), str) else {"yaml": text}


def yaml_body(what: str, model: type[BaseModel]) -> dict[str, Any]:
    """How such a body is described in /openapi.json; `model` has the fields `yaml` and `uploads`."""
    return {
        "requestBody": {
            "required": True,
            "description": f"{what} as YAML, the same fields as JSON, or `{{yaml, uploads}}`.",
            "content": {
                "application/json": {"schema": {"anyOf": [model.model_json_schema(), {"type": "object"}]}},
                "application/yaml": {"schema": {"type": "string"}},
            },
        }
    }
