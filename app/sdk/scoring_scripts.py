"""Looks at a scoring script before it is deployed, so that a slip is told at once."""

import ast
from pathlib import Path
from typing import Any

from app.sdk import files
from app.sdk.errors import BadFile

NEEDED = ("init", "run")


def check(definition: dict[str, Any], folder: Path) -> None:
    """Raises BadFile for a script on this machine that is missing, is no Python or lacks `init` or `run`."""
    code = definition.get("code_configuration")
    if not isinstance(code, dict) or not files.is_local(code.get("code")) or not code.get("scoring_script"):
        return
    script = files.local_path(code["code"], folder) / str(code["scoring_script"])
    try:
        tree = ast.parse(files.read_text(script), str(script))
    except SyntaxError as error:
        raise BadFile(
            f"{script}, line {error.lineno}: {error.msg}. --skip-script-validation deploys it as it is.",
            target="code_configuration.scoring_script",
        ) from error
    bound = {name for node in ast.walk(tree) for name in _bound(node)}
    if "*" not in bound and (missing := [name for name in NEEDED if name not in bound]):
        raise BadFile(
            f"{script}: it defines no {' and no '.join(missing)}. --skip-script-validation deploys it as it is.",
            target="code_configuration.scoring_script",
        )


def _bound(node: ast.AST) -> list[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return [node.name]
        case ast.ImportFrom() | ast.Import():
            return [alias.asname or alias.name for alias in node.names]
        case ast.Name(ctx=ast.Store()):
            return [node.id]
    return []
