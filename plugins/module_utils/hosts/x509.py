# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a certificate says: names, issuer, dates. Read from its bytes, for Python's own library reads none unverified.

Only what is shown to people is read (RFC 5280, 4.1 and 4.2.1): nothing here decides on trust, which is OpenSSL's to do.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime
import hashlib
import ipaddress
import re
import typing as t

from ..oci.errors import ContentError, InvalidSettings

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)

_SEQUENCE, _SET, _BOOLEAN, _OID, _OCTETS, _UTC_TIME, _GENERAL_TIME = 0x30, 0x31, 0x01, 0x06, 0x04, 0x17, 0x18
_VERSION, _EXTENSIONS, _DNS_NAME, _IP_ADDRESS = 0xA0, 0xA3, 0x82, 0x87

_ATTRIBUTES = {b"\x55\x04\x03": "CN", b"\x55\x04\x0a": "O", b"\x55\x04\x0b": "OU", b"\x55\x04\x06": "C"}
_SUBJECT_ALT_NAME = b"\x55\x1d\x11"
_BASIC_CONSTRAINTS = b"\x55\x1d\x13"


@dataclasses.dataclass(frozen=True)
class Certificate:
    """``names`` are the DNS names and addresses it is valid for; times are in UTC; ``fingerprint`` is sha256 in hex."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime.datetime
    not_after: datetime.datetime
    is_ca: bool
    fingerprint: str

    @property
    def self_signed(self) -> bool:
        """Whether it names itself as its issuer."""
        return self.subject == self.issuer

    def days_left(self, now: datetime.datetime) -> float:
        """Return the days until it ends, negative once it has."""
        return (self.not_after - now).total_seconds() / 86400

    def as_dict(self) -> dict[str, object]:
        """Return plain values; times as in RFC 3339."""
        return {
            "subject": self.subject,
            "issuer": self.issuer,
            "names": list(self.names),
            "not_before": self.not_before.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "not_after": self.not_after.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "is_ca": self.is_ca,
            "self_signed": self.self_signed,
            "fingerprint": self.fingerprint,
        }


def read_pem(text: str, *, where: str) -> tuple[Certificate, ...]:
    """Read all certificates of a PEM text.

    :param where: what is read, for messages; the text itself is never part of one.
    :raises InvalidSettings: if it holds a private key, which has no business there, or no certificate.
    :raises ContentError: if a certificate is damaged.
    """
    if "PRIVATE KEY-----" in text:
        raise InvalidSettings(
            f"{where} holds a private key.", hint="Give the certificate alone, and take care who has read the key."
        )
    blocks = _PEM.findall(text)
    if not blocks:
        raise InvalidSettings(
            f"{where} holds no certificate.", hint="It is to be PEM text: -----BEGIN CERTIFICATE----- and so on."
        )
    try:
        return tuple(read_der(base64.b64decode("".join(block.split()), validate=True), where=where) for block in blocks)
    except binascii.Error as error:
        raise ContentError(f"{where} holds a damaged certificate ({error}).") from error


def read_der(data: bytes, *, where: str) -> Certificate:
    """Read one certificate.

    :raises ContentError: if the bytes are none.
    """
    try:
        return _read(data)
    except (IndexError, KeyError, ValueError, OverflowError) as error:
        raise ContentError(f"{where} is no certificate, or a damaged one.") from error


class _Element(t.NamedTuple):
    tag: int
    content: bytes


def _read(data: bytes) -> Certificate:
    tbs = _parts(_parts(_only(data, _SEQUENCE))[0].content)
    if tbs[0].tag == _VERSION:
        tbs = tbs[1:]
    _serial, _algorithm, issuer, validity, subject = tbs[:5]
    not_before, not_after = (_time(element) for element in _parts(validity.content))
    names: tuple[str, ...] = ()
    is_ca = False
    for extensions in (element for element in tbs[5:] if element.tag == _EXTENSIONS):
        for extension in _parts(_only(extensions.content, _SEQUENCE)):
            fields = _parts(extension.content)
            value = fields[-1].content
            if fields[0].content == _SUBJECT_ALT_NAME:
                names = tuple(_names(_only(value, _SEQUENCE)))
            elif fields[0].content == _BASIC_CONSTRAINTS:
                flags = _parts(_only(value, _SEQUENCE))
                is_ca = bool(flags) and flags[0] == (_BOOLEAN, b"\xff")
    return Certificate(
        _name(subject), _name(issuer), names, not_before, not_after, is_ca, hashlib.sha256(data).hexdigest()
    )


def _only(data: bytes, tag: int) -> bytes:
    """Return the content of the one element that the bytes are."""
    elements = _parts(data)
    if len(elements) != 1 or elements[0].tag != tag:
        raise ValueError("another element")
    return elements[0].content


def _parts(data: bytes) -> list[_Element]:
    """Return the elements that follow one another (X.690, 8.1: tag, length, content)."""
    found: list[_Element] = []
    at = 0
    while at < len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            if not 1 <= size <= 4 or at + size > len(data):
                raise ValueError("a length that DER does not have")
            length = int.from_bytes(data[at : at + size], "big")
            at += size
        if at + length > len(data):
            raise ValueError("an element that is cut off")
        found.append(_Element(tag, data[at : at + length]))
        at += length
    return found


def _name(element: _Element) -> str:
    """Return a distinguished name as ``CN=…, O=…``; attributes that nobody looks at are left out."""
    said: list[str] = []
    for group in _parts(element.content):
        for pair in _parts(group.content):
            kind, value = _parts(pair.content)[:2]
            if kind.content in _ATTRIBUTES:
                said.append(f"{_ATTRIBUTES[kind.content]}={_text(value.content)}")
    return ", ".join(said)


def _names(data: bytes) -> t.Iterator[str]:
    for element in _parts(data):
        if element.tag == _DNS_NAME:
            yield _text(element.content)
        elif element.tag == _IP_ADDRESS:
            yield str(ipaddress.ip_address(element.content))


def _text(data: bytes) -> str:
    """Return text with nothing in it that a terminal would act on: a certificate may come from anybody."""
    return "".join(c if c.isprintable() else "?" for c in data.decode("utf-8", "replace"))


def _time(element: _Element) -> datetime.datetime:
    """Read a time (RFC 5280, 4.1.2.5): two digits of a year from 50 on are of the last century."""
    text = element.content.decode("ascii")
    if element.tag == _UTC_TIME:
        text = f"{'19' if int(text[:2]) >= 50 else '20'}{text}"
    elif element.tag != _GENERAL_TIME:
        raise ValueError("no time")
    return datetime.datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
