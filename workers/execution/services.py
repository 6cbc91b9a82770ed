"""Interactive services of a job: what is started beside its command, and how the worker learns how they are.

Source: the options of TensorBoard and of Jupyter Server, by their own help; for SSH, Azure ML's `ssh_public_keys`.
"""

import json
import shlex
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from app.database import transaction
from app.jobs import interactive
from app.jobs.specification import public_keys, render_command
from app.kit import live
from workers.execution import nodes
from workers.execution.folder import JobFolder

PROGRAM = Path(__file__).resolve().parent / "guest" / "services.py"
SSH_SERVER = PROGRAM.with_name("ssh_server.py")
LOOK_SECONDS = 0.5
DEFAULT_LOGS = "~/tblogs"


@dataclass(frozen=True)
class Service:
    """What the guest starts with these arguments of Python, in which `{folder}` stands for `folder`.

    `package` has the `module` that it needs of the job's environment, unless a `python` of ours runs it.
    """

    name: str
    type: str
    port: int
    module: str
    package: str
    arguments: list[str]
    folder: str
    environ: dict[str, str]
    log: str
    python: str = ""


def chosen(plan, folder: JobFolder) -> list[Service]:
    """The services of a job that can be started; only the first of several instances has any."""
    asked = plan.spec.get("services") or {}
    makers = {"tensor_board": _tensor_board, "jupyter_lab": _jupyter_lab, "ssh": _ssh}
    wanted = {
        name: service
        for name, service in asked.items()
        if service.get("type") in makers and (service["type"] != "ssh" or public_keys(service.get("ssh_public_keys")))
    }
    if plan.rank or not wanted:
        return []
    return [makers[service["type"]](plan, name, service, folder) for name, service in wanted.items()]


def _tensor_board(plan, name: str, asked: dict, folder: JobFolder) -> Service:
    port = nodes.free_ports(1)
    place = f"--path_prefix={interactive.path_of(plan.job_id, name)}"
    arguments = ["-m", "tensorboard.main", "--logdir={folder}", "--host=127.0.0.1", f"--port={port}", place]
    return Service(
        name, "tensor_board", port, "tensorboard", "tensorboard", [*arguments, "--reload_interval=5"],
        _rendered(plan, asked.get("log_dir") or DEFAULT_LOGS, folder), {}, str(folder.temporary / f"{name}.log"),
    )  # fmt: skip


def _rendered(plan, log_dir: str, folder: JobFolder) -> str:
    """`log_dir` may name an output of the job."""
    rendered = render_command(log_dir, {}, {name: str(folder.outputs / name) for name in plan.outputs})
    return shlex.split(rendered)[0]


def _jupyter_lab(plan, name: str, asked: dict, folder: JobFolder) -> Service:
    port = nodes.free_ports(1)
    # In a file, as the address opens the notebook and other jobs can read a command line.
    config = folder.temporary / f"{name}.config.py"
    config.touch(mode=0o600)
    options = {
        "ip": "127.0.0.1",
        "port": port,
        "port_retries": 0,
        "base_url": f"{interactive.path_of(plan.job_id, name)}/",
        "root_dir": str(folder.work),
        "open_browser": False,
        "allow_root": True,
        # Its pages have an origin of their own, and every request comes from the server, with the token.
        "allow_origin": "*",
        "allow_remote_access": True,
        "disable_check_xsrf": True,
    }
    config.write_text("".join(f"c.ServerApp.{option} = {value!r}\n" for option, value in options.items()))
    arguments = ["-m", "jupyterlab", f"--config={config}"]
    return Service(
        name, "jupyter_lab", port, "jupyterlab", "jupyterlab", arguments, str(folder.work),
        {"JUPYTER_TOKEN": interactive.token_of(plan.job_id, name)}, str(folder.temporary / f"{name}.log"),
    )  # fmt: skip


def _ssh(plan, name: str, asked: dict, folder: JobFolder) -> Service:
    port = nodes.free_ports(1)
    config = folder.temporary / f"{name}.ssh.json"
    config.write_text(json.dumps({"port": port, "keys": public_keys(asked.get("ssh_public_keys"))}))
    return Service(
        name, "ssh", port, "asyncssh", "asyncssh", ["-I", str(SSH_SERVER), str(config)], str(folder.work),
        {}, str(folder.temporary / f"{name}.log"), sys.executable,
    )  # fmt: skip


def beside(command: str, services: Sequence[Service], folder: JobFolder, python: Path) -> str:
    """The command that runs `command` and the services, or `command` alone where an image has no Python."""
    path = folder.temporary / "services.json"
    # Ours is not in an image.
    own = {} if python.is_absolute() else {"python": ""}
    described = [asdict(service) | own for service in services]
    asked = {"command": command, "report": str(_report(folder)), "services": described}
    path.write_text(json.dumps(asked))
    path.chmod(0o600)
    start = shlex.join([str(python), str(PROGRAM), str(path)])
    return start if python.is_absolute() else f"command -v {python} >/dev/null && exec {start}\n{command}"


def _report(folder: JobFolder) -> Path:
    return folder.temporary / "services.report"


@contextmanager
def watched(plan, services: Sequence[Service], folder: JobFolder) -> Iterator[None]:
    """Write down how the services are, in a thread of its own, while the job runs."""
    if not services:
        yield
        return
    with transaction() as session:
        host = socket.gethostname()
        interactive.begin(session, plan.job_id, host, {item.name: (item.type, item.port) for item in services})
    over = threading.Event()
    ports = {service.name: service.port for service in services}
    threading.Thread(target=_look, args=(plan, ports, folder, over), name="services", daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _look(plan, ports: dict[str, int], folder: JobFolder, over: threading.Event) -> None:
    known = dict.fromkeys(ports, interactive.STARTING)
    while not over.wait(LOOK_SECONDS):
        errors = _errors(folder)
        for name, port in ports.items():
            if name in errors and known[name] != interactive.FAILED:
                known[name] = interactive.FAILED
                _tell(plan, name, interactive.FAILED, errors[name])
            elif known[name] == interactive.STARTING and _listens(port):
                known[name] = interactive.RUNNING
                _tell(plan, name, interactive.RUNNING, None)


def _errors(folder: JobFolder) -> dict[str, str]:
    try:
        found = json.loads(_report(folder).read_text())
    except (OSError, ValueError):
        return {}
    return {str(name): str(error)[:500] for name, error in found.items()} if isinstance(found, dict) else {}


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _tell(plan, name: str, status: str, error: str | None) -> None:
    with transaction() as session:
        interactive.tell(session, plan.job_id, name, status, error)
    live.hint(f"job:{plan.job_id}", "services")
