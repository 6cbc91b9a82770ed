"""Jobs in container images, run for real where Docker is, and the command line that would run them where it is not."""

import http.server
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app.environments.specification import EnvironmentSpec
from app.errors import Unavailable
from tests.workers.containers import registry
from tests.workers.containers.conftest import IMAGE, files
from tests.workers.execution.guests import wait_until
from workers.containers.container import container_of
from workers.containers.engine import LABEL, Engine
from workers.containers.images import Builder, Image, ImageUnavailable
from workers.containers.server import Server
from workers.execution.folder import JobFolder
from workers.execution.launcher import Launch, Launcher, Limits

LIMITS = Limits(timeout_seconds=30, memory_bytes=50_000_000, disk_bytes=10**8, processes=50, log_bytes=10**6)


def launch(engine: Engine, root: Path, command: str, environ: dict | None = None, **more) -> Launch:
    folder = JobFolder(root)
    found = container_of(Image(engine, IMAGE, IMAGE, ""), command, environ or {}, folder=folder, limits=LIMITS, **more)
    work = folder.work
    return Launch("job", command, Path("python3"), folder.guest, work, {}, folder.log, LIMITS, container=found)


@pytest.fixture(scope="module")
def launcher(tmp_path_factory):
    made = Launcher(tmp_path_factory.mktemp("runtime"), warm_idle_seconds=0)
    yield made
    made.close()


def owned(engine: Engine, pid: int | None = None) -> list[str]:
    """The containers of this process, or of another one."""
    listed = engine.answer("ps", "--all", "--filter", f"label={LABEL}", "--format", f'{{{{.Label "{LABEL}"}}}}')
    return [owner for owner in (listed or "").split() if owner.startswith(f"{pid or os.getpid()}-")]


def test_what_a_container_is_given_and_not_given(tmp_path):
    engine = Engine("docker", "/usr/bin/docker", "28.0", "1-2", {"PATH": "/bin", "DOCKER_HOST": "unix:///x"})
    asked = {"docker_args": "--cpus 2 --privileged -v /:/host --shm-size=4g", "shm_size": "1g"}
    data = tmp_path / "data"
    environ = {"TOKEN": "secret", "LD_PRELOAD": "/evil.so", "TWO": "a\nb", "CUDA_VISIBLE_DEVICES": "1,3"}
    found = launch(
        engine, tmp_path / "job", "echo 'a b'", environ, devices=[1, 3], resources=asked, readable=[data, data]
    ).container
    said = " ".join(found.run)
    guest = tmp_path / "job" / "guest"
    for given in (
        f"--mount type=bind,source={guest},target={guest} ",
        "--cap-drop ALL --security-opt no-new-privileges",
        "--memory 50000000 --memory-swap 50000000 --pids-limit 50",
        '--gpus "device=1,3" --cpus 2 --shm-size 4g',
        "--pull never",
        "--env TWO=a\nb",
    ):
        assert given in said, given
    assert said.count(f"source={data},target={data},readonly") == 1
    for not_given in ("--privileged", "/host", "secret", "evil", "CUDA_VISIBLE", "--user 0:0"):
        assert not_given not in said, not_given
    assert found.run[-1] == "echo 'a b'" and found.environ == engine.environ
    variables = (tmp_path / "job" / "variables").read_text()
    assert "TOKEN=secret\n" in variables and "LD_PRELOAD=/evil.so\n" in variables


@pytest.mark.parametrize("image", ["--privileged", "dir:/etc", "-v/:/x", "oci-archive:/x.tar", "a b", "a:b:c"])
def test_what_is_no_image_reaches_no_engine(tmp_path, image):
    never = Engine("podman", "/bin/false", "5", "1-2", {})
    with pytest.raises(Unavailable, match="is no image"):
        Builder(never, tmp_path, print, lambda: False).ready(EnvironmentSpec("x", (), container={"image": image}))


def test_a_job_runs_in_its_image_as_nobody_and_leaves_no_container(engine, launcher, tmp_path):
    command = "id -u; echo $X; echo kept > out.txt; cat /etc/hostname /proc/1/comm; test -e /etc/passwd || exit 7"
    guest = launcher.start(launch(engine, tmp_path / "job", command, {"X": "two words"}))
    outcome = guest.wait(30)
    log = (tmp_path / "job" / "std_log.txt").read_text()
    assert outcome.exit_code == 7, log
    assert log.splitlines()[:2] == [str(os.getuid() or 65534), "two words"]
    assert (tmp_path / "job" / "guest" / "work" / "out.txt").read_text() == "kept\n"
    assert not owned(engine)


