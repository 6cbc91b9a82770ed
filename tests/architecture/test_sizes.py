"""Size budgets. They only ever go down."""

import ast
from pathlib import Path

from app.settings import PROJECT

FILE_MOST, FILE_P90 = 500, 300
FUNCTION_MOST, FUNCTION_P90 = 60, 30
ELEMENT_MOST = 300


def _sources() -> list[Path]:
    return [path for folder in ("app", "workers") for path in sorted(Path(PROJECT, folder).rglob("*.py"))]


def _functions(path: Path) -> list[tuple[int, str]]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kinds)]
    return [(node.end_lineno - node.lineno + 1, f"{path.relative_to(PROJECT)}::{node.name}") for node in found]


def _p90(sizes: list[int]) -> int:
    return sorted(sizes)[int(len(sizes) * 0.9)]


def test_files_stay_small():
    sizes = {str(path.relative_to(PROJECT)): len(path.read_text().splitlines()) for path in _sources()}
    assert {name: size for name, size in sizes.items() if size > FILE_MOST} == {}
    assert _p90(list(sizes.values())) <= FILE_P90


def test_functions_stay_small():
    found = [item for path in _sources() for item in _functions(path)]
    assert [item for item in found if item[0] > FUNCTION_MOST] == []
    assert _p90([size for size, _ in found]) <= FUNCTION_P90


def test_browser_elements_stay_small():
    elements = Path(PROJECT, "static/elements").glob("*.js")
    assert [path.name for path in elements if len(path.read_text().splitlines()) > ELEMENT_MOST] == []
