"""`atelier import`: brings here what was made elsewhere."""

import argparse

from app.cli import mlflow_import, nouns


def register(commands: argparse._SubParsersAction) -> None:
    mlflow_import.register(nouns.Noun(commands, "import", "bring what was made elsewhere"))
