"""A process of one environment that has its heavy imports done, and forks for each job.

It listens on the socket that the worker left it: each message is one byte and the descriptor of the
socket over which that job is talked about. It ends with the worker, or when told. Standard library
only, beside what it is told to import.
"""

import array
import atexit
import builtins
import gc
import importlib
import io
import json
import os
import random
import runpy
import signal
import socket
import sys
import threading
import traceback
import types

FOLDER = os.path.dirname(os.path.abspath(__file__))
PATH = [entry for entry in sys.path if os.path.abspath(entry or ".") != FOLDER]

import supervise  # noqa: E402
import tree  # noqa: E402

OURS = ("supervise", "tree", "landlock", "cgroup", "privileges")


def main():
    link = socket.socket(fileno=int(sys.argv[1]))
    sys.path[:] = PATH
    loaded = [name for name in sys.argv[2:] if _import(name)]
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda *_: tree.reap())
    link.sendall(json.dumps({"loaded": loaded, "pid": os.getpid()}).encode() + b"\n")
    _serve(link)


def _import(name):
    try:
        importlib.import_module(name)
        return True
    except Exception:
        return False


def _serve(link):
    while True:
        handle = _receive(link)
        if handle is None:
            os._exit(0)
        if os.fork() == 0:
            link.close()
            _supervise(socket.socket(fileno=handle))
        os.close(handle)


def _receive(link):
    """The descriptor that came with the next message; None when the worker is gone."""
    size = array.array("i").itemsize
    data, extra, _, _ = link.recvmsg(1, socket.CMSG_LEN(size))
    if not data or not extra:
        return None
    handles = array.array("i")
    handles.frombytes(extra[0][2][:size])
    return handles[0]


def _supervise(connection):
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        supervise.Supervisor(supervise.read_job(connection), connection, run_python).run()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def run_python(job):
    """Be what `python …` would be: arguments, path, main module, streams, exit code."""
    _forget_ours()
    os.environ.clear()
    os.environ.update(job["environ"])
    sys.stdout = _stream(1, "strict")
    sys.stderr = _stream(2, "backslashreplace")
    sys.__stdout__, sys.__stderr__, sys.stdin = sys.stdout, sys.stderr, open(0, closefd=False)
    _reseed()
    code = _exit_code(job["python_arguments"])
    _shut_down(code)


def _forget_ours():
    for name in OURS:
        sys.modules.pop(name, None)
    gc.unfreeze()


def _stream(handle, errors):
    raw = io.FileIO(handle, "w", closefd=False)
    return io.TextIOWrapper(raw, encoding="utf-8", errors=errors, write_through=True)


def _reseed():
    """What seeded itself at import must not be the same in every job."""
    random.seed()
    if "numpy" in sys.modules and "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()
    if "torch" in sys.modules:
        sys.modules["torch"].seed()


def _exit_code(arguments):
    try:
        if arguments[0] == "-m":
            sys.argv = arguments[1:]
            sys.path[:] = [os.getcwd(), *PATH]
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        else:
            _run_script(arguments)
    except SystemExit as stop:
        return _code_of(stop)
    except BaseException as error:
        error.__traceback__ = _without_ours(error.__traceback__)
        sys.excepthook(type(error), error, error.__traceback__)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    return 0


def _run_script(arguments):
    script = arguments[0]
    sys.argv = list(arguments)
    sys.path[:] = [os.path.dirname(os.path.realpath(script)), *PATH]
    if os.path.isdir(script) or script.endswith((".zip", ".pyz")):
        runpy.run_path(script, run_name="__main__")
        return
    try:
        with open(script, "rb") as file:
            source = file.read()
    except OSError as error:
        print(
            f"{sys.executable}: can't open file {os.path.abspath(script)!r}: [Errno {error.errno}] {error.strerror}",
            file=sys.stderr,
        )
        raise SystemExit(2) from None
    module = types.ModuleType("__main__")
    module.__dict__.update(__file__=os.path.abspath(script), __builtins__=builtins, __annotations__={})
    sys.modules["__main__"] = module
    exec(compile(source, module.__file__, "exec", dont_inherit=True), module.__dict__)


def _code_of(stop):
    if stop.code is None:
        return 0
    if isinstance(stop.code, int):
        return stop.code & 0xFF
    print(stop.code, file=sys.stderr)
    return 1


def _without_ours(frames):
    """The traceback from the user's first line on; a syntax error has none of those."""
    while frames is not None and frames.tb_frame.f_code.co_filename in (__file__, os.path.abspath(__file__)):
        frames = frames.tb_next
    return frames


def _shut_down(code):
    """What an interpreter does at its end; a failure of it is printed and changes nothing."""
    for step in (threading._shutdown, atexit._run_exitfuncs, sys.stdout.flush, sys.stderr.flush):
        try:
            step()
        except BaseException:
            traceback.print_exc()
    os._exit(code)


if __name__ == "__main__":
    main()
