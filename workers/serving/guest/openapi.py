"""Describes a deployed model's scoring route as OpenAPI, from the model's signature."""

SIMPLE = {
    "float": {"type": "number", "format": "float"},
    "double": {"type": "number", "format": "double"},
    "integer": {"type": "integer", "format": "int32"},
    "long": {"type": "integer", "format": "int64"},
    "boolean": {"type": "boolean"},
    "string": {"type": "string"},
    "binary": {"type": "string", "format": "byte"},
    "datetime": {"type": "string", "format": "date-time"},
    "any": {},
}
EXAMPLES = {"number": 0.0, "integer": 0, "boolean": False, "string": ""}


def describe(inputs: list[dict], outputs: list[dict], body: object = None, answer: object = None) -> dict:
    """`inputs` and `outputs` are MLflow schemas, `body` and `answer` samples; without any, any JSON is described."""
    content = _content(inputs) if body is None else {"schema": of_sample(body), "example": body}
    answered = _rows(outputs) if answer is None else of_sample(answer)
    operation = {
        "summary": "Score",
        "operationId": "score",
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {
            "200": {"description": "Predictions", "content": {"application/json": {"schema": answered}}},
            "400": {"description": "Wrong input, with the field that is wrong", "content": _error()},
            "401": {"description": "Missing or wrong key", "content": _error()},
            "429": {"description": "Too many requests at a time", "content": _error()},
        },
        "security": [{"key": []}],
    }
    return {
        "openapi": "3.0.3",
        "info": {"title": "Scoring", "version": "1"},
        "paths": {"/score": {"post": operation}},
        "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
    }


def of_sample(value: object) -> dict:
    """The schema of values like a plain one."""
    if isinstance(value, dict):
        properties = {name: of_sample(item) for name, item in value.items()}
        return {"type": "object", "required": list(value), "properties": properties}
    if isinstance(value, list):
        return {"type": "array", "items": of_sample(value[0]) if value else {}}
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string"}
    return {"type": kinds[type(value)]} if type(value) in kinds else {}


def _error() -> dict:
    text = {"type": "string"}
    error = {"type": "object", "properties": {"code": text, "message": text, "target": {**text, "nullable": True}}}
    return {"application/json": {"schema": {"type": "object", "properties": {"error": error}}}}


def _content(inputs: list[dict]) -> dict:
    if not inputs:
        return {"schema": {}}
    if inputs[0]["type"] == "tensor":
        data = _rows(inputs)
    else:
        names = [item["name"] for item in inputs if item.get("name") is not None]
        data = {
            "type": "object",
            "required": ["columns", "data"],
            "properties": {
                "columns": {"type": "array", "items": {"type": "string", **({"enum": names} if names else {})}},
                "index": {"type": "array", "items": {}},
                "data": {"type": "array", "items": {"type": "array", "items": {}}},
            },
        }
    schema = {"type": "object", "required": ["input_data"], "properties": {"input_data": data}}
    return {"schema": schema, "example": example(inputs)}


def example(inputs: list[dict]) -> dict:
    """A body that the signature accepts."""
    if not inputs:
        return {"input_data": []}
    if inputs[0]["type"] == "tensor":
        values = {item.get("name"): _zeros(item["tensor-spec"]) for item in inputs}
        return {"input_data": values.get(None, values)}
    row = [_example_of(_property(item)) for item in inputs]
    if inputs[0].get("name") is None:
        return {"input_data": [row]}
    return {"input_data": {"columns": [item["name"] for item in inputs], "index": [0], "data": [row]}}


def _zeros(spec: dict):
    value = _example_of(_dtype(spec["dtype"]))
    for size in reversed(spec["shape"]):
        value = [value] * max(size, 1)
    return value


def _example_of(schema: dict):
    if schema.get("format") == "date-time":
        return "2026-01-01T00:00:00"
    if schema.get("type") == "array":
        return [_example_of(schema["items"])]
    if schema.get("type") == "object":
        return {name: _example_of(item) for name, item in schema.get("properties", {}).items()}
    return EXAMPLES.get(schema.get("type"))


def _rows(schema: list[dict]) -> dict:
    if not schema:
        return {}
    if schema[0]["type"] == "tensor":
        tensors = {item.get("name"): _tensor(item["tensor-spec"]) for item in schema}
        return tensors.get(None, {"type": "object", "properties": tensors})
    named = {item["name"]: _property(item) for item in schema if item.get("name") is not None}
    row = {"type": "object", "properties": named} if named else _property(schema[0])
    return {"type": "array", "items": row}


def _tensor(spec: dict) -> dict:
    found = _dtype(spec["dtype"])
    for size in reversed(spec["shape"]):
        found = {"type": "array", "items": found, **({"minItems": size, "maxItems": size} if size >= 0 else {})}
    return found


def _dtype(dtype: str) -> dict:
    if dtype.startswith("float"):
        return {"type": "number"}
    if dtype.startswith(("int", "uint")):
        return {"type": "integer"}
    return {"type": "boolean"} if dtype == "bool" else {"type": "string"}


def _property(item: dict) -> dict:
    kind = item["type"]
    if kind == "array":
        return {"type": "array", "items": _property(item["items"])}
    if kind == "map":
        return {"type": "object", "additionalProperties": _property(item["values"])}
    if kind == "object":
        return {"type": "object", "properties": {name: _property(spec) for name, spec in item["properties"].items()}}
    return dict(SIMPLE.get(kind, {}))
