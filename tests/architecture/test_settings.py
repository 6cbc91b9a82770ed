"""An undocumented setting fails the build."""

from pathlib import Path

from app.settings import PROJECT, Settings


def test_every_setting_is_documented():
    text = Path(PROJECT, "docs/settings.md").read_text()
    assert [name for name in Settings.model_fields if f"`ATELIER_{name.upper()}`" not in text] == []
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
