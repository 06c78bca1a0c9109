# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with a certificate that a user brings, found on the controller before anything has changed.

Pure functions: the files' contents and the time in, a list of messages out. Every message names the variable, the file
and the way out; nothing of a key is ever part of a message. Needs no library that ansible-core does not bring itself.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import ipaddress
import re
import typing as t
import warnings

_MISSING: ImportError | None = None
try:
    from cryptography import exceptions, x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.x509.oid import ExtendedKeyUsageOID
except ImportError as error:
    # ansible-core depends on it, but the plugin has to load, and to show its documentation, without.
    _MISSING = error

_PEM_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_VAULT = b"$ANSIBLE_VAULT;"


@dataclasses.dataclass(frozen=True)
class GivenFile:
    """A file on the controller that a variable names.

    ``others`` says whether every user of the controller may read it; ``content`` is decrypted if Vault encrypted it.
    """

    variable: str
    path: str
    exists: bool = True
    readable: bool = True
    others: bool = False
    content: bytes = b""

    @property
    def where(self) -> str:
        """How messages begin."""
        return f"{self.variable} is {self.path!r}"


@dataclasses.dataclass(frozen=True)
class GivenFiles:
    """The certificate with its chain, its key, and the CA if clients have to be given one."""

    certificate: GivenFile
    key: GivenFile
    ca: GivenFile | None = None


class CertificatesError(ValueError):
    """Certificates cannot be looked at; the message says why and what to do."""


class _Unusable(Exception):
    """A file that cannot be used at all; the message says why and what to do."""


def certificate_problems(
    files: GivenFiles, names: t.Sequence[str], *, now: datetime.datetime, known: t.Sequence[x509.Certificate] = ()
) -> list[str]:
    """What keeps clients from trusting, or the registry from using, these files.

    :param names: the host names and IP addresses that the certificate has to be for.
    :param now: with a time zone.
    :param known: the CAs that clients are taken to know if none is given; none to leave that unchecked.
    :raises CertificatesError: if the library is missing.
    """
    _need_library()
    given = [file for file in (files.certificate, files.key, files.ca) if file]
    out = [problem for file in given for problem in _file_problems(file)]
    if out:
        return out
    try:
        chain = _certificates(files.certificate)
        authorities = _certificates(files.ca) if files.ca else list(known)
        public = _public_key(files.key)
    except _Unusable as problem:
        return [str(problem)]
    out += _mode_problems(files.key)
    out += _pair_problems(files, chain, public)
    out += _use_problems(files.certificate, chain[0], names)
    out += [problem for one in chain for problem in _date_problems(files.certificate, one, now)]
    out += _chain_problems(files, chain, authorities)
    if files.ca:
        out += [problem for one in authorities for problem in _date_problems(files.ca, one, now)]
    return out


def read_certificates(pem: bytes) -> list[x509.Certificate]:
    """The certificates of a PEM file in their order (RFC 7468); other blocks and text around them do not count.

    :raises ValueError: if one of them is damaged.
    """
    return [x509.load_pem_x509_certificate(block) for block in _PEM_BLOCK.findall(pem)]


def _need_library() -> None:
    if _MISSING:
        raise CertificatesError(
            f"Certificates need the Python package cryptography on the controller, which ansible-core brings ({_MISSING}). Run: "
            "pip install cryptography"
        )


def read_bundle(pem: bytes) -> list[x509.Certificate]:
    """The certificates of a system's store; one that the library does not take is one that it would not trust either."""
    _need_library()
    out = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for block in _PEM_BLOCK.findall(pem):
            with contextlib.suppress(ValueError):
                out.append(x509.load_pem_x509_certificate(block))
    return out


def is_vault(head: bytes) -> bool:
    """Whether a file that begins so is encrypted by Ansible Vault."""
    return head.startswith(_VAULT)


def covers(certificate: x509.Certificate, name: str) -> bool:
    """Whether a client that asks for this name or IP address takes the certificate (RFC 6125, 6.4; RFC 5280, 4.2.1.6)."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    try:
        return ipaddress.ip_address(name) in found.get_values_for_type(x509.IPAddress)
    except ValueError:
        entries = [entry.lower() for entry in found.get_values_for_type(x509.DNSName)]
    # A wildcard stands for exactly one label, the first.
    return name in entries or "*." + name.partition(".")[2] in entries


def _file_problems(file: GivenFile) -> list[str]:
    if not file.exists:
        return [f"{file.where}, and there is no such file on the controller. Give the full path of one that there is."]
    if not file.readable:
        return [f"{file.where}, which the user that runs Ansible may not read. Let that user own it."]
    return []


def _mode_problems(key: GivenFile) -> list[str]:
    if not key.others:
        return []
    return [f"{key.where}, which every user of the controller may read. Run: chmod 600 {key.path}"]


def _certificates(file: GivenFile) -> list[x509.Certificate]:
    try:
        found = read_certificates(file.content)
    except ValueError as error:
        raise _Unusable(f"{file.where}, and a certificate in it is damaged ({error}). Copy the file again.") from error
    if not found:
        raise _Unusable(f"{file.where}, which holds no certificate in PEM (-----BEGIN CERTIFICATE-----). Name another file, "
                        f"or turn one in DER into PEM: openssl x509 -inform der -in FILE -out {file.path}")
    return found


def _public_key(file: GivenFile) -> bytes:
    """The key's public half, in the form by which keys are compared."""
    try:
        key = serialization.load_pem_private_key(file.content, password=None)
    except TypeError as error:
        raise _Unusable(f"{file.where}, which is encrypted with a passphrase, and the registry could not ask for that. Write "
                        f"it unencrypted (openssl pkey -in {file.path} -out FILE) and encrypt it with Vault instead "
                        "(ansible-vault encrypt FILE).") from error
    # What the library says of a damaged key may quote from it.
    except (ValueError, exceptions.UnsupportedAlgorithm):
        raise _Unusable(f"{file.where}, which holds no private key in PEM that can be used (-----BEGIN PRIVATE KEY-----). "
                        "Name the file of the certificate's key.") from None
    return _comparable(key.public_key())


