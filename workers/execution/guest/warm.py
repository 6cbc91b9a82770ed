"""A process of one environment that has its heavy imports done, and forks ahead for the next job.

What it forked listens on the socket that the worker left it: each message is one byte and the descriptor of
the socket over which that job is talked about. It ends with the worker, or when told. Standard library
only, beside what it is told to import.
"""

import sys

LOADED_BY_ANY_INTERPRETER = frozenset(sys.modules)

import array  # noqa: E402
import atexit  # noqa: E402
import builtins  # noqa: E402
import contextlib  # noqa: E402
import ctypes  # noqa: E402
import gc  # noqa: E402
import importlib  # noqa: E402
import importlib.machinery  # noqa: E402
import io  # noqa: E402
import itertools  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import random  # noqa: E402
import runpy  # noqa: E402
import signal  # noqa: E402
import socket  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402
import traceback  # noqa: E402
import types  # noqa: E402
import weakref  # noqa: E402

FOLDER = os.path.dirname(os.path.abspath(__file__))
PATH = [entry for entry in sys.path if os.path.abspath(entry or ".") != FOLDER]

import supervise  # noqa: E402
import tree  # noqa: E402

OURS = (
    *("supervise", "cgroup", "confine", "container", "landlock", "output", "privileges", "size", "sockets", "tree"),
)


def wait_for_job():
    """Returns in the process of a job, with the job; the warm process itself stays in here."""
    link = socket.socket(fileno=int(sys.argv[1]))
    # Before the imports, as packages of the environment may bear the same names.
    for name in OURS:
        del sys.modules[name]
    sys.path[:] = PATH
    sys.path_importer_cache.pop(FOLDER, None)
    loaded = [name for name in sys.argv[2:] if _import(name)]
    _remember_what_is_loaded()
    gc.collect()
    # What is frozen is left alone by the collector, so that its pages stay shared.
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda *_: tree.reap())
    link.sendall(json.dumps({"loaded": loaded, "pid": os.getpid()}).encode() + b"\n")
    while True:
        taken, taker = os.pipe()
        if os.fork() == 0:
            os.close(taken)
            return _supervise(link, taker)
        os.close(taker)
        if not os.read(taken, 1) and _is_over(link):
            os._exit(0)
        os.close(taken)


def _import(name):
    try:
        importlib.import_module(name)
        return True
    except (Exception, SystemExit):
        traceback.print_exc()
        return False


def _remember_what_is_loaded():
    """A fork that looked at every module for itself would copy the pages of all of them."""
    global _loaded, _last_loaded
    _loaded = frozenset(name for name in sys.modules if "." not in name) - LOADED_BY_ANY_INTERPRETER
    _last_loaded = next(reversed(sys.modules))
    # What an import made is no fork's to take apart at its end.
    for finalizer in list(weakref.finalize._registry):
        finalizer.atexit = False


def _receive(link):
    """The descriptor that came with the next message; None when the worker is gone."""
    size = array.array("i").itemsize
    data, extra, _, _ = link.recvmsg(1, socket.CMSG_LEN(size))
    if not data or not extra:
        return None
    handles = array.array("i")
    handles.frombytes(extra[0][2][:size])
    return handles[0]


