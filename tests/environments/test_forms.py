"""References and inline definitions of environments."""

import pytest

from app.environments import curated
from app.environments.conda import read_conda
from app.environments.resolving import resolve
from app.environments.specification import EnvironmentSpec, digest
from app.errors import Invalid, NotFound


@pytest.mark.parametrize(
    "reference",
    [
        None,
        "azureml:pytorch-2.13-cpu@latest",
        "azureml:pytorch-2.13-cpu:1",
        "pytorch-2.13-cpu",
        "azureml:AzureML-sklearn-1.5@latest",
        "azureml://registries/azureml/environments/sklearn-1.5/labels/latest",
        "azureml://registries/azureml/environments/acpt-pytorch-2.8-cuda12.6/versions/3",
        {"image": "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"},
    ],
)
def test_the_curated_environment_has_many_names(reference):
    found = resolve(reference)
    assert found["name"] == curated.name()
    assert EnvironmentSpec.from_dict(found).requirements == curated.requirements()


def test_an_unknown_name_is_not_found_and_nonsense_is_invalid():
    with pytest.raises(NotFound, match=r"'mine'.*pytorch-2.13-cpu"):
        resolve("azureml:mine:1")
    with pytest.raises(Invalid, match="azureml:NAME:VERSION"):
        resolve("not a name")


def test_a_conda_file_becomes_requirements():
    wanted = read_conda(
        {
            "dependencies": [
                "python=3.10",
                "pip=24",
                "conda-forge::numpy=1.26",
                "pytorch=2.1.0=py3.10_cpu",
                "scikit-learn>=1.3,<2",
                "pandas 2.2",
                "cudatoolkit=11.8",
                {"pip": ["mlflow", "httpx[http2]~=0.27  # why", "--extra-index-url https://x/simple"]},
            ]
        }
    )
    assert wanted.python_version == "3.10"
    assert wanted.requirements == [
        "numpy==1.26.*", "torch==2.1.0", "scikit-learn>=1.3,<2", "pandas==2.2.*", "mlflow", "httpx[http2]~=0.27",
    ]  # fmt: skip
    assert wanted.options == ["--extra-index-url", "https://x/simple"]
    assert "cudatoolkit" in wanted.notes[0]


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ({}, "dependencies"),
        ("conda.yml", "conda.yml"),
        ({"dependencies": ["a b c"]}, r"dependencies\[0\]"),
        ({"dependencies": [{"pip": ["-e ."]}]}, r"pip\[0\]"),
        ({"dependencies": [{"pip": ["./wheel.whl"]}]}, "path on your machine"),
        ({"dependencies": [{"npm": []}]}, "only `pip:`"),
    ],
)
def test_what_cannot_be_installed_is_named(definition, words):
    with pytest.raises(Invalid, match=words):
        read_conda(definition)


def test_an_inline_definition_survives_the_registry():
    found = resolve(
        {"name": "mine", "image": "x", "conda_file": {"dependencies": ["python=3.11", {"pip": ["six==1.17.0"]}]}}
    )
    spec = EnvironmentSpec.from_dict(found)
    assert (spec.name, spec.requirements, spec.python_version) == ("mine", ("six==1.17.0",), "3.11")
    assert digest(spec) == found["digest"]


def test_the_digest_is_of_the_content_and_not_of_the_name():
    one, other = EnvironmentSpec("a", ("six",)), EnvironmentSpec("b", ("six",), notes=("note",))
    assert digest(one) == digest(other) != digest(EnvironmentSpec("a", ("six>1",)))
