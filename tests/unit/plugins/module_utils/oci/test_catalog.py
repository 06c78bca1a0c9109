# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catalog: names, details, and going on past what cannot be read."""

from __future__ import annotations

import contextlib
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci import catalog as module
from ansible_collections.dockyard.registry.plugins.module_utils.oci.catalog import Catalog, Gather, Query, read_catalog
from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import (
    ConnectionFailed,
    InvalidSettings,
    RegistryError,
    ResponseError,
    Unauthorized,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.selection import Selection
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import index_image, platform_image
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.memory_registry import MemoryRegistry
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.scripted_server import (
    Reply,
    ScriptedServer,
    as_json,
)

ONE, MANY = platform_image(), index_image()
NAMES = Query(gather="names")


@pytest.fixture
def client(registry: MemoryRegistry, connect: t.Callable[..., RegistryClient]) -> RegistryClient:
    registry.put("team/b", "2", ONE.contents, ONE.root)
    registry.put("team/b", "1", MANY.contents, MANY.root)
    registry.put("team/a", "x", MANY.contents, MANY.root)
    return connect(registry.url)


def test_all_is_sorted_and_described(client: RegistryClient) -> None:
    catalog = read_catalog(client)
    assert not catalog.failures
    assert [(repository.name, [tag.name for tag in repository.tags]) for repository in catalog.repositories] == [
        ("team/a", ["x"]),
        ("team/b", ["1", "2"]),
    ]
    many, one = (tag.details for tag in catalog.repositories[1].tags)
    assert many is not None and one is not None
    assert (many.digest, many.size, many.platforms) == (MANY.root, MANY.size, ("linux/amd64", "linux/arm64"))
    assert (one.digest, one.size, one.platforms) == (ONE.root, ONE.size, ("linux/amd64",))


def test_names_only_cost_no_request_for_a_tag(registry: MemoryRegistry, client: RegistryClient) -> None:
    catalog = read_catalog(client, NAMES)
    assert [tag.details for repository in catalog.repositories for tag in repository.tags] == [None, None, None]
    assert sorted(registry.log) == [
        "GET /v2/_catalog?n=1000",
        "GET /v2/team/a/tags/list?n=1000",
        "GET /v2/team/b/tags/list?n=1000",
    ]


@pytest.mark.parametrize(
    ("wanted", "found"), [(Selection(), ["team/a", "team/b"]), (Selection(("team/b", "team/c")), ["team/b"])]
)
def test_repositories_only_cost_the_catalog_alone(
    registry: MemoryRegistry, client: RegistryClient, wanted: Selection, found: list[str]
) -> None:
    catalog = read_catalog(client, Query(wanted, gather="repositories"))
    assert [(repository.name, repository.tags, repository.empty) for repository in catalog.repositories] == [
        (name, (), False) for name in found
    ]
    assert catalog.unmatched_repositories == tuple(name for name in wanted.includes if name == "team/c")
    assert registry.log == ["GET /v2/_catalog?n=1000"]


@pytest.mark.parametrize(
    ("gather", "last"), [("digests", "read 2 repositories, 3 tags in 0 s"), ("repositories", "read 2 repositories in 0 s")]
)
def test_progress(client: RegistryClient, monkeypatch: pytest.MonkeyPatch, gather: Gather, last: str) -> None:
    lines: list[str] = []

    @contextlib.contextmanager
    def before_and_after(report: t.Callable[[str], None], line: t.Callable[[], str]) -> t.Iterator[None]:
        report(line())
        yield
        report(line())

    monkeypatch.setattr(module, "watching", before_and_after)
    read_catalog(client, Query(gather=gather), report=lines.append)
    assert lines[0].startswith("read 0 repositories") and lines[1:] == [last]


def test_pages(registry: MemoryRegistry, connect: t.Callable[..., RegistryClient]) -> None:
    registry.max_entries = 100
    for number in range(250):
        registry.manifests[f"r{number:03}", "x"] = (b"", "")
    registry.tags.update({("r000", f"t{number:03}"): "x" for number in range(101)})
    catalog = read_catalog(connect(registry.url), NAMES)
    assert [repository.name for repository in catalog.repositories] == [f"r{number:03}" for number in range(250)]
    assert len(catalog.repositories[0].tags) == 101


def names(catalog: Catalog) -> list[str]:
    return [repository.name for repository in catalog.repositories]


def test_only_some_repositories(registry: MemoryRegistry, client: RegistryClient) -> None:
    catalog = read_catalog(client, Query(Selection(("team/b", "not/there")), gather="names"))
    assert [(repository.name, len(repository.tags)) for repository in catalog.repositories] == [("team/b", 2)]
    assert catalog.unmatched_repositories == ("not/there",)
    assert not [line for line in registry.log if "_catalog" in line]


def test_no_repositories_at_all(client: RegistryClient) -> None:
    assert read_catalog(client, Query(Selection(()))).repositories == ()


@pytest.mark.parametrize(
    ("includes", "excludes", "found", "unmatched"),
    [
        (("team/*",), (), ["team/a", "team/b"], ()),
        (("*",), ("team/a",), ["team/b"], ()),
        (("*",), ("*",), [], ()),
        (("*/[bc]", "x*"), (), ["team/b"], ("x*",)),
        (("*/b", "team/a", "team/c"), (), ["team/a", "team/b"], ("team/c",)),
        (("team/a", "team/b"), ("*b",), ["team/a"], ()),
    ],
)
def test_patterns(
    client: RegistryClient,
    includes: tuple[str, ...],
    excludes: tuple[str, ...],
    found: list[str],
    unmatched: tuple[str, ...],
) -> None:
    catalog = read_catalog(client, Query(Selection(includes, excludes), gather="names"))
    assert (names(catalog), catalog.unmatched_repositories) == (found, unmatched)


def test_nothing_is_asked_for_what_the_patterns_leave_out(registry: MemoryRegistry, client: RegistryClient) -> None:
    catalog = read_catalog(client, Query(Selection(("*b",)), Selection(("2", "3")), gather="digests"))
    assert [(tag.name, tag.digest, tag.media_type, tag.details) for tag in catalog.repositories[0].tags] == [
        ("2", ONE.root, ONE.media_type, None)
    ]
    assert catalog.unmatched_tags == ("3",)
    assert registry.log == [
        "GET /v2/_catalog?n=1000",
        "GET /v2/team/b/tags/list?n=1000",
        "HEAD /v2/team/b/manifests/2",
    ]


def test_a_repository_without_tags_is_empty_not_filtered(registry: MemoryRegistry, client: RegistryClient) -> None:
    registry.put("untagged", "1", ONE.contents, ONE.root)
    del registry.tags["untagged", "1"]
    catalog = read_catalog(client, Query(tags=Selection(("x",)), gather="names"))
    assert [(one.name, len(one.tags), one.empty) for one in catalog.repositories] == [
        ("team/a", 1, False),
        ("team/b", 0, False),
        ("untagged", 0, True),
    ]


def test_page_by_page(registry: MemoryRegistry, connect: t.Callable[..., RegistryClient]) -> None:
    for number in range(10):
        registry.put(f"r{number}", "x", ONE.contents, ONE.root)
    client, pages, after = connect(registry.url), [], ""
    for _page in range(4):
        catalog = read_catalog(client, Query(Selection(excludes=("r4",)), gather="names", limit=3, after=after))
        pages.append(names(catalog))
        after = catalog.next
    assert pages == [["r0", "r1", "r2"], ["r3", "r5", "r6"], ["r7", "r8", "r9"], pages[0]]


def test_page_by_page_of_names(client: RegistryClient) -> None:
    named = Selection(("team/b", "team/a", "c"))
    assert [
        (names(catalog), catalog.next)
        for after in ("", "c", "team/a", "team/b")
        for catalog in [read_catalog(client, Query(named, gather="names", limit=1, after=after))]
    ] == [([], "c"), (["team/a"], "team/a"), (["team/b"], ""), ([], "")]


@pytest.mark.parametrize(("size", "asked"), [(7, ["?n=7", ""]), (500, ["?n=500", "?n=100", ""]), (3, ["?n=3", "?last=r2&n=3"])])
def test_page_sizes(
    registry: MemoryRegistry, connect: t.Callable[..., RegistryClient], size: int, asked: list[str]
) -> None:
    registry.max_entries = 5
    for number in range(4):
        registry.put(f"r{number}", "x", ONE.contents, ONE.root)
    assert len(read_catalog(connect(registry.url), Query(gather="names", page_size=size)).repositories) == 4
    assert [line for line in registry.log if "_catalog" in line] == [f"GET /v2/_catalog{query}" for query in asked]


def test_numbers_that_cannot_be() -> None:
    for settings in ({"limit": 0}, {"page_size": 0}, {"limit": -1}):
        with pytest.raises(InvalidSettings, match="positive"):
            Query(**settings)


def test_few_requests_wait_at_a_time(
    registry: MemoryRegistry, client: RegistryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the catalog is, no more of it is held as work to do than keeps the threads busy."""
    asked: list[str] = []
    far_ahead: list[int] = []

    def repositories(**_window: object) -> t.Iterator[str]:
        for number in range(500):
            far_ahead.append(number - len(asked))
            yield f"r{number:03}"

    def find_tags(repository: str, **_window: object) -> list[str]:
        asked.append(repository)
        return ["1"]

    monkeypatch.setattr(client, "repositories", repositories)
    monkeypatch.setattr(client, "find_tags", find_tags)
    catalog = read_catalog(client, Query(gather="names", page_size=10), threads=2)
    assert len(catalog.repositories) == 500
    assert max(far_ahead) <= 10 * 2 + 2 * 4 + 1


def test_what_cannot_be_read_is_told_beside_the_rest(registry: MemoryRegistry, client: RegistryClient) -> None:
    registry.broken = {
        "GET /v2/team/a/tags/list": (403, "DENIED"),
        "GET /v2/team/b/manifests/1": (404, "MANIFEST_UNKNOWN"),
    }
    catalog = read_catalog(client)
    assert [(failure.repository, failure.tag, type(failure.error).__name__) for failure in catalog.failures] == [
        ("team/a", "", "Unauthorized"),
        ("team/b", "1", "NotFound"),
    ]
    (repository,) = catalog.repositories
    assert [(tag.name, tag.details is None) for tag in repository.tags] == [("1", True), ("2", False)]


def test_a_catalog_that_breaks_off(
    registry: MemoryRegistry, client: RegistryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def repositories(**_window: object) -> t.Iterator[str]:
        yield "team/b"
        raise ResponseError("GET", "http://x/v2/_catalog", 500)

    monkeypatch.setattr(client, "repositories", repositories)
    catalog = read_catalog(client, NAMES)
    assert [repository.name for repository in catalog.repositories] == ["team/b"]
    assert [(failure.repository, failure.tag) for failure in catalog.failures] == [("", "")]


def test_nothing_can_be_read(registry: MemoryRegistry, client: RegistryClient) -> None:
    registry.broken["GET /v2/_catalog"] = (401, "UNAUTHORIZED")
    with pytest.raises(Unauthorized, match="name the repositories"):
        read_catalog(client)


@pytest.mark.parametrize("status", [401, 403, 404, 405])
def test_a_catalog_that_is_not_handed_out(registry: MemoryRegistry, client: RegistryClient, status: int) -> None:
    registry.broken["GET /v2/_catalog"] = (status, "UNSUPPORTED")
    with pytest.raises(ResponseError, match="name the repositories, without patterns"):
        read_catalog(client)
    assert names(read_catalog(client, Query(Selection(("team/a",)), gather="names"))) == ["team/a"]


def test_digests_of_many_tags_cost_one_request_a_tag(registry: MemoryRegistry, client: RegistryClient) -> None:
    registry.tags.update({("team/a", f"t{number:03}"): MANY.root for number in range(100)})
    catalog = read_catalog(client, Query(Selection(("team/a",)), gather="digests"))
    assert [(tag.name, tag.digest) for tag in catalog.repositories[0].tags] == [
        *((f"t{number:03}", MANY.root) for number in range(100)),
        ("x", MANY.root),
    ]
    heads = [line for line in registry.log if line.startswith("HEAD")]
    assert len(heads) == len(set(heads)) == 101 == client.requests - 1


def test_one_lost_among_many_is_that_one(registry: MemoryRegistry, client: RegistryClient) -> None:
    registry.tags.update({("team/a", f"t{number:03}"): MANY.root for number in range(100)})
    registry.tags["team/a", "t070"] = "sha256:" + "0" * 64
    registry.broken["HEAD /v2/team/a/manifests/t080"] = (403, "DENIED")
    catalog = read_catalog(client, Query(Selection(("team/a",)), gather="digests"))
    assert [(failure.tag, type(failure.error).__name__) for failure in catalog.failures] == [
        ("t070", "NotFound"),
        ("t080", "Unauthorized"),
    ]
    assert [tag.name for tag in catalog.repositories[0].tags if not tag.digest] == ["t070", "t080"]


def test_a_digest_that_is_none_fails_its_tag_alone(
    scripted: t.Callable[..., ScriptedServer], connect: t.Callable[..., RegistryClient]
) -> None:
    described = {"Content-Type": ONE.media_type, "Docker-Content-Digest": ONE.root}
    server = scripted().on("GET", "/v2/a/tags/list?n=1000", as_json({"tags": [f"t{number:02}" for number in range(40)]}))
    for number in range(40):
        server.always("HEAD", f"/v2/a/manifests/t{number:02}", Reply(headers=described))
    server.always("HEAD", "/v2/a/manifests/t39", Reply(headers={**described, "Docker-Content-Digest": "sha256:../../x"}))
    catalog = read_catalog(connect(server.url), Query(Selection(("a",)), gather="digests"))
    assert [(failure.tag, "a digest that is none" in str(failure.error)) for failure in catalog.failures] == [("t39", True)]
    assert {tag.digest for tag in catalog.repositories[0].tags if tag.name != "t39"} == {ONE.root}


def test_a_tag_that_is_lost(registry: MemoryRegistry, client: RegistryClient) -> None:
    registry.tags["team/a", "lost"] = "sha256:" + "0" * 64
    catalog = read_catalog(client, Query(gather="digests"))
    (failure,) = catalog.failures
    assert (failure.repository, failure.tag) == ("team/a", "lost")
    assert isinstance(failure.error, RegistryError) and "MANIFEST_UNKNOWN" in str(failure.error)


def test_a_registry_that_goes_away_is_not_waited_for_again_and_again(
    client: RegistryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def find_tags(repository: str, **_window: object) -> list[str]:
        asked.append(repository)
        if repository in ("r000", "r010"):
            return ["1"]
        raise ConnectionFailed("GET", "http://x/v2/", "no connection", reason="refused")

    monkeypatch.setattr(client, "find_tags", find_tags)
    wanted = Selection(tuple(f"r{number:03}" for number in range(300)))
    catalog = read_catalog(client, Query(wanted, gather="names"), threads=1)
    assert names(catalog) == ["r000", "r010"]
    # Nine that failed before the last that answered, and sixteen behind it.
    assert len(asked) == 11 + 16
    assert len(catalog.failures) == 298
    assert "no connection" in str(catalog.failures[0].error)
    assert "was not asked" in str(catalog.failures[-1].error)


def test_failures_hold_nothing_but_what_went_wrong(registry: MemoryRegistry, client: RegistryClient) -> None:
    registry.broken["GET /v2/team/a/tags/list"] = (403, "DENIED")
    (failure,) = read_catalog(client, NAMES).failures
    assert failure.error.__traceback__ is None
    assert failure.error.__context__ is None


def test_what_is_known_by_its_digest_is_not_read_again(registry: MemoryRegistry, client: RegistryClient) -> None:
    registry.tags.update({("team/b", f"copy{number}"): MANY.root for number in range(5)})
    read_catalog(client, Query(Selection(("team/b",))), threads=1)
    children = [line for line in registry.log if "/manifests/sha256" in line]
    assert len(children) == len(set(children)) == 3
