"""A launcher for all tests here, a folder for each guest, and a process that is warm."""

import pytest

from tests.workers.execution.guests import ENVIRONMENT, wait_until
from workers.execution.launcher import Launcher


@pytest.fixture(scope="module")
def launcher(tmp_path_factory):
    made = Launcher(tmp_path_factory.mktemp("runtime"), preload=("numpy", "torch"))
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "guest"
    (made / "work").mkdir(parents=True)
    return made


@pytest.fixture(scope="module")
def warm(launcher):
    """Waits until the warm process of the environment is ready."""
    wait_until(lambda: launcher.warm.ready(ENVIRONMENT), seconds=60)


@pytest.fixture(params=["cold", "warm"])
def is_warm(request) -> bool:
    if request.param == "warm":
        request.getfixturevalue("warm")
    return request.param == "warm"
