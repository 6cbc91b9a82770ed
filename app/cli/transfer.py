"""`atelier import` and `atelier export`: bring here what was made elsewhere, and take it there."""

import argparse

from app.cli import bundles, mlflow_import, nouns


def register(commands: argparse._SubParsersAction) -> None:
    noun = nouns.Noun(commands, "import", "bring what was made elsewhere")
    mlflow_import.register(noun)
    bundles.register(noun)
    bundles.register_export(commands)
