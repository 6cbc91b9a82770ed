"""A container registry with one small image, for those who know the password.

Source: the distribution specification (github.com/opencontainers/distribution-spec), image manifest version 2.
"""

import base64
import gzip
import hashlib
import http.server
import json

NAME, USER, PASSWORD = "private/shell", "reader", "let me in"
_PREFIX = "application/vnd.docker"


def contents(files: bytes) -> dict[str, tuple[str, bytes]]:
    """What the registry serves of an image with this tar of files: type and bytes, by address."""
    layer = gzip.compress(files, 1)
    config = {"architecture": "amd64", "os": "linux", "config": {}}
    config["rootfs"] = {"type": "layers", "diff_ids": [_digest(files)]}
    described = json.dumps(config).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{_PREFIX}.distribution.manifest.v2+json",
        "config": _part(f"{_PREFIX}.container.image.v1+json", described),
        "layers": [_part(f"{_PREFIX}.image.rootfs.diff.tar.gzip", layer)],
    }
    said = json.dumps(manifest).encode()
    found = {f"/v2/{NAME}/manifests/{name}": (manifest["mediaType"], said) for name in ("1", _digest(said))}
    blobs = {f"/v2/{NAME}/blobs/{_digest(data)}": ("application/octet-stream", data) for data in (layer, described)}
    return {"/v2/": ("application/json", b"{}"), **found, **blobs}


def _part(kind: str, data: bytes) -> dict:
    return {"mediaType": kind, "size": len(data), "digest": _digest(data)}


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def handler(served: dict[str, tuple[str, bytes]]) -> type[http.server.BaseHTTPRequestHandler]:
    expected = f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"

    class Registry(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            kind, data = served.get(self.path, ("application/json", b""))
            is_known = self.headers.get("Authorization") == expected
            self.send_response(401 if not is_known else 200 if data else 404)
            self.send_header("WWW-Authenticate", 'Basic realm="registry"')
            self.send_header("Content-Type", kind)
            self.send_header("Docker-Content-Digest", _digest(data))
            self.send_header("Content-Length", str(len(data) if is_known else 0))
            self.end_headers()
            if is_known and self.command == "GET":
                self.wfile.write(data)

        do_HEAD = do_GET

        def log_message(self, *_):
            pass

    return Registry
