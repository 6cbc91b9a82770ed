"""Environments are built once, whole, and fail with the package that is to blame."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from zipfile import ZipFile

import pytest

from app.environments import builder, uv
from app.environments.errors import EnvironmentBuildFailed
from app.environments.specification import EnvironmentSpec


@pytest.fixture
def wheels(tmp_path) -> Path:
    """An index of one package, so that no test needs a network."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    with ZipFile(folder / "atelier_probe-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("atelier_probe.py", "ANSWER = 42\n")
        wheel.writestr(
            "atelier_probe-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: atelier-probe\nVersion: 1.0\n"
        )
        wheel.writestr(
            "atelier_probe-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("atelier_probe-1.0.dist-info/RECORD", "")
    return folder


def spec(wheels: Path, *requirements: str, python: str | None = None) -> EnvironmentSpec:
    return EnvironmentSpec("probe", requirements, ("--no-index", "--find-links", str(wheels)), python)


def test_what_is_built_can_be_imported_and_is_found_again(wheels, tmp_path):
    lines: list[str] = []
    python = builder.build(spec(wheels, "atelier-probe"), tmp_path / "root", lines.append)
    said = subprocess.run(
        [python, "-c", "import atelier_probe as p; print(p.ANSWER)"], capture_output=True, text=True, check=True
    )
    assert said.stdout == "42\n"
    assert any("atelier-probe==1.0" in line for line in lines)
    again: list[str] = []
    assert builder.build(spec(wheels, "atelier-probe"), tmp_path / "root", again.append) == python
    assert again == []


def test_builders_at_the_same_time_build_once(wheels, tmp_path):
    lines: list[str] = []
    with ThreadPoolExecutor(3) as pool:
        built = {
            *pool.map(lambda _: builder.build(spec(wheels, "atelier-probe"), tmp_path / "root", lines.append), range(3))
        }
    assert len(built) == 1
    assert len([line for line in lines if line.startswith("Building")]) == 1


@pytest.mark.parametrize("wanted", ["no-such-package-here", "atelier-probe==9"])
def test_a_failure_names_the_package_and_leaves_nothing(wheels, tmp_path, wanted):
    with pytest.raises(EnvironmentBuildFailed) as caught:
        builder.build(spec(wheels, wanted), tmp_path / "root", lambda line: None)
    assert caught.value.target == wanted.split("=")[0]
    assert wanted.split("=")[0] in caught.value.message
    assert [path for path in (tmp_path / "root").iterdir() if path.is_dir()] == []


def test_a_python_that_is_not_here_is_replaced_with_a_note(wheels, tmp_path):
    lines: list[str] = []
    builder.build(spec(wheels, python="3.4"), tmp_path / "root", lines.append)
    assert any("3.4" in line for line in lines)


def test_indexes_come_from_the_configuration_of_pip(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    options = uv.index_options(("torch==2.13.0",))
    assert options[:2] == ["--find-links", str(tmp_path)]
    assert options[-2:] == ["--torch-backend", "auto"]
    (tmp_path / "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl").touch()
    assert "--torch-backend" not in uv.index_options(("torch==2.13.0",))
    assert "--torch-backend" not in uv.index_options(("torchinfo",))
