# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Docker's folder of certificates."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.certs_d import (
    HostCertificates,
    read_certs_directory,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.connections import TlsSettings
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import InvalidSettings
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import parse_registry_url

URL = "https://registry.example.com:5000"
NONE = HostCertificates()


def folder(tmp_path: pathlib.Path, *names: str, host: str = "registry.example.com:5000") -> pathlib.Path:
    path = tmp_path / host
    path.mkdir()
    for name in names:
        (path / name).touch()
    return path


def read(tmp_path: pathlib.Path, url: str = URL) -> HostCertificates:
    return read_certs_directory(str(tmp_path), parse_registry_url(url))


def test_what_is_there(tmp_path: pathlib.Path) -> None:
    path = folder(tmp_path, "b.crt", "a.crt", "z.cert", "z.key", "y.cert", "y.key", "README", "a.pem")
    expected = HostCertificates((f"{path}/a.crt", f"{path}/b.crt"), f"{path}/y.cert", f"{path}/y.key")
    assert read(tmp_path) == expected


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("registry.example.com", "https://registry.example.com"),
        ("registry.example.com", "https://registry.example.com:443"),
        ("127.0.0.1:5000", "https://127.0.0.1:5000"),
        ("[::1]:5000", "https://[::1]:5000"),
    ],
)
def test_the_folder_is_named_as_in_a_reference(tmp_path: pathlib.Path, host: str, url: str) -> None:
    assert read(tmp_path, url) == NONE
    folder(tmp_path, "ca.crt", host=host)
    assert len(read(tmp_path, url).cas) == 1


def test_no_other_registry_has_them(tmp_path: pathlib.Path) -> None:
    folder(tmp_path, "ca.crt", "x.cert")
    for url in ("https://registry.example.com", "https://other.example.com:5000", URL.replace("https", "http")):
        assert read(tmp_path, url) == NONE


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (("x.cert",), "missing key x.key for client certificate x.cert in .*extension .crt"),
        (("x.key",), "missing client certificate x.cert for key x.key in "),
        (("a.cert", "a.key", "x.cert"), "missing key x.key"),
    ],
)
def test_halves_of_a_pair(tmp_path: pathlib.Path, names: tuple[str, ...], problem: str) -> None:
    folder(tmp_path, *names)
    with pytest.raises(InvalidSettings, match=problem):
        read(tmp_path)


def test_a_folder_that_is_none(tmp_path: pathlib.Path) -> None:
    (tmp_path / "registry.example.com:5000").touch()
    with pytest.raises(InvalidSettings, match="registry.example.com:5000 cannot be read.*certs_dir"):
        read(tmp_path)


FOUND = HostCertificates(("a.crt",), "x.cert", "x.key")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (TlsSettings(), TlsSettings(client_cert="x.cert", client_key="x.key", extra_cas=("a.crt",))),
        (TlsSettings(ca_path="ca"), TlsSettings(ca_path="ca", client_cert="x.cert", client_key="x.key")),
        (TlsSettings(client_cert="c"), TlsSettings(client_cert="c", extra_cas=("a.crt",))),
        (TlsSettings(None, "c", "k", False), TlsSettings(None, "c", "k", False, ("a.crt",))),
    ],
)
def test_what_is_given_comes_first(given: TlsSettings, expected: TlsSettings) -> None:
    assert given.with_host_certificates(FOUND) == expected
    assert given.with_host_certificates(NONE) == given
