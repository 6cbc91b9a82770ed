"""What files of environments ask for: references, conda files, requirements and Dockerfiles."""

import pytest

from app.environments import curated
from app.environments.conda import definition_of, read_conda
from app.environments.dockerfile import read_dockerfile
from app.environments.resolving import of_conda
from app.environments.specification import EnvironmentSpec, digest
from app.errors import Invalid
from app.kit.documents import Document
from app.kit.sections import Problems

AZURES = [
    ("sklearn-1.5", "pytorch-2.13-cpu"),
    ("AzureML-sklearn-1.5", "pytorch-2.13-cpu"),
    ("acpt-pytorch-2.8-cuda12.6", "pytorch-2.13-cpu"),
    ("tensorflow-2.16-cuda12", "tensorflow-2.21-cpu"),
    ("AzureML-lightgbm-3.3", "lightgbm-4.7-cpu"),
    ("acft-hf-nlp-gpu", "transformers-5.24-cpu"),
    ("ai-ml-automl-dnn-vision-gpu", "torchvision-0.29"),
]


def wanted_of(definition):
    problems = Problems(Document(definition, "conda.yml"))
    found = read_conda(problems, definition)
    problems.raise_found()
    return found


@pytest.mark.parametrize(("azures", "ours"), AZURES)
def test_names_of_azures_registry_stand_for_ours(azures, ours):
    assert curated.stand_in(azures) == ours


def test_every_curated_environment_has_a_lock_with_what_it_says():
    for found in curated.environments().values():
        locked = {line.split("==")[0] for line in found.requirements}
        assert all("==" in line for line in found.requirements)
        assert {package.split("==")[0] for package in found.packages} <= locked
    assert {*curated.images().values()} <= {*curated.environments()}


def test_a_conda_file_becomes_requirements():
    wanted = wanted_of(
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


def test_everything_wrong_with_a_conda_file_is_said_at_once_with_its_line():
    pip = "    - -e .\n    - ./wheel.whl\n    - foo bar\n    - -r more.txt\n"
    text = f"dependencies:\n  - a b c\n  - pip:\n{pip}  - npm: []\n"
    with pytest.raises(Invalid) as caught:
        definition_of(text, "conda.yml")
    said = [caught.value.message, *caught.value.details]
    for line, words in enumerate(("a b c", "-e .", "path on your machine", "foo bar", "more.txt", "only `pip:`")):
        number = (2, 4, 5, 6, 7, 8)[line]
        assert said[line].startswith(f"conda.yml line {number},") and words in said[line]
    for wrong in ("{}", "- a\n- b\n", "dependencies: numpy\n"):
        with pytest.raises(Invalid, match="dependencies"):
            definition_of(wrong)


def test_a_requirements_file_is_taken_for_a_conda_file():
    text = "# what we need\nnumpy==1.26\nhttpx[http2]>0.2; python_version >= '3.9'\n\n-e .\n"
    with pytest.raises(Invalid, match=r"requirements\.txt line 5"):
        definition_of(text, "requirements.txt")
    found = of_conda(definition_of(text.replace("-e .\n", "")))
    assert found.requirements == ("numpy==1.26", "httpx[http2]>0.2; python_version >= '3.9'")


DOCKERFILE = """\
ARG TORCH=2.1
FROM mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04:latest AS base
ENV AZUREML_CONDA_ENVIRONMENT_PATH /azureml-envs/pt
RUN apt-get update && apt-get install -y git
RUN conda create -p $AZUREML_CONDA_ENVIRONMENT_PATH \\
    # a comment inside
    python=3.10 pip=20.2.4
RUN pip install 'matplotlib>=3.3,<3.4' \\
                 "torch==${TORCH}" --extra-index-url https://x/simple
COPY requirements.txt /tmp/
RUN python3 -m pip install --no-cache-dir -r /tmp/requirements.txt && rm -rf /tmp/requirements.txt
FROM base
COPY . /app
RUN conda env update -n pt -f environment.yml && conda run -n pt pip install six
CMD ["bash"]
"""
CONTEXT = {"/tmp/requirements.txt": "# pinned\nrequests>2\n", "environment.yml": "dependencies:\n  - numpy=1.2\n"}


def test_a_dockerfile_says_what_it_installs():
    image = read_dockerfile(DOCKERFILE, CONTEXT.get)
    assert image.base == "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04:latest"
    assert image.wanted.python_version == "3.10"
    assert image.wanted.requirements == [
        "matplotlib>=3.3,<3.4", "torch==2.1", "requests>2", "numpy==1.2.*", "six",
    ]  # fmt: skip
    assert image.wanted.options == ["--extra-index-url", "https://x/simple"]
    assert any("apt-get" in note for note in image.wanted.notes)


def test_what_of_a_dockerfile_cannot_be_installed_is_named_with_its_line():
    with pytest.raises(Invalid) as caught:
        read_dockerfile("FROM x\nRUN pip install -e .\nRUN pip install ./a.whl -r gone.txt\n", CONTEXT.get)
    said = "\n".join([caught.value.message, *caught.value.details])
    assert "Dockerfile line 2" in said and "Dockerfile line 3" in said and "'gone.txt'" in said
    with pytest.raises(Invalid, match="no FROM"):
        read_dockerfile("RUN pip install six\n", CONTEXT.get)


def test_the_digest_is_of_the_content_and_not_of_the_name():
    one, other = EnvironmentSpec("a", ("six",)), EnvironmentSpec("b", ("six",), notes=("note",), version="3")
    assert digest(one) == digest(other) != digest(EnvironmentSpec("a", ("six>1",)))
