"""Hides the sockets of container engines from a process: who reaches one can start a container that has everything.

A fence of paths does not keep a process from connecting. Source: mount_namespaces(7), user_namespaces(7).
Standard library only.
"""

import ctypes
import os
import sys

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
_libc = ctypes.CDLL(None, use_errno=True)


def hide(paths):
    """In this process and all that it starts, these sockets become a device that answers nobody.

    Returns False where the kernel does not let it have mounts of its own.
    """
    if not paths:
        return True
    user, group = os.getuid(), os.getgid()
    try:
        if user == 0:
            _check(_libc.unshare(CLONE_NEWNS))
        else:
            _check(_libc.unshare(CLONE_NEWUSER | CLONE_NEWNS))
            _write("setgroups", "deny")
            _write("uid_map", f"{user} {user} 1")
            _write("gid_map", f"{group} {group} 1")
        _check(_libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
        for path in paths:
            _check(_libc.mount(b"/dev/null", os.fsencode(path), None, MS_BIND, None))
    except OSError:
        return False
    return True


def _write(name, text):
    with open(f"/proc/self/{name}", "w") as file:
        file.write(text)


def _check(status):
    if status:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    sys.exit(not hide(sys.argv[1:]))
