# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every fault of a certificate that is brought gets a message with the variable, the file and the way out."""

from __future__ import annotations

import dataclasses
import datetime
import ssl

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dockyard.registry.plugins.filter import certificate_problems as plugin
from ansible_collections.dockyard.registry.plugins.plugin_utils import certificates
from ansible_collections.dockyard.registry.tests.unit.plugins.plugin_utils.authority import NAMES, NOW, make

ROOT = make("Example Root")
MIDDLE = make("Example Issuing", ROOT)
SERVER = make("server", MIDDLE, names=NAMES)
OTHER = make("other", MIDDLE, names=NAMES)
STRANGER = make("Stranger Root")
CHAIN = SERVER.pem + MIDDLE.pem


def files(certificate=CHAIN, key=None, ca=ROOT.pem, **change):
    key_file = certificates.GivenFile("registry_tls_key", "/tls/registry.key", content=key or SERVER.key_pem())
    return certificates.GivenFiles(
        certificate=certificates.GivenFile("registry_tls_certificate", "/tls/registry.crt", content=certificate),
        key=dataclasses.replace(key_file, **change),
        ca=certificates.GivenFile("registry_tls_ca", "/tls/ca.crt", content=ca) if ca else None,
    )


def problems(given_files, names=NAMES, known=()):
    return certificates.certificate_problems(given_files, names, now=NOW, known=known)


def only(found):
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize(
    ("good", "names", "known"),
    [
        (files(), NAMES, []),
        (files(CHAIN + ROOT.pem), NAMES, []),
        (files(b"# a comment\n" + CHAIN), NAMES[:1], []),
        (files(ca=b""), NAMES, [ROOT.certificate]),
        (files(ca=b""), NAMES, []),
        (files(ca=STRANGER.pem + ROOT.pem), NAMES, []),
    ],
    ids=["chain", "with root", "comment", "system's CA", "system's CAs are unknown", "two CAs"],
)
def test_good_files(good, names, known):
    assert problems(good, names, known) == []


def test_self_signed_that_is_its_own_ca():
    alone = make("alone", names=NAMES)
    assert problems(files(alone.pem, alone.key_pem(), alone.pem)) == []


def test_wildcard_stands_for_one_label():
    wild = make("wild", MIDDLE, names=("*.example.com",)).certificate
    assert certificates.covers(wild, "registry.example.com")
    assert not certificates.covers(wild, "a.registry.example.com")
    assert not certificates.covers(wild, "example.com")


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (files(key=OTHER.key_pem()), ["registry_tls_key is '/tls/registry.key'", "does not belong", "made together"]),
        (files(key=MIDDLE.key_pem()), ["number 2", "Put the server's own certificate first"]),
        (files(key=SERVER.key_pem(b"hush")), ["encrypted with a passphrase", "openssl pkey", "ansible-vault encrypt"]),
        (files(key=b"nothing"), ["registry_tls_key is", "holds no private key in PEM"]),
        (files(others=True), ["every user of the controller", "chmod 600 /tls/registry.key"]),
        (files(exists=False), ["registry_tls_key is '/tls/registry.key'", "no such file"]),
        (files(readable=False), ["may not read"]),
        (files(SERVER.pem), ["was issued by 'CN=Example Issuing'", "not in '/tls/ca.crt' (registry_tls_ca)"]),
        (files(ca=STRANGER.pem), ["'CN=Example Root'", "name the right CA"]),
        (files(SERVER.pem + ROOT.pem + MIDDLE.pem), ["number 2 ('CN=Example Root') is not the issuer", "issuer after it"]),
        (files(b"nothing"), ["registry_tls_certificate is", "no certificate in PEM", "openssl x509"]),
        (files(CHAIN[:200] + b"!" + CHAIN[201:]), ["is damaged"]),
        (files(ca=b"nothing"), ["registry_tls_ca is '/tls/ca.crt'", "no certificate in PEM"]),
    ],
    ids=lambda value: value[0][:40] if isinstance(value, list) else "",
)
def test_bad_files(bad, says):
    message = only(problems(bad))
    for text in says:
        assert text in message
    assert SERVER.key_pem().splitlines()[1].decode() not in message


@pytest.mark.parametrize(
    ("days", "says"),
    [((-10, -1), ["'CN=server' ended on 2026-05-31", "Get a new one"]), ((1, 10), ["begins on 2026-06-02", "clock says"])],
)
def test_dates(days, says):
    server = make("server", MIDDLE, names=NAMES, days=days)
    message = only(problems(files(server.pem + MIDDLE.pem, server.key_pem())))
    for text in says:
        assert text in message