def test_a_container_ends_with_its_job_whatever_ends_that(engine, launcher, tmp_path):
    greedy = launcher.start(launch(engine, tmp_path / "greedy", "tail /dev/zero"))
    assert greedy.wait(30).cause == "memory"
    asked = launcher.start(launch(engine, tmp_path / "asked", "touch up; sleep 300"))
    wait_until(lambda: (tmp_path / "asked/guest/work/up").exists(), seconds=20)
    asked.cancel()
    assert asked.wait(20).cause == "canceled"
    assert not owned(engine)


WORKER = """
import sys, time
from pathlib import Path
from tests.workers.containers.test_containers import launch
from workers.containers import engine
from workers.execution.launcher import Launcher
root = Path(sys.argv[1])
launcher = Launcher(root / "runtime", warm_idle_seconds=0)
launcher.start(launch(engine.find("docker"), root / "job", "touch up; sleep 300"))
time.sleep(300)
"""


def test_a_killed_worker_leaves_no_container(engine, tmp_path):
    worker = subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path)])
    wait_until(lambda: (tmp_path / "job/guest/work/up").exists(), seconds=20)
    engine.remove_left()
    assert owned(engine, worker.pid)
    worker.kill()
    worker.wait()
    wait_until(lambda: not owned(engine, worker.pid), seconds=20)


def test_an_image_that_cannot_be_had_says_why(engine, tmp_path):
    said = []
    with pytest.raises(ImageUnavailable, match=r"localhost:1/gone:1 could not be pulled: .+"):
        spec = EnvironmentSpec("x", (), container={"image": "localhost:1/gone:1"})
        Builder(engine, tmp_path, said.append, lambda: False).ready(spec)
    assert said[0] == "Pulling localhost:1/gone:1"


def test_a_private_image_is_for_those_who_sign_in(engine, tmp_path):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), registry.handler(registry.contents(files())))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = f"127.0.0.1:{server.server_port}"
    asked = EnvironmentSpec("x", (), container={"image": f"{host}/{registry.NAME}:1"})
    mine = Builder(engine, tmp_path, print, lambda: False, {host: (registry.USER, registry.PASSWORD)})
    others = Builder(engine, tmp_path, print, lambda: False)
    try:
        with pytest.raises(ImageUnavailable):
            others.ready(asked)
        assert mine.ready(asked).id.startswith("sha256:")
        # Although it lies on this machine by now.
        with pytest.raises(ImageUnavailable):
            others.ready(asked)
    finally:
        server.shutdown()


CONNECT = """
import os, socket, stat
print(stat.S_ISSOCK(os.stat("SOCKET").st_mode))
try:
    socket.socket(socket.AF_UNIX).connect("SOCKET")
    print("connected")
except OSError as error:
    print(error)
import container
print(container.own)
"""


@pytest.mark.parametrize("is_warm", [False, True])
def test_a_guest_beside_an_engine_does_not_reach_it(is_warm, tmp_path, monkeypatch):
    path = tmp_path / "engine.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        launcher = Launcher(tmp_path / "runtime", preload=())
        folder = JobFolder(tmp_path / "job")
        (folder.work / "connect.py").write_text(CONNECT.replace("SOCKET", str(path)))
        (folder.work / "container.py").write_text("own = 'mine'")
        python = Path(sys.executable)
        if is_warm:
            wait_until(lambda: launcher.warm.ready(python), seconds=30)
        begun = Launch(
            "job", "python connect.py", python, folder.guest, folder.work, {}, folder.log, LIMITS, warm=is_warm
        )
        outcome = launcher.start(begun).wait(30)
        launcher.close()
    assert outcome.exit_code == 0, folder.log.read_text()
    assert folder.log.read_text().splitlines() == ["False", "[Errno 111] Connection refused", "mine"]


@pytest.mark.parametrize("has_bridge", [True, False])
def test_what_the_container_of_a_server_is_given(tmp_path, monkeypatch, has_bridge):
    monkeypatch.setattr(Engine, "has_bridge", has_bridge)
    image = Image(Engine("docker", "/usr/bin/docker", "28.0", "1-2", {}), IMAGE, IMAGE, "")
    routes = {name: {"port": port, "path": "/"} for name, port in (("liveness_route", 9001), ("scoring_route", 9002))}
    server = Server(image, routes, ((tmp_path, "/models"),), {"TOKEN": "secret"}, (0, 1))
    outside = server.outside()
    said = " ".join(server.container(outside, tmp_path, 10**9).run)
    assert sorted(outside) == [9001, 9002]
    assert (f"--publish 127.0.0.1:{outside[9002]}:9002" in said) is has_bridge is ("--network host" not in said)
    assert f"source={tmp_path},target=/models,readonly" in said and '--gpus "device=0,1"' in said
    assert said.endswith(IMAGE) and "--cap-drop ALL" in said and "--memory 1000000000" in said and "secret" not in said
