"""Takes out of records what nobody else may read: secrets in a job's environment, passwords in addresses."""

import json
import re
from typing import Any

HIDDEN = "***"
_SECRET_NAME = re.compile(r"token|secret|passw|pwd|credential|private|(api|access|account|auth|encryption)_?key", re.I)
_PASSWORD = re.compile(r"(://)[^/@\s\"':\\]+:[^/@\s\"'\\]+@")
# A shorter value would be found everywhere.
_LEAST = 6


def without_passwords(record: Any) -> Any:
    """The same with `https://user:password@host` as `https://host`, wherever it stands."""
    match record:
        case str():
            return _PASSWORD.sub(r"\1", record) if "@" in record else record
        case list():
            return [without_passwords(item) for item in record]
        case dict():
            return {key: without_passwords(value) for key, value in record.items()}
    return record


def without_secrets(job: dict[str, Any]) -> dict[str, Any]:
    """A job whose environment variables of a telling name are hidden, in its specification and its file."""
    spec = job.get("spec") or {}
    variables = spec.get("environment_variables") or {}
    secret = {name: str(value) for name, value in variables.items() if _SECRET_NAME.search(name)}
    if not secret:
        return job
    text = json.dumps(job, ensure_ascii=False)
    for value in sorted(secret.values(), key=len, reverse=True):
        if len(value) >= _LEAST:
            text = text.replace(json.dumps(value, ensure_ascii=False)[1:-1], HIDDEN)
    found = json.loads(text)
    found["spec"]["environment_variables"] = variables | dict.fromkeys(secret, HIDDEN)
    for name in secret:
        line = re.compile(rf"(?m)^(\s*[\"']?{re.escape(name)}[\"']?\s*:\s*).*$")
        if found.get("source_yaml"):
            found["source_yaml"] = line.sub(rf"\1'{HIDDEN}'", found["source_yaml"])
    return found
