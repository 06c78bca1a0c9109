# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verbs against scripted answers, paging among them."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci import media_types as m
from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import (
    ContentError,
    NotFound,
    ResponseError,
    Unauthorized,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.paging import next_query
from ansible_collections.dockyard.registry.plugins.module_utils.oci.streams import read_all
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import digest_of, platform_image
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.scripted_server import (
    Reply,
    ScriptedServer,
    as_json,
    registry_error,
)

IMAGE = platform_image()
RAW = IMAGE.contents[IMAGE.root][0]
BLOB = b"a blob"
DESCRIPTOR = m.Descriptor("x", digest_of(BLOB), len(BLOB))
CATALOG = "/v2/_catalog"
TAG = "/v2/a/b/manifests/1"
BLOB_PATH = f"/v2/a/b/blobs/{DESCRIPTOR.digest}"
UPLOADS = "/v2/a/b/blobs/uploads/"


@pytest.fixture
def client(server: ScriptedServer, connect: t.Callable[..., RegistryClient]) -> RegistryClient:
    return connect(server.url)


def manifest_reply(**headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(200, RAW, {"Content-Type": m.OCI_MANIFEST, "Docker-Content-Digest": IMAGE.root, **named})


def test_ping(server: ScriptedServer, client: RegistryClient) -> None:
    server.on("GET", "/v2/", as_json({}))
    client.ping()


def test_a_web_page_is_no_registry(server: ScriptedServer, client: RegistryClient) -> None:
    server.on("GET", "/v2/", Reply(body=b"<html>", headers={"Content-Type": "text/html; charset=utf-8"}))
    with pytest.raises(ContentError, match="web page"):
        client.ping()


def test_ping_without_credentials(server: ScriptedServer, client: RegistryClient) -> None:
    server.on("GET", "/v2/", registry_error(401, "UNAUTHORIZED", WWW_Authenticate='Basic realm="x"'))
    with pytest.raises(Unauthorized, match="user name and password"):
        client.ping()


def test_head_of_a_manifest_asks_for_all_types(server: ScriptedServer, client: RegistryClient) -> None:
    server.on("HEAD", TAG, manifest_reply(), registry_error(404, "MANIFEST_UNKNOWN"))
    assert client.head_manifest("a/b", "1") == m.Descriptor(m.OCI_MANIFEST, IMAGE.root, len(RAW))
    assert client.head_manifest("a/b", "1") is None
    assert set(server.seen[0].headers["Accept"].split(", ")) == m.ALL_TYPES


def test_head_without_a_digest_reads_the_manifest(server: ScriptedServer, client: RegistryClient) -> None:
    server.on("HEAD", TAG, manifest_reply(Docker_Content_Digest="")).on(
        "GET", TAG, manifest_reply(Docker_Content_Digest="")
    )
    found = client.head_manifest("a/b", "1")
    assert found is not None and found.digest == IMAGE.root


@pytest.mark.parametrize("digest", ["sha256:../../x", "md5:" + "0" * 32])
def test_a_digest_that_is_none(server: ScriptedServer, client: RegistryClient, digest: str) -> None:
    server.on("HEAD", TAG, manifest_reply(Docker_Content_Digest=digest))
    with pytest.raises(ContentError, match="digest"):
        client.head_manifest("a/b", "1")


def test_a_manifest(server: ScriptedServer, client: RegistryClient) -> None:
    server.on("GET", TAG, manifest_reply(Content_Type=f"{m.OCI_MANIFEST}; charset=utf-8"))
    assert client.get_manifest("a/b", "1").digest == IMAGE.root


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (manifest_reply(Docker_Content_Digest=digest_of(b"other")), "has the digest"),
        (Reply(body=b"<html>sign in</html>", headers={"Content-Type": "text/html"}), "not JSON.*sign in"),
        (Reply(body=b"x" * (m.MAX_MANIFEST_SIZE + 1), headers={"Content-Type": m.OCI_MANIFEST}), "more than"),
    ],
)
def test_manifests_that_are_none(server: ScriptedServer, client: RegistryClient, reply: Reply, problem: str) -> None:
    server.on("GET", TAG, reply)
    with pytest.raises(ContentError, match=problem):
        client.get_manifest("a/b", "1")


def test_a_manifest_by_digest_is_verified_even_if_the_header_agrees(
    server: ScriptedServer, client: RegistryClient
) -> None:
    wanted = digest_of(b"wanted")
    server.on("GET", f"/v2/a/b/manifests/{wanted}", manifest_reply(Docker_Content_Digest=wanted))
    with pytest.raises(ContentError, match=f"not {wanted}"):
        client.get_manifest("a/b", wanted)


def test_writing_a_manifest(server: ScriptedServer, client: RegistryClient) -> None:
    manifest = m.parse_manifest(RAW, m.OCI_MANIFEST, where="x")
    other = digest_of(b"other")
    server.on("PUT", TAG, Reply(503), Reply(201, headers={"Docker-Content-Digest": IMAGE.root}))
    server.on("PUT", TAG, Reply(201, headers={"Docker-Content-Digest": other}))
    client.put_manifest("a/b", "1", manifest)
    assert server.seen[1].body == RAW
    assert server.seen[1].headers["Content-Type"] == m.OCI_MANIFEST
    with pytest.raises(ContentError, match="stored sha256:"):
        client.put_manifest("a/b", "1", manifest)


