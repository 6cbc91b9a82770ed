"""Which commands a warm process can run."""

import pytest

from workers.execution.commands import python_arguments


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("python train.py --lr 0.1", ["train.py", "--lr", "0.1"]),
        ("  python3 -u train.py 'a b'\n", ["train.py", "a b"]),
        ("python -m package.train x", ["-m", "package.train", "x"]),
        ("python train.py && echo done", None),
        ("python train.py\npython test.py", None),
        ("python -c 'print(1)'", None),
        ("python train.py $HOME", None),
        ("A=1 python train.py", None),
        ("bash run.sh", None),
        ("python 'unclosed", None),
    ],
)
def test_which_commands_can_be_forked(command, arguments):
    assert python_arguments(command) == arguments
