"""Brings the questions, review queues, issues, scorers and evaluation datasets of a bundle."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

Record = dict[str, Any]


class ReviewImport:
    """`post(kind, id, path, record)` answers None where the server refuses it; `experiments` are its ids by number."""

    def __init__(
        self,
        experiments: dict[str, str],
        post: Callable[..., Record | None],
        here: Callable[[str, str, Record], bool],
        count: Callable[[str, Record], None],
    ) -> None:
        self._experiments, self._post, self._here, self._count = experiments, post, here, count
        self._ids: dict[str, str] = {}

    def steps(self) -> list[tuple[str, str, Callable[[Record], None]]]:
        return [
            ("questions", "label-schemas.jsonl", self._question),
            ("review queues", "review-queues.jsonl", self._queue),
            ("traces in review queues", "review-items.jsonl", self._items),
            ("issues", "issues.jsonl", self._issue),
            ("scorers", "scorers.jsonl", self._scorer),
            ("evaluation datasets", "evaluation-datasets.jsonl", self._dataset),
            ("evaluation records", "evaluation-records.jsonl", self._records),
        ]

    def _bring(self, kind: str, id: str, path: str, record: Record) -> None:
        """Its id at the server is remembered, as others name it."""
        answer = self._post(kind, id, path, record)
        if answer is not None:
            self._ids[id] = answer["id"]
            self._count(kind, answer)

    def _question(self, record: Record) -> None:
        if self._here("question", record["schema_id"], record):
            self._bring("question", record["schema_id"], "label-schemas", record)

    def _queue(self, record: Record) -> None:
        if self._here("review queue", record["queue_id"], record):
            record["schema_ids"] = [self._ids.get(id, id) for id in record["schema_ids"]]
            self._bring("review queue", record["queue_id"], "review-queues", record)

    def _items(self, record: Record) -> None:
        id = record.pop("queue_id")
        if id in self._ids:
            self._post("review queue", id, f"review-queues/{quote(self._ids[id])}/items", record)

    def _issue(self, record: Record) -> None:
        if self._here("issue", record["issue_id"], record):
            self._bring("issue", record["issue_id"], "issues", record)

    def _scorer(self, record: Record) -> None:
        if self._here("scorer", record["name"], record):
            self._bring("scorer", record["name"], "scorers", record)

    def _dataset(self, record: Record) -> None:
        numbers = record["experiment_ids"]
        record["experiment_ids"] = [self._experiments[number] for number in numbers if number in self._experiments]
        self._bring("evaluation dataset", record["dataset_id"], "evaluation-datasets", record)

    def _records(self, record: Record) -> None:
        id = record.pop("dataset_id")
        if id in self._ids:
            self._post("evaluation dataset", id, f"evaluation-datasets/{quote(self._ids[id])}/records", record)