def test_blobs(server: ScriptedServer, client: RegistryClient) -> None:
    server.on("HEAD", BLOB_PATH, Reply(), registry_error(404, "BLOB_UNKNOWN")).on("GET", BLOB_PATH, Reply(body=BLOB))
    assert client.head_blob("a/b", DESCRIPTOR.digest)
    assert not client.head_blob("a/b", DESCRIPTOR.digest)
    assert client.get_blob("a/b", DESCRIPTOR, limit=100) == BLOB
    with pytest.raises(ContentError, match="at most 3"):
        client.get_blob("a/b", DESCRIPTOR, limit=3)


@pytest.mark.parametrize(
    ("body", "problem"), [(b"A blob", "digest"), (b"a blob and more", "more bytes"), (b"a", "only 1 bytes")]
)
def test_blobs_that_are_not_what_they_should_be(
    server: ScriptedServer, client: RegistryClient, body: bytes, problem: str
) -> None:
    server.on("GET", BLOB_PATH, Reply(body=body))
    with pytest.raises(ContentError, match=problem):
        read_all(client.open_blob("a/b", DESCRIPTOR))


def test_deleting(server: ScriptedServer, client: RegistryClient) -> None:
    server.on("DELETE", TAG, Reply(202), registry_error(404, "MANIFEST_UNKNOWN"), registry_error(405, "UNSUPPORTED"))
    server.on("DELETE", TAG, Reply(404, b"<html>nginx</html>"), Reply(503), Reply(202))
    assert client.delete_manifest("a/b", "1")
    assert not client.delete_manifest("a/b", "1")
    with pytest.raises(ResponseError, match="405: UNSUPPORTED.*storage.delete.enabled"):
        client.delete_manifest("a/b", "1")
    with pytest.raises(NotFound, match="nginx"):
        client.delete_manifest("a/b", "1")
    assert client.delete_manifest("a/b", "1")


def test_pages(server: ScriptedServer, client: RegistryClient) -> None:
    server.on(
        "GET", f"{CATALOG}?n=1000", as_json({"repositories": ["a", "b"]}, Link=f'<{CATALOG}?last=b&n=1000>; rel="next"')
    )
    # Another host, as a bad proxy or an attacker would have it: only the query is used.
    server.on(
        "GET",
        f"{CATALOG}?last=b&n=1000",
        as_json({"repositories": ["c"]}, Link="<http://evil.invalid/x?last=c&n=1000>; rel=next"),
    )
    server.on("GET", f"{CATALOG}?last=c&n=1000", as_json({"repositories": None}))
    assert list(client.repositories()) == ["a", "b", "c"]


def test_smaller_pages(server: ScriptedServer, client: RegistryClient) -> None:
    refusal = registry_error(400, "PAGINATION_NUMBER_INVALID")
    server.on("GET", f"{CATALOG}?n=1000", refusal).on("GET", f"{CATALOG}?n=100", refusal)
    server.on("GET", CATALOG, as_json({"repositories": ["a"]}))
    assert list(client.repositories()) == ["a"]


def test_pages_that_go_in_a_circle(server: ScriptedServer, client: RegistryClient) -> None:
    link = f'<{CATALOG}?last=a>; rel="next"'
    server.on("GET", f"{CATALOG}?n=1000", as_json({"repositories": ["a"]}, Link=link))
    server.on("GET", f"{CATALOG}?last=a", as_json({"repositories": ["a"]}, Link=link))
    with pytest.raises(ContentError, match="read before"):
        list(client.repositories())


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b"{}", b'{"tags": 1}', b'{"tags": [1]}', json.dumps({"tags": "abc"}).encode()]
)
def test_lists_that_are_none(server: ScriptedServer, client: RegistryClient, body: bytes) -> None:
    server.on("GET", "/v2/a/b/tags/list?n=1000", Reply(body=body))
    with pytest.raises(ContentError):
        list(client.tags("a/b"))


@pytest.mark.parametrize("reply", [as_json({"tags": None}), registry_error(404, "NAME_UNKNOWN")])
def test_repositories_without_tags(server: ScriptedServer, client: RegistryClient, reply: Reply) -> None:
    server.on("GET", "/v2/a/b/tags/list?n=1000", reply)
    assert list(client.tags("a/b")) == []


def test_a_404_that_is_not_the_registrys(server: ScriptedServer, client: RegistryClient) -> None:
    server.on("GET", "/v2/a/b/tags/list?n=1000", Reply(404, b"<html>nginx</html>"))
    with pytest.raises(NotFound, match="nginx"):
        list(client.tags("a/b"))


def test_a_catalog_that_is_refused(server: ScriptedServer, client: RegistryClient) -> None:
    server.on("GET", f"{CATALOG}?n=1000", registry_error(400, "OTHER"))
    with pytest.raises(ResponseError, match="OTHER"):
        list(client.repositories())


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        ([], None),
        (['</v2/_catalog?last=a%2Fb&n=5>; rel="next"'], "last=a%2Fb&n=5"),
        (['<?last=a>; rel="prev", <?last=b>; title="x"; rel=next'], "last=b"),
        (['<?last=a>; rel="prev"', '<?last=b>; REL="Next"'], "last=b"),
        (['<?last=a>; rel="nextish"', "nonsense", "<>"], None),
        (['<?last=a\r>; rel="next"'], "last=a%0D"),
    ],
)
def test_links(links: list[str], expected: str | None) -> None:
    assert next_query(links) == expected