def _is_over(link):
    """Whether the worker is gone, and not only what was forked for its next job."""
    try:
        return not link.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _supervise(link, taker):
    """Wait for a job and supervise it; ends in here. Its child, the user's process, returns."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        waiting = supervise.divide()
        if not isinstance(waiting, supervise.Waiting):
            return waiting
        handle = _receive(link)
        if handle is None:
            os._exit(0)
        os.write(taker, b"j")
        os.close(taker)
        link.close()
        connection = socket.socket(fileno=handle)
        supervise.Supervisor(supervise.read_job(connection), connection, waiting).run()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def become(job):
    """Be what `python …` is before the first line runs; returns its code object and main namespace.

    Any other command becomes bash's, and this does not return.

    The code is None for a module or folder, which `runpy` runs as it does for any interpreter.
    """
    if "python_arguments" not in job:
        supervise.run_by_bash(job)
    arguments = job["python_arguments"]
    os.environ.clear()
    os.environ.update(job["environ"])
    _start_afresh()
    is_module = arguments[0] == "-m"
    is_folder = not is_module and (os.path.isdir(arguments[0]) or arguments[0].endswith((".zip", ".pyz")))
    script = os.path.realpath(arguments[0])
    first = os.getcwd() if is_module else os.path.abspath(arguments[0]) if is_folder else os.path.dirname(script)
    if _hides_what_is_loaded(first):
        supervise.run_by_bash(job)
    sys.path[:] = [first, *PATH]
    sys.orig_argv = [sys.executable, *arguments]
    sys.argv = ["-m", *arguments[2:]] if is_module else list(arguments)
    module = types.ModuleType("__main__")
    module.__dict__.update(__builtins__=builtins, __annotations__={})
    sys.modules["__main__"] = module
    if is_module or is_folder:
        return None, arguments[1] if is_module else "__main__"
    return _compiled(arguments[0], module.__dict__), module.__dict__


def _start_afresh():
    """What was seeded, read or remembered at import must not be the same in every job."""
    time.tzset()
    random.seed()
    loaded = sys.modules
    if "numpy.random" in loaded:
        loaded["numpy.random"].seed()
    if "torch" in loaded:
        loaded["torch"].default_generator.seed()
    if "tempfile" in loaded:
        loaded["tempfile"].tempdir = None
    if "multiprocessing.process" in loaded:
        loaded["multiprocessing.process"].current_process().authkey = os.urandom(32)


def _hides_what_is_loaded(folder):
    """Whether a module beside the script would have been imported instead of one that is loaded already."""
    suffixes = tuple(importlib.machinery.all_suffixes())
    try:
        with os.scandir(folder) as entries:
            return any(
                entry.name.partition(".")[0] in _loaded
                and (entry.name.endswith(suffixes) or os.path.exists(os.path.join(entry.path, "__init__.py")))
                for entry in entries
            )
    except OSError:
        return False


def _compiled(script, namespace):
    path = os.path.abspath(script)
    loader = importlib.machinery.SourceFileLoader("__main__", path)
    namespace.update(__file__=path, __cached__=None, __loader__=loader)
    try:
        with open(script, "rb") as file:
            source = file.read()
    except OSError as error:
        print(f"python: can't open file {path!r}: [Errno {error.errno}] {error.strerror}", file=sys.stderr)
        raise SystemExit(2) from None
    return compile(source, path, "exec", dont_inherit=True)


def end(error):
    """End as an interpreter does, with the exception that ended the user's code or None. Does not return.

    Only what the user's code has made is taken apart: all of an imported library takes up to a second.
    """
    code = _code_of(error)
    if error is not None:
        # Its frames hold what the functions had in hand.
        error.__traceback__ = error.__context__ = None
    for step in (threading._shutdown, atexit._run_exitfuncs, _forget_user_code, sys.stdout.flush, sys.stderr.flush):
        try:
            step()
        except BaseException:
            traceback.print_exc()
    ctypes.CDLL(None).fflush(None)
    if isinstance(error, KeyboardInterrupt):
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(code)


def _code_of(error):
    if error is None:
        return 0
    if isinstance(error, SystemExit):
        if error.code is None or isinstance(error.code, int):
            return (error.code or 0) & 0xFF
        print(error.code, file=sys.stderr)
        return 1
    frames = error.__traceback__
    while frames is not None and os.path.abspath(frames.tb_frame.f_code.co_filename).startswith(FOLDER):
        frames = frames.tb_next
    sys.excepthook(type(error), error.with_traceback(frames), frames)
    return 1


def _forget_user_code():
    """Finalizers run when nothing refers to what the script has made; then files are written out."""
    if threading.active_count() == 1:
        # A daemon thread would find its own names gone.
        for name in list(itertools.takewhile(lambda name: name != _last_loaded, reversed(sys.modules))):
            module = sys.modules[name]
            if str(getattr(module, "__file__", None)).startswith(sys.path[0]) and name != "__main__":
                del sys.modules[name]
        main = sys.modules["__main__"].__dict__
        main.update(dict.fromkeys(main.keys() - {"__builtins__"}))
        module = main = None
        gc.collect()
    for thing in gc.get_objects():
        if issubclass(type(thing), io.IOBase):
            with contextlib.suppress(OSError, ValueError):
                thing.flush()


if __name__ == "__main__":
    # Here and not in a function: what walks up its callers, as some libraries do, meets one frame of ours.
    ended_by = None
    try:
        code, main = become(wait_for_job())
        if code is None:
            runpy._run_module_as_main(main, alter_argv=main != "__main__")
        else:
            exec(code, main)
    except BaseException as error:
        ended_by = error
    end(ended_by)
