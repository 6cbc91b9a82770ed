"""An SSH server inside a job: `ssh_server.py CONFIGURATION`. Who signs in is the job, with its files and variables.

The configuration is JSON: `port` of the loopback address and `keys`, lines of an `authorized_keys` file. Needs
`asyncssh` beside the standard library.
"""

import asyncio
import fcntl
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import termios
from pathlib import Path

import asyncssh

HERE = ("localhost", "127.0.0.1", "::1")


class Server(asyncssh.SSHServer):
    """The key decides, whatever the name that one signs in with."""

    def __init__(self, keys):
        self._keys = keys

    def begin_auth(self, username):
        return True

    def public_key_auth_supported(self):
        return True

    def validate_public_key(self, username, key):
        return key.public_data in self._keys

    def connection_requested(self, dest_host, dest_port, orig_host, orig_port):
        """To what listens beside the job, such as a debugger, and nowhere else."""
        return dest_host in HERE


async def run(process):
    """A shell or one command, in a terminal where the client asks for one."""
    shell = shutil.which("bash") or "/bin/sh"
    command = [shell] if process.command is None else [shell, "-c", process.command]
    environ = {**os.environ, **process.env}
    started = await (_in_terminal if process.term_type else _with_pipes)(process, command, environ)
    process.set_redirect_pid(started.pid)
    code = await asyncio.to_thread(started.wait)
    # Not before all that was printed has been sent.
    await asyncio.gather(process.stdout.drain(), process.stderr.drain())
    if code < 0:
        process.exit_with_signal(signal.Signals(-code).name.removeprefix("SIG"))
    else:
        process.exit(code)


async def _in_terminal(process, command, environ):
    ours, theirs = pty.openpty()
    started = subprocess.Popen(
        command,
        env={**environ, "TERM": process.term_type},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    await process.redirect(open(ours, "wb", 0), open(os.dup(ours), "rb", 0))
    return started


async def _with_pipes(process, command, environ):
    pipe = subprocess.PIPE
    started = subprocess.Popen(command, env=environ, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
    await process.redirect(started.stdin, started.stdout, started.stderr)
    return started


async def serve(port, keys):
    accepted = {asyncssh.import_public_key(key).public_data for key in keys}
    listener = await asyncssh.listen(
        "127.0.0.1",
        port,
        server_factory=lambda: Server(accepted),
        # Nobody can take it for another: each job's server is reached by a way of its own.
        server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
        process_factory=run,
        sftp_factory=asyncssh.SFTPServer,
        allow_scp=True,
        encoding=None,
        keepalive_interval=30,
    )
    await listener.wait_closed()


if __name__ == "__main__":
    asked = json.loads(Path(sys.argv[1]).read_text())
    asyncio.run(serve(asked["port"], asked["keys"]))
