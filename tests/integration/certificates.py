"""A certificate authority for one test, and certificates of it for a server and a client on loopback."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A certificate and its key, PEM texts."""

    certificate: str
    key: str


class Authority:
    """Issues certificates for 127.0.0.1, or for another host."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("authority")
        self.certificate = _pem(_builder(self._name, self._name, self._key.public_key(), is_authority=True), self._key)

    def issue(self, name: str, host: str = "") -> Pair:
        """Return a new certificate for 127.0.0.1, or for a host."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _pem(
            _builder(_name(name), self._name, key.public_key(), is_authority=False, host=host), self._key
        )
        encoded = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return Pair(certificate=certificate, key=encoded.decode())

    def server_context(self, folder: Path, host: str = "") -> ssl.SSLContext:
        """Return the context of a server that only this authority's clients reach."""
        server = self.issue("server", host)
        for name, text in (("ca", self.certificate), ("server", server.certificate), ("key", server.key)):
            folder.joinpath(f"{name}.pem").write_text(text)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder / "ca.pem"))
        context.load_cert_chain(folder / "server.pem", folder / "key.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        context.set_alpn_protocols(["h2"])
        return context


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, is_authority: bool, host: str = ""
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(host) if host else x509.IPAddress(ip_address("127.0.0.1"))]),
            critical=False,
        )
    )


def _pem(builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> str:
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
