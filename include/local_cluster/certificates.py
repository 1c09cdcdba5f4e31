"""Makes the server's certificate: Kubernetes clients send their token over TLS only, even to this machine."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from local_cluster.files import write_atomically

if TYPE_CHECKING:
    from cryptography.x509 import CertificateBuilder, KeyUsage, Name

YEARS = 10
NAMES = ("localhost",)
ADDRESSES = ("127.0.0.1", "::1")
BEGIN = "-----BEGIN CERTIFICATE-----"
CHAIN = 2  # certificates in the file: the server's and its authority's


def load_or_make_tls(directory: Path, names: tuple[str, ...] = ()) -> tuple[ssl.SSLContext, str]:
    """Returns the TLS context of the server, and the authority that clients must trust (PEM).

    Both are made at the first start, and again when `names` changed or their file is damaged. They are in one file, so
    that they always fit together.
    """
    server = directory / "server.pem"
    try:
        context, authority = _load(server, names)
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        _make(server, names)
        context, authority = _load(server, names)
    write_atomically(directory / "ca.crt", authority.encode())
    return context, authority


def _load(server: Path, names: tuple[str, ...]) -> tuple[ssl.SSLContext, str]:
    """Returns both from the file. Raises OSError, ValueError when it is missing, damaged or made for other names."""
    text = server.read_text(encoding="ascii")
    first, *certificates = text.split(BEGIN)
    if not first.startswith(_format_head(names)) or len(certificates) != CHAIN:
        raise ValueError("made for other names, or not whole")
    authority = BEGIN + certificates[-1]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server)
    context.set_alpn_protocols(["http/1.1"])
    ssl.create_default_context(cadata=authority)
    return context, authority


def _format_head(names: tuple[str, ...]) -> str:
    return f"names: {' '.join(names)}\n"


def _make(server: Path, names: tuple[str, ...]) -> None:
    """Makes an authority, signs one certificate with it, and does not keep its key."""
    from cryptography import x509  # imported here: needed at the first start only, and slow to import
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    issuer, subject = _build_name("local cluster authority"), _build_name("local cluster")
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    signer = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    root = (
        _build_certificate(issuer, issuer)
        .public_key(authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_build_usage(signs=True), critical=True)
        .add_extension(signer, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    alternatives = [
        *(x509.DNSName(name) for name in dict.fromkeys((*NAMES, *names))),
        *(x509.IPAddress(ip_address(text)) for text in ADDRESSES),
    ]
    leaf = (
        _build_certificate(subject, issuer)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_build_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.OID_SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(signer), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    write_atomically(server, _format_head(names).encode() + private + leaf.public_bytes(pem) + root.public_bytes(pem))


def _build_certificate(subject: Name, issuer: Name) -> CertificateBuilder:
    from cryptography import x509

    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365 * YEARS))
    )


def _build_name(text: str) -> Name:
    from cryptography import x509

    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _build_usage(signs: bool) -> KeyUsage:
    from cryptography import x509

    names = (
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(digital_signature=not signs, key_cert_sign=signs, **dict.fromkeys(names, False))
