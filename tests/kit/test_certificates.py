"""The certificates that a server issues itself."""

import ssl
import stat
from datetime import timedelta

from cryptography import x509

from app.kit import certificates


def _names(file) -> set[str]:
    found = x509.load_pem_x509_certificate(file.read_bytes())
    return {str(name.value) for name in found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value}


def test_a_certificate_is_kept_until_it_is_old_or_for_others(tmp_path, monkeypatch):
    issued = certificates.ensure(tmp_path / "tls", ["studio.example"])
    assert {"localhost", "127.0.0.1", "::1", "studio.example"} <= _names(issued.certificate)
    assert stat.S_IMODE(issued.key.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "tls" / "ca.key").stat().st_mode) == 0o600
    ssl.create_default_context(cafile=issued.bundle)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(issued.certificate, issued.key)
    first, bundle = issued.certificate.read_bytes(), issued.bundle.read_bytes()
    certificates.ensure(tmp_path / "tls", ["studio.example"])
    assert issued.certificate.read_bytes() == first
    certificates.ensure(tmp_path / "tls", ["192.0.2.7"])
    assert "192.0.2.7" in _names(issued.certificate) and issued.bundle.read_bytes() == bundle
    monkeypatch.setattr(certificates, "RENEW_BEFORE", certificates.CERTIFICATE_LIFE + timedelta(days=1))
    renewed = issued.certificate.read_bytes()
    certificates.ensure(tmp_path / "tls", ["192.0.2.7"])
    assert issued.certificate.read_bytes() != renewed and issued.bundle.read_bytes() == bundle
