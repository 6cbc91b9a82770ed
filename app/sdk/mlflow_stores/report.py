"""What came, what was here, and what could not come and why."""

from collections import Counter, defaultdict

from app.sdk.mlflow_stores.records import Record

KINDS = (
    "experiment", "run", "logged model", "trace", "question", "review queue", "issue", "scorer",
    "evaluation dataset", "registered model", "model version",
)  # fmt: skip
# Ids that a reason is shown with.
_SHOWN = 3


class Report:
    """A record counts once: as new, as here already, or as lacking something."""

    def __init__(self) -> None:
        self.new: Counter[str] = Counter()
        self.here: Counter[str] = Counter()
        self.points = 0
        self.files = 0
        self.bytes = 0
        self._why: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)

    def note(self, kind: str, record_id: str, why: str) -> None:
        self._why[kind, why.rstrip(".")][record_id] = None

    @property
    def is_whole(self) -> bool:
        return not self._why

    def as_json(self) -> Record:
        return {
            "records": [
                {"kind": kind, "new": self.new[kind], "here_already": self.here[kind], "not_whole": self._lacking(kind)}
                for kind in KINDS
            ],
            "metric_points": self.points,
            "files": self.files,
            "bytes": self.bytes,
            "not_come": [
                {"kind": kind, "why": why, "count": len(ids), "ids": list(ids)}
                for (kind, why), ids in sorted(self._why.items())
            ],
        }

    def _lacking(self, kind: str) -> int:
        return len({one for (of_kind, _), ids in self._why.items() if of_kind == kind for one in ids})

    def reasons(self) -> list[str]:
        """A line for each reason, with the first ids."""
        lines = []
        for (kind, why), ids in sorted(self._why.items()):
            first = ", ".join(list(ids)[:_SHOWN]) + (", …" if len(ids) > _SHOWN else "")
            lines.append(f"{len(ids)} × {kind} ({first}): {why}")
        return lines
