# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is read from certificates is what the library that made them says of them."""

from __future__ import annotations

import datetime
import pathlib
import ssl

import pytest
from cryptography import x509 as other
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import (
    ContentError,
    InvalidSettings,
    RegistryError,
)
from ansible_collections.dockyard.registry.plugins.module_utils.hosts.x509 import read_der, read_pem
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.certificates import make_certificates


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("certificates")
    make_certificates(path)
    return path


def test_a_server(folder: pathlib.Path) -> None:
    pem = (folder / "server.pem").read_text().partition("-----BEGIN PRIVATE")[0]
    expected = other.load_pem_x509_certificate(pem.encode())
    (found,) = read_pem(pem, where="x")
    assert (found.subject, found.issuer) == ("CN=server", "CN=test CA")
    assert found.names == ("127.0.0.1",)
    assert found.not_before == expected.not_valid_before_utc
    assert found.not_after == expected.not_valid_after_utc
    assert (found.is_ca, found.self_signed) == (False, False)
    assert 0.9 < found.days_left(datetime.datetime.now(datetime.timezone.utc)) < 1.1
    assert found == read_der(expected.public_bytes(serialization.Encoding.DER), where="x")
    shown = found.as_dict()
    assert shown["not_after"] == expected.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_ca_and_several(folder: pathlib.Path) -> None:
    pem = (folder / "ca.pem").read_text()
    first, second = read_pem(f"a comment\n{pem}\nanother\n{pem}", where="x")
    assert first == second
    assert first.is_ca and first.self_signed


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("", InvalidSettings, "no certificate"),
        ("-----BEGIN CERTIFICATE-----\nAAAA", InvalidSettings, "no certificate"),
        ("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n", InvalidSettings, "a private key"),
        ("-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----", ContentError, "damaged"),
        ("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----", ContentError, "damaged"),
    ],
)
def test_what_is_none(text: str, kind: type[RegistryError], says: str) -> None:
    with pytest.raises(kind, match=says) as caught:
        read_pem(text, where="registry_client_ca")
    assert "registry_client_ca" in str(caught.value)
    assert "c2VjcmV0" not in str(caught.value)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_error_and_nothing_worse(data: bytes) -> None:
    with pytest.raises(ContentError):
        read_der(data, where="x")


@settings(max_examples=200)
@given(at=st.integers(0, 10_000), value=st.integers(0, 255))
def test_a_changed_byte_is_an_error_or_another_certificate(folder: pathlib.Path, at: int, value: int) -> None:
    data = bytearray(ssl.PEM_cert_to_DER_cert((folder / "ca.pem").read_text()))
    data[at % len(data)] = value
    try:
        found = read_der(bytes(data), where="x")
    except ContentError:
        return
    assert found.subject.isprintable() and found.issuer.isprintable()