def _comparable(key: t.Any) -> bytes:
    found: bytes = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return found


def _pair_problems(files: GivenFiles, chain: t.Sequence[x509.Certificate], public: bytes) -> list[str]:
    owners = [index for index, one in enumerate(chain) if _comparable(one.public_key()) == public]
    if owners and owners[0] == 0:
        return []
    if owners:
        return [f"{files.certificate.where}, whose certificate number {owners[0] + 1} is the one that {files.key.path!r} "
                "belongs to. Put the server's own certificate first, each one's issuer after it."]
    return [f"{files.key.where}, which does not belong to the certificate in {files.certificate.path!r} "
            f"({_name(chain[0])}). Give the two that were made together."]


def _use_problems(file: GivenFile, server: x509.Certificate, names: t.Sequence[str]) -> list[str]:
    out = []
    missing = [name for name in names if not covers(server, name)]
    if missing:
        out.append(f"{file.where}, which is not for {', '.join(missing)} (registry_host_names) but for "
                   f"{', '.join(_names(server)) or 'no name at all'}. Get a certificate for all of them, or take names out "
                   "of registry_host_names.")
    try:
        usage = server.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return out
    if not {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(usage):
        out.append(f"{file.where}, which is not for a server (its extended key usage lacks serverAuth). Get one that is.")
    return out


def _date_problems(file: GivenFile, one: x509.Certificate, now: datetime.datetime) -> list[str]:
    if now >= one.not_valid_after_utc:
        return [f"{file.where}, whose certificate {_name(one)} ended on {one.not_valid_after_utc:%Y-%m-%d %H:%M} UTC. Get a "
                "new one."]
    if now < one.not_valid_before_utc:
        return [f"{file.where}, whose certificate {_name(one)} begins on {one.not_valid_before_utc:%Y-%m-%d %H:%M} UTC, and "
                f"the controller's clock says {now:%Y-%m-%d %H:%M}. Wait, get another one, or set the clock right."]
    return []


def _chain_problems(
    files: GivenFiles, chain: t.Sequence[x509.Certificate], authorities: t.Sequence[x509.Certificate]
) -> list[str]:
    """Clients do not fetch an issuer that is missing; each has to follow the one that it signed (RFC 8446, 4.4.2)."""
    where = files.certificate.where
    for number, (one, issuer) in enumerate(zip(chain, chain[1:]), start=2):
        if not _signed(one, issuer):
            return [f"{where}, whose certificate number {number} ({_name(issuer)}) is not the issuer of the one before it "
                    f"({_name(one)}). Put each one's issuer after it, and nothing else."]
    last = chain[-1]
    if any(_signed(last, one) or last == one for one in authorities) or not (authorities or files.ca):
        return []
    if files.ca:
        return [f"{where}, whose last certificate was issued by {last.issuer.rfc4514_string()!r}, and that one is not in "
                f"{files.ca.path!r} (registry_tls_ca). Put the issuers that lack after the certificate, or name the right CA."]
    if last.issuer == last.subject:
        return [f"{where}, which ends with {_name(last)}, signed by itself and not among the CAs that this system knows. Set "
                "registry_tls_ca to a file with it, so that clients can be told to trust it."]
    return [f"{where}, whose last certificate was issued by {last.issuer.rfc4514_string()!r}, which is not among the CAs that "
            "this system knows. Put the issuers that lack after the certificate (a CA often calls that file fullchain), or set "
            "registry_tls_ca to a file with the CA's certificate."]


def _signed(one: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        one.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, exceptions.InvalidSignature):
        return False
    return True


def _name(one: x509.Certificate) -> str:
    return repr(one.subject.rfc4514_string() or ", ".join(_names(one)))


def _names(one: x509.Certificate) -> list[str]:
    try:
        found = one.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))]


def certificate_rows(served: bytes, authority: bytes, *, now: datetime.datetime) -> list[str]:
    """A line a certificate: what it is for and how long it is valid, the server's and its chain first.

    :raises CertificatesError: if the library is missing.
    :raises ValueError: if one cannot be read.
    """
    _need_library()
    chain = [("served" if index == 0 else "issuer", one) for index, one in enumerate(read_certificates(served))]
    return [
        f"{role:<7} {', '.join(_names(one)) or one.subject.rfc4514_string()}: valid until "
        f"{one.not_valid_after_utc:%Y-%m-%d}, {(one.not_valid_after_utc - now).days} days"
        for role, one in [*chain, *(("CA", one) for one in read_certificates(authority))]
    ]
