from dataclasses import dataclass


@dataclass(frozen=True)
class Acted:
    """Somebody did an audited action. `before` and `after` hold the values that changed."""

    workspace_id: int | None
    actor: str
    credential: str
    action: str
    target_type: str | None
    target_name: str | None
    before: dict | None
    after: dict | None
    request_id: str | None
    address: str | None
