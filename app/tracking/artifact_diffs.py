"""Artifacts of several runs side by side: which paths they share, and how text and tables differ from a base."""

import json
from collections import Counter
from collections.abc import Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import SequenceMatcher

from app.jobs import previews
from app.jobs.previews import Preview
from app.jobs.tables import Job
from app.tracking import logged_images
from app.tracking.artifacts import run_key

MOST_PATHS = 500
MOST_LINES = 2000
WRITTEN = ("text", "markdown", "table")


@dataclass(frozen=True)
class Change:
    """A line of text, or a row of a table. `mark` is same, gone (only in the base), new or skipped.

    `base` and `other` are its numbers on either side, from 1; of what is skipped they are those of the next line.
    """

    mark: str
    base: int | None
    other: int | None
    line: Hashable = ""


def shared_paths(runs: Sequence[Job]) -> list[tuple[str, int]]:
    """Paths of files with how many of the runs have them: those that most have first, then by name."""
    found: Counter[str] = Counter()
    for job in runs:
        found.update(entry.path for entry in previews.files_below(run_key(job)))
    paths = [(path, count) for path, count in found.items() if not logged_images.is_logged(path)]
    return sorted(paths, key=lambda pair: (-pair[1], pair[0]))[:MOST_PATHS]


def versions(runs: Sequence[Job], path: str) -> list[Preview | None]:
    """What each run has at a path; None where it has nothing."""
    return [previews.find(run_key(job), path) for job in runs]


def lines(shown: Preview) -> list[Hashable]:
    """What is compared: the rows of a table, the lines of a text; of JSON its members, whatever their order was."""
    if shown.kind == "table":
        return [tuple(shown.columns), *(tuple(row) for row in shown.rows)]
    text = shown.text
    if previews.suffix_of(shown.path) == "json" and not shown.is_cut:
        with suppress(ValueError):
            text = json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False)
    return text.splitlines()[:MOST_LINES]


def changes(base: Sequence[Hashable], other: Sequence[Hashable]) -> list[Change]:
    """What was taken from the base and what was added, with three lines around; empty when they are the same."""
    found: list[Change] = []
    end = 0
    for group in SequenceMatcher(None, base, other).get_grouped_opcodes(3):
        if group[0][1] > end:
            found.append(Change("skipped", group[0][1] + 1, group[0][3] + 1))
        for tag, base_start, base_end, other_start, other_end in group:
            if tag == "equal":
                found += [
                    Change("same", base_start + at + 1, other_start + at + 1, base[base_start + at])
                    for at in range(base_end - base_start)
                ]
                continue
            found += [Change("gone", at + 1, None, base[at]) for at in range(base_start, base_end)]
            found += [Change("new", None, at + 1, other[at]) for at in range(other_start, other_end)]
        end = group[-1][2]
    return found
