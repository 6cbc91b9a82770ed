"""A certificate authority of this server's own and the certificate that it issues, for HTTPS where none was given."""

import ipaddress
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFE = timedelta(days=3650)
CERTIFICATE_LIFE = timedelta(days=365)
RENEW_BEFORE = timedelta(days=30)


@dataclass(frozen=True)
class Issued:
    """`bundle` holds the authorities that everybody trusts, and this server's own."""

    certificate: Path
    key: Path
    bundle: Path


def issued_in(folder: Path) -> Issued:
    return Issued(folder / "server.pem", folder / "server.key", folder / "ca-bundle.pem")


def ensure(folder: Path, names: Iterable[str]) -> Issued:
    """A certificate for localhost, this host and `names`, made or renewed where it is missing, old or for others.

    The authority is renewed as well, which clients that hold an old bundle notice. Keys are readable by their
    owner only.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    issued = issued_in(folder)
    authority, authority_key = folder / "ca.pem", folder / "ca.key"
    wanted = sorted({"localhost", "127.0.0.1", "::1", socket.gethostname(), *filter(None, names)})
    renewed = not (_holds(authority) and authority_key.is_file())
    if renewed:
        _make_authority(authority, authority_key)
    if renewed or not (issued.key.is_file() and _holds(issued.certificate, wanted)):
        _issue(issued, authority, authority_key, wanted)
    trusted = Path(certifi.where()).read_bytes().rstrip() + b"\n" + authority.read_bytes()
    if not issued.bundle.is_file() or issued.bundle.read_bytes() != trusted:
        _write(issued.bundle, trusted)
    return issued


def _holds(file: Path, names: list[str] | None = None) -> bool:
    """Whether there is a certificate, of these names, that will last."""
    if not file.is_file():
        return False
    found = x509.load_pem_x509_certificate(file.read_bytes())
    if found.not_valid_after_utc - datetime.now(UTC) < RENEW_BEFORE:
        return False
    if names is None:
        return True
    held = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return sorted(str(name.value) for name in held) == names


def _make_authority(file: Path, key_file: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Atelier on {socket.gethostname()}"[:64])])
    others = "content_commitment key_encipherment data_encipherment key_agreement encipher_only decipher_only"
    signs = dict.fromkeys(others.split(), False)
    made = (
        _draft(subject, subject, key.public_key(), AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True, **signs), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write_key(key_file, key)
    _write(file, made.public_bytes(serialization.Encoding.PEM))


def _issue(issued: Issued, authority_file: Path, authority_key_file: Path, names: list[str]) -> None:
    authority = x509.load_pem_x509_certificate(authority_file.read_bytes())
    authority_key = serialization.load_pem_private_key(authority_key_file.read_bytes(), None)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Atelier")])
    made = (
        _draft(subject, authority.subject, key.public_key(), CERTIFICATE_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    _write_key(issued.key, key)
    _write(issued.certificate, made.public_bytes(serialization.Encoding.PEM) + authority_file.read_bytes())


def _draft(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, life: timedelta):
    # A clock that is behind by an hour still takes it.
    started = datetime.now(UTC) - timedelta(hours=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(started)
        .not_valid_after(started + life)
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write_key(file: Path, key: ec.EllipticCurvePrivateKey) -> None:
    encoding, format = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    _write(file, key.private_bytes(encoding, format, serialization.NoEncryption()), 0o600)


def _write(file: Path, data: bytes, mode: int = 0o644) -> None:
    """In whole or not at all, and never readable by more than `mode` says."""
    temporary = file.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as output:
        output.write(data)
    temporary.replace(file)
