# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""References: tables of what is one and what is not, and properties that hold for all."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import InvalidReference
from ansible_collections.dockyard.registry.plugins.module_utils.oci.reference import (
    Reference,
    parse_digest,
    parse_local_reference,
    parse_reference,
    parse_registry,
    parse_repository,
    parse_repository_tag,
    parse_tag,
)

SHA256 = "sha256:" + "0a" * 32
SHA512 = "sha512:" + "0a" * 64


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("grafana/grafana", "docker.io/grafana/grafana:latest"),
        ("docker.io/nginx", "docker.io/library/nginx:latest"),
        ("index.docker.io/nginx", "docker.io/library/nginx:latest"),
        ("registry-1.docker.io/library/nginx:1", "docker.io/library/nginx:1"),
        ("localhost/x", "localhost/x:latest"),
        ("localhost:5000/x:1", "localhost:5000/x:1"),
        ("LOCAL/x", "LOCAL/x:latest"),
        ("LOCALHOST/x", "localhost/x:latest"),
        ("LOCAL:5000/x", "local:5000/x:latest"),
        ("127.0.0.1:5001/a/b__c/d-e:T.1-_x", "127.0.0.1:5001/a/b__c/d-e:T.1-_x"),
        ("[::1]:5000/x:1", "[::1]:5000/x:1"),
        ("registry.example.com/x", "registry.example.com/x:latest"),
        (f"registry.example.com/x@{SHA256}", f"registry.example.com/x@{SHA256}"),
        (f"x:1@{SHA512}", f"docker.io/library/x:1@{SHA512}"),
    ],
)
def test_short_names_become_long(text: str, expected: str) -> None:
    assert str(parse_reference(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "/", ":", "@", "x:", "x@", "x/", "/x", "a//b", "Nginx", "team/Nginx", "x:.tag", "x:-tag", "x:a b",
        "x:" + "t" * 129, "-x", "x-", "a___b", "a..b", "a._b", "x\n", "x:1\n", "é", "https://host/x",
        "host:0/x", "host:70000/x", "host:/x", "[::1/x", "x@sha256:abc", "x@sha256:" + "A" * 64, "x@md5:" + "0" * 32,
        "../x", "a/../b",
        "x?y", "x#y", "x%20y",
        "a" * 256, "registry.example.com/" + "a/" * 200 + "a",
    ],
)  # fmt: skip
def test_what_is_no_reference(text: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        parse_reference(text)
    assert caught.value.hint


def test_what_is_asked_and_where() -> None:
    hub = parse_reference("nginx")
    assert (hub.api_host, hub.target, hub.local) == ("registry-1.docker.io", "latest", "library/nginx:latest")
    exact = parse_reference(f"example.com/x:1@{SHA256}")
    assert (exact.api_host, exact.target) == ("example.com", SHA256)
    assert Reference("example.com", "x").target == "latest"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nginx", ("nginx", "latest")),
        ("library/nginx:1.27", ("library/nginx", "1.27")),
        ("a.example/b", ("a.example/b", "latest")),
    ],
)
def test_a_place_on_a_known_registry(text: str, expected: tuple[str, str]) -> None:
    assert parse_repository_tag(text) == expected
    assert str(parse_repository_tag(text)) == ":".join(expected)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"x@{SHA256}", "holds a digest"),
        ("127.0.0.1:5000/x:1", "holds a registry"),
        ("Nginx", "lower-case"),
        ("x:", "not a tag"),
        ("", "not a repository"),
        ("a" * 256, "256 characters"),
    ],
)
def test_no_place_on_a_known_registry(text: str, problem: str) -> None:
    with pytest.raises(InvalidReference, match=problem):
        parse_repository_tag(text)


@pytest.mark.parametrize("text", [SHA256, SHA512])
def test_digests(text: str) -> None:
    assert parse_digest(text) == text


@pytest.mark.parametrize(
    "text", ["sha256", "sha256:", SHA256 + "0", SHA256.upper(), SHA512[:-1], "sha1:" + "0" * 40, SHA256 + "\n"]
)
def test_no_digests(text: str) -> None:
    with pytest.raises(InvalidReference):
        parse_digest(text)


@pytest.mark.parametrize("text", ["", "a_b", "-a", "a-", "a..b", "a:", "a:x", "[a", "a/b", "a:65536", "a b", "u@h"])
def test_no_registries(text: str) -> None:
    with pytest.raises(InvalidReference):
        parse_registry(text)


COMPONENT = st.from_regex(r"[a-z0-9]+((\.|_|__|-{1,3})[a-z0-9]+){0,3}", fullmatch=True)
REPOSITORIES = st.lists(COMPONENT, min_size=1, max_size=4).map("/".join).filter(lambda name: len(name) <= 255)
TAGS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,40}", fullmatch=True)
HOSTS = st.sampled_from(["localhost", "example.com", "127.0.0.1", "[::1]", "registry-1.example.com"])
PORTS = st.one_of(st.just(""), st.integers(1, 65535).map(lambda port: f":{port}"))
DIGESTS = st.one_of(st.none(), st.binary(min_size=32, max_size=32).map(lambda raw: f"sha256:{raw.hex()}"))


@given(HOSTS, PORTS, REPOSITORIES, TAGS, DIGESTS)
def test_writing_and_reading_agree(host: str, port: str, repository: str, tag: str, digest: str | None) -> None:
    reference = Reference(host + port, repository, tag, digest)
    assert parse_reference(str(reference)) == reference


@given(REPOSITORIES, TAGS)
def test_names_made_by_the_grammar_are_names(repository: str, tag: str) -> None:
    assert parse_repository(repository) == repository
    assert parse_tag(tag) == tag
    assert parse_repository_tag(f"{repository}:{tag}") == (repository, tag)


@given(st.text(max_size=40))
@example("A/0")
def test_any_text_is_a_stable_reference_or_a_clear_error(text: str) -> None:
    try:
        reference = parse_reference(text)
    except InvalidReference as error:
        assert error.message
    else:
        assert parse_reference(str(reference)) == reference
        assert str(reference).isascii() and not set(str(reference)) & set(" \n?#%\\")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nginx", "host:5000/nginx:latest"),
        ("a/b:1", "host:5000/a/b:1"),
        (f"a@{SHA256}", f"host:5000/a@{SHA256}"),
        (f"a/b:1@{SHA512}", f"host:5000/a/b:1@{SHA512}"),
    ],
)
def test_references_on_a_registry(text: str, expected: str) -> None:
    assert str(parse_local_reference(text, "host:5000")) == expected


@pytest.mark.parametrize(
    "text", ["", "A", "a:", "a@", "host:5000/a", "a@sha256:abc", f"a:b c@{SHA256}", f"a@{SHA256}@{SHA256}"]
)
def test_what_is_no_reference_on_a_registry(text: str) -> None:
    with pytest.raises(InvalidReference):
        parse_local_reference(text, "host")
