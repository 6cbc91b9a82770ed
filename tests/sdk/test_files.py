"""What the client sends: which files are packed, and which paths of a YAML file are uploaded."""

import io
import tarfile

import pytest

from app.sdk import files
from app.sdk.errors import BadFile
from app.sdk.packing import pack


def names(folder) -> list[str]:
    archive = io.BytesIO()
    pack(folder, archive)
    archive.seek(0)
    with tarfile.open(fileobj=archive) as tar:
        assert all(member.isreg() for member in tar)
        return sorted(tar.getnames())


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "src"
    for name in ("train.py", "data/a.csv", "data/b.txt", "deep/er/keep.log", "x.log", ".git/HEAD", "__pycache__/t.pyc"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def test_a_folder_is_packed_without_git_and_caches(folder):
    assert names(folder) == ["src/data/a.csv", "src/data/b.txt", "src/deep/er/keep.log", "src/train.py", "src/x.log"]


@pytest.mark.parametrize(
    ("rules", "left"),
    [
        ("*.log\n", ["data/a.csv", "data/b.txt", "train.py"]),
        ("/x.log\ndata/\n", ["deep/er/keep.log", "train.py"]),
        ("*.log\n!keep.log\n# a comment\n\n", ["data/a.csv", "data/b.txt", "deep/er/keep.log", "train.py"]),
        ("data/*.csv\n**/er\n", ["data/b.txt", "train.py", "x.log"]),
        ("deep/**\n[tx].*\n?????.py\n", ["data/a.csv", "data/b.txt"]),
    ],
)
def test_ignore_files_are_gits(folder, rules, left):
    (folder / ".gitignore").write_text(rules)
    assert [name.removeprefix("src/") for name in names(folder) if not name.endswith("ignore")] == left


def test_amlignore_comes_before_gitignore(folder):
    (folder / ".gitignore").write_text("*.py")
    (folder / ".amlignore").write_text("*.log")
    assert "src/train.py" in names(folder)
    assert "src/x.log" not in names(folder)


def test_a_link_that_leads_out_is_refused_and_one_within_is_followed(folder):
    (folder / "same").symlink_to(folder / "data")
    (folder / "loop").symlink_to(folder)
    assert "src/same/a.csv" in names(folder)
    (folder / "secret").symlink_to("/etc/passwd")
    with pytest.raises(BadFile, match="leads out"):
        names(folder)


def test_one_file_is_packed_alone_and_nothing_is_refused(folder, tmp_path):
    assert names(folder / "train.py") == ["train.py"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadFile, match="no file to upload"):
        names(tmp_path / "empty")
    with pytest.raises(BadFile, match="There is no file"):
        names(tmp_path / "nothing")


def test_local_paths_of_a_job_are_uploaded_relative_to_its_file(folder):
    (folder / "conda.yml").write_text("dependencies: [pip]")
    definition = {
        "code": ".",
        "inputs": {"a": {"path": "data/a.csv"}, "b": {"path": "azureml:x:1"}, "c": 3, "d": {"path": "https://x/y"}},
        "environment": {"conda_file": "conda.yml"},
    }
    sent = []
    uploads = files.job_uploads(definition, folder, lambda path: sent.append(path) or f"azureml://{path.name}")
    assert sent == [folder / ".", folder / "data/a.csv"]
    assert uploads["conda.yml"] == "dependencies: [pip]"
    assert set(uploads) == {".", "data/a.csv", "conda.yml"}


def test_data_and_models_without_a_path_are_told_what_stands_for_it():
    assert files.path_of({"path": "x"}) == "x"
    with pytest.raises(BadFile, match="`local_path` is its earlier name"):
        files.path_of({"local_path": "x"})
    with pytest.raises(BadFile, match="nothing is imported"):
        files.path_of({"source": {"type": "database"}, "path": "x"})


def test_an_environment_file_stands_for_what_it_says(folder):
    (folder / "env").mkdir()
    (folder / "env/conda.yml").write_text("dependencies: [pip]")
    (folder / "env/lean.yml").write_text("name: lean\nversion: 3\nimage: python\nconda_file: conda.yml\n")
    (folder / "job.yml").write_text("jobs:\n  a:\n    command: x\n    environment: file:env/lean.yml\n")
    text, definition = files.read_changed(folder / "job.yml", ())
    written = {"name": "lean", "image": "python", "conda_file": {"dependencies": ["pip"]}}
    assert definition["jobs"]["a"]["environment"] == written and files.parse(text, "job.yml") == definition


def test_fields_are_changed_by_their_path():
    assert files.change({"inputs": {"a": 1}}, ["inputs.a=2", "tags.x=y", "name=n=1"]) == {
        "inputs": {"a": 2}, "tags": {"x": "y"}, "name": "n=1",
    }  # fmt: skip
    assert files.change({"rules": [{"port": 1}, 2]}, ["rules[0].port=80", "rules[1]=[3]"]) == {
        "rules": [{"port": 80}, [3]],
    }  # fmt: skip
    for wrong in ("inputs.a", "=3", "inputs.a.b=1", "inputs[0]=1", "inputs.a=[", "a..b=1"):
        with pytest.raises(BadFile, match="--set"):
            files.change({"inputs": {"a": 1}}, [wrong])
