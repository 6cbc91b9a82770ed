"""A job runs as `python script.py` would, whether it is forked from a warm process or started cold."""

import os

import pytest

from tests.workers.execution.guests import run, script


def test_a_script_sees_what_it_would_see_without_us(launcher, folder, is_warm):
    command = script(
        folder,
        """
        import os, sys, __main__
        print(sys.argv, os.path.basename(__file__), __name__, sys.path[0] == os.path.dirname(os.path.abspath(__file__)))
        print(os.getcwd() == os.path.dirname(os.path.abspath(__file__)), os.environ["GREETING"], sys.stdin.read() == "")
        print([name for name in sys.modules if name in ("supervise", "tree", "cgroup", "workers", "app")])
        print([entry for entry in sys.path if "workers" in entry], __main__.__file__ == os.path.abspath(__file__))
        """,
    )
    outcome, log = run(launcher, folder, f"{command} --lr=0.1 'two words'", warm=is_warm, environ={"GREETING": "hello"})
    assert (outcome.exit_code, outcome.message) == (0, None), log
    assert log.splitlines() == [
        "['script.py', '--lr=0.1', 'two words'] script.py __main__ True",
        "True hello True",
        "[]",
        "[] True",
    ]


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ("raise ValueError('x must be positive')", 1, "Exit code 1: ValueError: x must be positive"),
        ("import sys; sys.exit(7)", 7, "Exit code 7: the command failed."),
        ("import sys; sys.exit('no data')", 1, "Exit code 1: the command failed."),
        ("def f(:", 1, "Exit code 1: SyntaxError: invalid syntax"),
        (
            "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
            None,
            "The process was killed by signal 11 (segmentation fault).",
        ),
        ("import atexit; atexit.register(print, 'bye')", 0, None),
    ],
)
def test_an_end_is_told_in_one_sentence(launcher, folder, is_warm, body, code, message):
    outcome, log = run(launcher, folder, script(folder, body), warm=is_warm)
    if message and "signal" in message and not is_warm:
        code, message = outcome.exit_code, outcome.message
        assert "signal 11" in message
    assert (outcome.exit_code, outcome.message) == (code, message), log
    assert "workers/execution" not in log
    assert "bye" not in body or "bye" in log


def test_an_end_writes_files_joins_threads_and_runs_what_waits_for_it(launcher, folder, is_warm):
    command = script(
        folder,
        """
        import atexit, sys, threading, time

        class Kept:
            def __del__(self):
                print("finalized")

        kept = Kept()
        file = open("unclosed.txt", "w")
        file.write("written")
        atexit.register(print, "at exit")
        threading.Thread(target=lambda: (time.sleep(0.2), print("joined"))).start()
        sys.exit("no data")
        """,
    )
    outcome, log = run(launcher, folder, command, warm=is_warm)
    assert outcome.exit_code == 1
    assert log.splitlines() == ["no data", "joined", "at exit", "finalized"]
    assert (folder / "work" / "unclosed.txt").read_text() == "written"


def test_files_of_a_script_with_daemon_threads_are_written(launcher, folder, warm):
    body = """
        import threading, time
        threading.Thread(target=lambda: [time.sleep(0) for _ in iter(int, 1)], daemon=True).start()
        file = open("unclosed.txt", "w")
        file.write("written")
        """
    outcome, log = run(launcher, folder, script(folder, body), warm=True)
    assert (outcome.exit_code, log) == (0, "")
    assert (folder / "work" / "unclosed.txt").read_text() == "written"


def test_a_broken_pipe_is_an_error_and_not_a_death(launcher, folder, is_warm):
    body = "import socket; a, b = socket.socketpair(); b.close(); a.send(b'x')"
    outcome, _ = run(launcher, folder, script(folder, body), warm=is_warm)
    assert outcome.message == "Exit code 1: BrokenPipeError: [Errno 32] Broken pipe"


def test_a_module_beside_the_script_wins_over_one_that_is_loaded(launcher, folder, is_warm):
    (folder / "work" / "random.py").write_text("print('mine')")
    outcome, log = run(launcher, folder, script(folder, "import random"), warm=is_warm)
    assert (outcome.exit_code, log) == (0, "mine\n")


def test_modules_run_as_with_python_m(launcher, folder, is_warm):
    (folder / "work" / "pack").mkdir()
    script(folder, "import os, sys; print(sys.argv[1:], __name__, __spec__.name); sys.exit(3)", "pack/train.py")
    outcome, log = run(launcher, folder, "python -m pack.train a", warm=is_warm)
    assert (outcome.exit_code, log) == (3, "['a'] __main__ pack.train\n")


def test_processes_and_data_loaders_of_all_kinds_work(launcher, folder, is_warm):
    command = script(
        folder,
        """
        import multiprocessing

        def square(x):
            return x * x

        if __name__ == "__main__":
            for method in ("fork", "spawn", "forkserver"):
                with multiprocessing.get_context(method).Pool(2) as pool:
                    print(method, pool.map(square, range(4)))
        """,
    )
    outcome, log = run(launcher, folder, command, warm=is_warm)
    assert outcome.exit_code == 0, log
    assert log.splitlines() == [f"{method} [0, 1, 4, 9]" for method in ("fork", "spawn", "forkserver")]


@pytest.mark.skipif("ATELIER_TEST_ENVIRONMENT" not in os.environ, reason="no environment with torch is named")
def test_training_with_data_loaders_works(launcher, folder, is_warm):
    command = script(
        folder,
        """
        import torch
        from torch.utils.data import DataLoader, TensorDataset

        if __name__ == "__main__":
            data = TensorDataset(torch.randn(64, 8), torch.randn(64, 1))
            model = torch.nn.Linear(8, 1)
            for x, y in DataLoader(data, 16, num_workers=2):
                ((model(x) - y) ** 2).mean().backward()
            print(model.weight.grad.shape)
        """,
    )
    outcome, log = run(launcher, folder, command, warm=is_warm)
    assert (outcome.exit_code, log) == (0, "torch.Size([1, 8])\n")


def test_two_warm_jobs_have_not_the_same_random_numbers(launcher, folder, warm):
    command = script(folder, "import random; print(random.random())")
    run(launcher, folder, command, warm=True)
    _, both = run(launcher, folder, command, warm=True)
    assert len(set(both.split())) == 2
