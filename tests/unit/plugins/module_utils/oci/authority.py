# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A CA that signs what a test asks for: for any name, expired, for clients, for token servers."""

from __future__ import annotations

import dataclasses
import datetime
import ipaddress
import pathlib
import ssl
import typing as t

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


@dataclasses.dataclass(frozen=True)
class Signed:
    """A certificate: the paths of its PEM file and of its key's, and both as values."""

    path: str
    key_path: str
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


class Authority:
    """A CA; its certificate and all that it signs are written to a folder."""

    def __init__(self, folder: pathlib.Path, name: str = "ca") -> None:
        self._folder = folder
        self._name = f"test {name}"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.path = self._write(name, self._certificate(self._name, self._key, (), DAY), self._key).path

    def sign(self, name: str, *names: str, ends: datetime.timedelta = DAY) -> Signed:
        """Return a certificate for names and addresses that ends so long from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        return self._write(name, self._certificate(name, key, names or ("127.0.0.1",), ends), key)

    def context(self, signed: Signed, *, ask_client: bool = False) -> ssl.SSLContext:
        """Return the TLS context of a server, which asks for a client certificate of this CA if wanted."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(signed.path, signed.key_path)
        if ask_client:
            context.load_verify_locations(self.path)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _write(self, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Signed:
        path, key_path = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        key_path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return Signed(str(path), str(key_path), certificate, key)

    def _certificate(
        self, name: str, key: ec.EllipticCurvePrivateKey, names: t.Sequence[str], ends: datetime.timedelta
    ) -> x509.Certificate:
        """Return a certificate for the names, or that of the CA itself if there are none."""
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self._name)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 2 * DAY)
            .not_valid_after(now + ends)
            .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if names:
            san = x509.SubjectAlternativeName([_general_name(each) for each in names])
            builder = builder.add_extension(san, critical=False)
        else:
            usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True)
        return builder.sign(self._key, hashes.SHA256())


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
