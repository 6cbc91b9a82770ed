"""Alert rules as they look over REST and in the form."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from app.alerts.tables import AlertRule
from app.notifications.schemas import shown_target


class RuleCreate(BaseModel):
    """`experiment`, `run` and `endpoint` are names; `webhook_secret` is never shown again."""

    model_config = ConfigDict(extra="forbid")

    name: str
    on: str
    experiment: str | None = None
    run: str | None = None
    endpoint: str | None = None
    filter: str = ""
    metric: str | None = None
    aggregate: str = "last"
    operator: str = ">"
    threshold: float | None = Field(None, allow_inf_nan=False)
    count: int = 1
    minutes: int | None = None
    emails: list[str] = Field(default_factory=list)
    webhook_url: str | None = None
    webhook_secret: str | None = None
    muted: bool = False


class RuleChange(RuleCreate):
    """What is left out stays."""

    name: str = ""
    on: str = ""


class RuleRead(BaseModel):
    id: int
    name: str
    on: str
    experiment: str | None
    run: str | None
    endpoint: str | None
    filter: str
    metric: str | None
    aggregate: str
    operator: str
    threshold: float | None
    count: int
    minutes: int | None
    emails: list[str]
    webhook_url: str | None
    signed: bool
    muted: bool
    created_by: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, rule: AlertRule, *, may_write: bool) -> "RuleRead":
        other = {
            "experiment": rule.experiment.name if rule.experiment else None,
            "run": rule.job.name if rule.job else None,
            "endpoint": rule.endpoint_name,
            "signed": rule.webhook_secret is not None,
            "webhook_url": shown_target(rule.webhook_url, may_write) if rule.webhook_url else None,
        }
        same = {name: getattr(rule, name) for name in cls.model_fields if name not in other}
        return cls(**same, **other)
