from dataclasses import dataclass


@dataclass(frozen=True)
class StageChanged:
    """An experiment was deleted or restored, within the transaction that says so; its runs follow it."""

    experiment_id: int
    stage: str