def test_ca_that_has_ended():
    ca = make("Old Root", days=(-10, -1))
    server = make("server", ca, names=NAMES)
    assert "registry_tls_ca is '/tls/ca.crt', whose certificate 'CN=Old Root' ended" in only(
        problems(files(server.pem, server.key_pem(), ca.pem))
    )


def test_names_that_it_is_not_for():
    message = only(problems(files(), (*NAMES, "other.example.com", "192.0.2.8")))
    assert "not for other.example.com, 192.0.2.8 (registry_host_names)" in message
    assert "but for registry.example.com, 192.0.2.7" in message


def test_certificate_of_a_client():
    client = make("client", MIDDLE, names=NAMES, usage=ExtendedKeyUsageOID.CLIENT_AUTH)
    assert "lacks serverAuth" in only(problems(files(client.pem + MIDDLE.pem, client.key_pem())))


@pytest.mark.parametrize(
    ("pem", "key", "says"),
    [
        (SERVER.pem, SERVER, "a CA often calls that file fullchain"),
        (STRANGER.pem, STRANGER, "signed by itself"),
    ],
)
def test_no_ca_given_and_none_known(pem, key, says):
    names = NAMES if key is SERVER else ()
    assert says in only(problems(files(pem, key.key_pem(), b""), names, [ROOT.certificate]))


def test_all_at_once():
    assert len(problems(files(SERVER.pem, OTHER.key_pem(), others=True), ("other.example.com",))) == 4


@given(st.binary(max_size=200))
def test_no_bytes_break_it(data):
    for bad in (files(certificate=data), files(key=data + b"x"), files(ca=data + b"x")):
        assert only(problems(bad))


def test_a_client_agrees(tmp_path):
    """What is found good here, a real handshake finds good, and the other way round."""
    now = datetime.datetime.now(datetime.timezone.utc)
    root = make("Root", now=now)
    middle = make("Issuing", root, now=now)
    server = make("server", middle, names=NAMES, now=now)
    for chain, good in ((server.pem + middle.pem, True), (server.pem, False)):
        found = certificates.certificate_problems(files(chain, server.key_pem(), root.pem), NAMES, now=now)
        assert (found == []) is good
        assert shakes_hands(tmp_path, chain + server.key_pem(), root.pem) is good


def shakes_hands(folder, pem, ca):
    (folder / "server.pem").write_bytes(pem)
    there, here = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cadata=ca.decode())
    there.load_cert_chain(folder / "server.pem")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        there.wrap_bio(to_server, to_client, server_side=True),
        here.wrap_bio(to_client, to_server, server_hostname=NAMES[0]),
    ]
    for _round in range(4):
        for side in sides:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLCertVerificationError:
                return False
    return sides[1].version() is not None


def write(folder, name, content, mode):
    path = folder / name
    path.write_bytes(content)
    path.chmod(mode)
    return {"path": str(path), "content": content.decode()}


def test_filter_looks_at_the_disk(tmp_path):
    now = datetime.datetime.now(datetime.timezone.utc)
    root = make("Root", now=now)
    server = make("server", root, names=NAMES, now=now)
    given_files = {
        "registry_tls_certificate": write(tmp_path, "a.crt", server.pem, 0o644),
        "registry_tls_key": write(tmp_path, "a.key", server.key_pem(), 0o600),
        "registry_tls_ca": write(tmp_path, "ca.crt", root.pem, 0o644),
    }
    assert plugin.problems(given_files, NAMES) == []
    (tmp_path / "a.key").chmod(0o604)
    assert "chmod 600" in only(plugin.problems(given_files, NAMES))
    (tmp_path / "a.key").write_text("$ANSIBLE_VAULT;1.1;AES256\n6162\n")
    assert plugin.problems(given_files, NAMES) == []
    (tmp_path / "ca.crt").unlink()
    assert "registry_tls_ca is" in only(plugin.problems(given_files, NAMES))
    assert "not among the CAs that this system knows" in only(
        plugin.problems({**given_files, "registry_tls_ca": {"path": "", "content": ""}}, NAMES)
    )


def test_der_is_not_pem():
    der = SERVER.certificate.public_bytes(serialization.Encoding.DER)
    assert "openssl x509 -inform der" in only(problems(files(der)))


def test_table():
    rows = certificates.certificate_rows(CHAIN, ROOT.pem, now=NOW)
    assert rows == [
        "served  registry.example.com, 192.0.2.7: valid until 2026-09-09, 100 days",
        "issuer  CN=Example Issuing: valid until 2026-09-09, 100 days",
        "CA      CN=Example Root: valid until 2026-09-09, 100 days",
    ]


def test_without_the_library(monkeypatch):
    monkeypatch.setattr(certificates, "_MISSING", ImportError("No module named 'cryptography'"))
    with pytest.raises(certificates.CertificatesError, match="pip install cryptography"):
        problems(files())
