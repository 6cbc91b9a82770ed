"""A small API server that answers as Kubernetes documents it, and runs the command of a pod as a process here.

Source: kubernetes.io/docs/reference/using-api/api-concepts (watches) and …/workloads/pods/pod-lifecycle. What becomes
of a pod is told by its image: `gone`, `full`, `greedy`, `evicted`, or any other, which runs.
"""

import base64
import contextlib
import http.server
import json
import os
import signal
import subprocess
import threading
import time
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

NODE = "node-1"
NOT_FOUND = (
    'rpc error: code = NotFound desc = failed to pull and unpack image "gone:1": '
    'failed to resolve reference "gone:1": gone:1: not found'
)


class SmallCluster:
    """`made` keeps each body that was ever posted, by kind; `cut_after` cuts the first log off after so many lines, and
    `refuses` so many looks at pods, as an API server does that has just started and does not know who may what."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], dict] = {}
        self.made: dict[str, list[dict]] = {}
        self.logs: dict[str, list[bytes]] = {}
        self.cut_after: int | None = None
        self.refuses = 0
        self.running: dict[str, subprocess.Popen] = {}
        self.changed = threading.Condition()
        self.version = 0

    def put(self, kind: str, body: dict) -> dict:
        with self.changed:
            self.version += 1
            body["metadata"] |= {"resourceVersion": str(self.version), "uid": body["metadata"]["name"]}
            self.objects[kind, body["metadata"]["name"]] = body
            self.changed.notify_all()
        return body

    def post(self, kind: str, body: dict) -> dict:
        self.made.setdefault(kind, []).append(json.loads(json.dumps(body)))
        if kind == "pods":
            body["status"] = {"phase": "Pending", "conditions": []}
        self.put(kind, body)
        if kind == "pods":
            threading.Thread(target=self._live, args=(body,), daemon=True).start()
        return body

    def delete(self, kind: str, name: str) -> dict:
        found = self.objects[kind, name]
        if process := self.running.get(name):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        with self.changed:
            self.objects.pop((kind, name), None)
            self.changed.notify_all()
        return found

    def _live(self, pod: dict) -> None:
        image = pod["spec"]["containers"][0]["image"].partition(":")[0].rpartition("/")[2]
        if image == "full":
            why = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
            self._be(pod, "Pending", conditions=[{**why, "message": "0/1 nodes are available: 1 Insufficient cpu."}])
            return
        pod["spec"]["nodeName"] = NODE
        if image == "gone":
            while self._has(pod):
                for reason, message in (("ErrImagePull", NOT_FOUND), ("ImagePullBackOff", "Back-off")):
                    self._be(pod, "Pending", {"waiting": {"reason": reason, "message": message}})
                    time.sleep(0.3)
            return
        self._be(pod, "Running", {"running": {}})
        if image == "greedy":
            self._be(pod, "Failed", {"terminated": {"exitCode": 137, "reason": "OOMKilled"}})
        elif image == "evicted":
            self._be(pod, "Failed", {}, reason="Evicted", message="The node was low on resource: memory.")
        else:
            code = self._run(pod)
            if self._has(pod):
                ended = {"terminated": {"exitCode": code, "reason": "Error" if code else "Completed"}}
                self._be(pod, "Failed" if code else "Succeeded", ended)

    def _has(self, pod: dict) -> bool:
        return ("pods", pod["metadata"]["name"]) in self.objects

    def _be(self, pod: dict, phase: str, state: dict | None = None, **more) -> None:
        statuses = [{"name": "job", "state": state}] if state else []
        if self._has(pod):
            self.put("pods", {**pod, "status": {"phase": phase, "containerStatuses": statuses, **more}})

    def _run(self, pod: dict) -> int:
        name, container = pod["metadata"]["name"], pod["spec"]["containers"][0]
        secret = self.objects["secrets", container["envFrom"][0]["secretRef"]["name"]]["data"]
        environ = {"PATH": "/usr/bin:/bin"} | {key: base64.b64decode(value).decode() for key, value in secret.items()}
        log = self.logs[name] = []
        process = self.running[name] = subprocess.Popen(
            container["command"], cwd=container["workingDir"], env=environ, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        for line in process.stdout:
            with self.changed:
                stamp = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}{len(log):03d}Z"
                log.append(stamp.encode() + b" " + line)
                self.changed.notify_all()
        return process.wait()


def serve(cluster: SmallCluster) -> http.server.ThreadingHTTPServer:
    """On a port of its own, until `shutdown`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_) -> None:
            pass

        def _split(self) -> tuple[list[str], dict[str, str]]:
            address = urlsplit(self.path)
            query = {key: value[0] for key, value in parse_qs(address.query).items()}
            return address.path.removeprefix("/api/v1/namespaces/training/").strip("/").split("/"), query

        def _answer(self, body: dict, code: int = 200) -> None:
            data = json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _missing(self, name: str) -> None:
            self._answer({"kind": "Status", "message": f'"{name}" not found', "code": 404}, 404)

        def _body(self) -> dict:
            return json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

        def do_POST(self) -> None:
            self._answer(cluster.post(self._split()[0][0], self._body()), 201)

        def do_PATCH(self) -> None:
            kind, name = self._split()[0]
            found = cluster.objects[kind, name]
            found["metadata"] |= self._body()["metadata"]
            self._answer(found)

        def do_DELETE(self) -> None:
            kind, name = self._split()[0]
            if (kind, name) in cluster.objects:
                self._answer(cluster.delete(kind, name))
            else:
                self._missing(name)

        def do_GET(self) -> None:
            path, query = self._split()
            if self.path == "/version":
                self._answer({"gitVersion": "v1.30.0"})
            elif path[-1] == "nodes":
                has = {"memory": "8388608Ki", "nvidia.com/gpu": "2"}
                self._answer({"items": [{"spec": {}, "status": {"allocatable": has}}]})
            elif path[-1] == "pods" and cluster.refuses:
                cluster.refuses -= 1
                self._answer({"kind": "Status", "message": "pods is forbidden", "code": 403}, 403)
            elif path[-1] == "log":
                self._log(path[1], query)
            elif query.get("watch"):
                self._watch(path[0], query)
            elif len(path) == 2:
                found = cluster.objects.get((path[0], path[1]))
                self._answer(found) if found else self._missing(path[1])
            else:
                self._answer(
                    {"metadata": {"resourceVersion": str(cluster.version)}, "items": self._list(path[0], query)}
                )

        def _list(self, kind: str, query: dict[str, str]) -> list[dict]:
            name = query.get("fieldSelector", "").partition("metadata.name=")[2]
            label, _, value = query.get("labelSelector", "").partition("=")
            return [
                body
                for (of, _), body in list(cluster.objects.items())
                if of == kind
                and (not name or body["metadata"]["name"] == name)
                and (not label or body["metadata"]["labels"].get(label) == value)
            ]

        def _watch(self, kind: str, query: dict[str, str]) -> None:
            self.send_response(200)
            self.end_headers()
            told, until = int(query["resourceVersion"]), time.monotonic() + float(query["timeoutSeconds"])
            there = bool(self._list(kind, query))
            while time.monotonic() < until:
                with cluster.changed:
                    cluster.changed.wait(0.2)
                    found = self._list(kind, query)
                events = [{"type": "DELETED", "object": {}}] if there and not found else []
                for body in found:
                    if int(body["metadata"]["resourceVersion"]) > told:
                        told = int(body["metadata"]["resourceVersion"])
                        events.append({"type": "MODIFIED", "object": body})
                there = bool(found)
                for event in events:
                    self.wfile.write(json.dumps(event).encode() + b"\n")

        def _log(self, name: str, query: dict[str, str]) -> None:
            self.send_response(200)
            self.end_headers()
            process, lines, sent = cluster.running.get(name), cluster.logs.get(name, []), 0
            since = query.get("sinceTime", "").rstrip("Z").encode()
            while True:
                is_over = process is None or process.poll() is not None
                while sent < len(lines):
                    line = lines[sent]
                    sent += 1
                    if line[:19] >= since:
                        self.wfile.write(line)
                    if cluster.cut_after is not None and sent == cluster.cut_after:
                        cluster.cut_after = None
                        return
                if is_over:
                    return
                with cluster.changed:
                    cluster.changed.wait(0.1)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def config(server: http.server.ThreadingHTTPServer) -> str:
    """The text of a kubeconfig."""
    address = f"http://127.0.0.1:{server.server_port}"
    return json.dumps(
        {
            "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "small", "user": "me", "namespace": "training"}}],
            "clusters": [{"name": "small", "cluster": {"server": address}}],
            "users": [{"name": "me", "user": {"token": "of-the-worker"}}],
        }
    )
