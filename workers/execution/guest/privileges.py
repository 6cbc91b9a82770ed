"""Takes from a process what root may do beyond its own files. Standard library only."""

import ctypes

PR_CAPBSET_DROP = 24
VERSION_3 = 0x20080522
MOST = 64

_libc = ctypes.CDLL(None, use_errno=True)


def drop():
    """Give up every capability for good: without them root cannot look into processes that hide themselves."""
    for capability in range(MOST):
        _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _libc.capset(header, nothing)
