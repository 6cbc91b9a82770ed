"""`atelier job connect-ssh`: sign in to a running job by the machine's own `ssh`, through the server's one port.

As Azure's command does, `ssh` is given a program that tunnels by websocket: `ssh_tunnel.py`.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys

from app.cli.connecting import connect
from app.sdk.errors import BadFile

# Whoever knows the address may tunnel, and other users of a machine can read command lines.
ADDRESS = "ATELIER_SSH_TUNNEL"
# The server has a new key each time, and the way to it is ours.
OPTIONS = ("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR")


def run_connect(options: argparse.Namespace) -> int:
    """The exit status of `ssh`; raises BadFile where there is nothing to sign in to."""
    if shutil.which("ssh") is None:
        raise BadFile("there is no `ssh` on this machine; install OpenSSH's client.")
    if options.node_index:
        raise BadFile(f"--node-index {options.node_index}: only the first instance of a job, 0, has services.")
    with connect(options) as client:
        address = _address(client.job_services(options.name), options.name)
    key = ("-i", options.private_key_file_path) if options.private_key_file_path else ()
    proxy = shlex.join([sys.executable, "-m", "app.cli.ssh_tunnel"])
    command = ["ssh", *OPTIONS, *key, "-o", f"ProxyCommand={proxy}", f"job@{options.name}", *options.remote_command]
    return subprocess.run(command, env={**os.environ, ADDRESS: address}, check=False).returncode


def _address(services: list[dict], job: str) -> str:
    found = next((service for service in services if service["type"] == "ssh"), None)
    if found is None:
        raise BadFile(
            f"job {job} runs no SSH server. Ask for one in its file, with your public key: "
            "services: {my_ssh: {type: ssh, ssh_public_keys: ssh-ed25519 AAAA…}}"
        )
    if found["status"] != "Running":
        raise BadFile(f"the SSH server of job {job} is {found['status'].lower()}. {found['error'] or ''}".strip())
    if not found["properties"]:
        raise BadFile(f"only the one who submitted job {job} may sign in to it, as that runs code as the job.")
    return found["properties"]["ProxyEndpoint"]
