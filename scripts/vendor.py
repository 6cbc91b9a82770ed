"""Refresh the third-party files under static/vendor from the npm registry, checking every checksum.

python scripts/vendor.py            fetch what the manifest names and write the files
python scripts/vendor.py --check    compare the files on disk with the manifest, offline
"""

import argparse
import base64
import hashlib
import io
import json
import sys
import tarfile
import urllib.request
from pathlib import Path

VENDOR = Path(__file__).resolve().parent.parent / "static" / "vendor"
MANIFEST = VENDOR / "manifest.json"
REGISTRY = "https://registry.npmjs.org"


def digest(content: bytes, algorithm: str) -> str:
    """`algorithm-base64`, the notation of subresource integrity that npm uses too."""
    raw = hashlib.new(algorithm, content).digest()
    return f"{algorithm}-{base64.b64encode(raw).decode()}"


def fetch(package: dict) -> bytes:
    """The package's tarball; exits when its checksum is not the one in the manifest."""
    name, version = package["name"], package["version"]
    address = f"{REGISTRY}/{name}/-/{name.rsplit('/', 1)[-1]}-{version}.tgz"
    with urllib.request.urlopen(address, timeout=60) as answer:
        content = answer.read()
    found = digest(content, "sha512")
    if package.get("integrity") is None:
        package["integrity"] = found
    if package["integrity"] != found:
        sys.exit(f"{name} {version}: the tarball's checksum is {found}, the manifest says {package['integrity']}")
    return content


def unpack(package: dict, tarball: bytes) -> None:
    """Write the package's files, and record each one's checksum in the manifest entry."""
    with tarfile.open(fileobj=io.BytesIO(tarball)) as archive:
        for entry in package["files"]:
            member = archive.extractfile(f"package/{entry['source']}")
            content = member.read()
            (VENDOR / entry["file"]).write_bytes(content)
            entry["integrity"] = digest(content, "sha384")


def differences(packages: list[dict]) -> list[str]:
    """What differs between the files on disk and the manifest, one sentence each."""
    expected = {entry["file"]: entry["integrity"] for package in packages for entry in package["files"]}
    on_disk = {path.name for path in VENDOR.iterdir()} - {MANIFEST.name}
    found = [f"{name} is not in the manifest" for name in sorted(on_disk - expected.keys())]
    found += [f"{name} is missing" for name in sorted(expected.keys() - on_disk)]
    for name in sorted(on_disk & expected.keys()):
        if digest((VENDOR / name).read_bytes(), "sha384") != expected[name]:
            found.append(f"{name} is not the file that the manifest describes")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only compare the files with the manifest")
    check_only = parser.parse_args().check
    manifest = json.loads(MANIFEST.read_text())
    if not check_only:
        for package in manifest["packages"]:
            unpack(package, fetch(package))
        MANIFEST.write_text(json.dumps(manifest, indent=2) + "\n")
    if found := differences(manifest["packages"]):
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
