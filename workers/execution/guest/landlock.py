"""Fences a process in by Linux Landlock: what it may read and write, and whom it may signal.

Source: the kernel's userspace-api/landlock documentation and its uapi header. Standard library only.
"""

import ctypes
import os
import platform
from pathlib import Path

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
CREATE_VERSION = 1
RULE_PATH_BENEATH = 1
SCOPE_ABSTRACT_SOCKETS, SCOPE_SIGNALS = 1 << 0, 1 << 1
PR_SET_NO_NEW_PRIVS = 38

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
READ = EXECUTE | READ_FILE | READ_DIR
FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
# The rights that each version of the interface knows.
KNOWN = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}

# All of /dev would hold the raw disks, and with them every hidden file.
DEVICES = Path("/dev")
USABLE_DEVICES = (
    *("null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm", "mqueue"),
    *("nvidia*", "dri", "kfd", "dxg", "infiniband", "accel*", "neuron*", "habanalabs*"),
)

_libc = ctypes.CDLL(None, use_errno=True)


class _RulesetAttr(ctypes.Structure):
    _fields_ = [("handled_fs", ctypes.c_uint64), ("handled_net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _PathBeneathAttr(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def version():
    """The version of the interface that the kernel offers; 0 for none."""
    if platform.system() != "Linux":
        return 0
    return max(0, _libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), CREATE_VERSION))


def available():
    return version() > 0


def restrict(writable, temporary, readable, hidden):
    """Fence in this process and all that it starts; returns False where the kernel cannot.

    Everything outside `hidden` may be read and executed, `writable` and `temporary` also written. Of
    the devices those that compute and the harmless ones of every Unix can be used.
    `writable` and `readable` win over `hidden`, which they may lie in; `temporary` does not.
    """
    offered = version()
    if not offered:
        return False
    every = KNOWN[min(offered, 5)]
    ruleset = _create(every, SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS if offered >= 6 else 0, offered)
    try:
        concealed = [os.fspath(item) for item in hidden]
        # What is concealed in a temporary folder is left out once, below.
        divided = [folder for folder in temporary if any(_holds(folder, path) for path in concealed)]
        for path, is_folder in _visible("/", [*concealed, str(DEVICES), *divided]):
            _allow(ruleset, path, READ & every, is_folder)
        _allow(ruleset, DEVICES, READ_DIR)
        for pattern in USABLE_DEVICES:
            for path in DEVICES.glob(pattern):
                _allow(ruleset, path, every)
        for folder in temporary:
            for path, is_folder in _visible(folder, concealed):
                _allow(ruleset, path, every, is_folder)
        for path in readable:
            _allow(ruleset, path, READ & every)
        for path in writable:
            _allow(ruleset, path, every)
        _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if _libc.syscall(RESTRICT_SELF, ruleset, 0):
            raise OSError(ctypes.get_errno(), "landlock_restrict_self")
    finally:
        os.close(ruleset)
    return True


def _create(every, scoped, offered):
    attr = _RulesetAttr(every, 0, scoped)
    # Older kernels refuse a structure that is longer than the one they know.
    size = 8 if offered < 4 else 16 if offered < 6 else 24
    ruleset = _libc.syscall(CREATE_RULESET, ctypes.byref(attr), ctypes.c_size_t(size), 0)
    if ruleset < 0:
        raise OSError(ctypes.get_errno(), "landlock_create_ruleset")
    return ruleset


def _allow(ruleset, path, rights, is_folder=None):
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if is_folder is None:
            is_folder = os.path.isdir(path)
        attr = _PathBeneathAttr(rights if is_folder else rights & FILE_RIGHTS, handle)
        _libc.syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, ctypes.byref(attr), 0)
    finally:
        os.close(handle)


def _visible(folder, hidden):
    """The paths below which nothing is hidden, and whether each is a folder; rules can only add, so what hides is
    left out. In plain text, as a temporary folder may hold thousands of entries and every job waits for this."""
    if folder in hidden:
        return
    below = [path for path in hidden if _holds(folder, path)]
    if not below:
        yield folder, True
        return
    try:
        with os.scandir(folder) as entries:
            found = [(entry.path, entry.is_dir()) for entry in entries if not entry.is_symlink()]
    except OSError:
        return
    for path, is_folder in found:
        if is_folder:
            yield from _visible(path, below)
        elif path not in below:
            yield path, False


def _holds(folder, path):
    return path.startswith(folder.rstrip("/") + "/") and path != folder
