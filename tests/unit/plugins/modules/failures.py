# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can go wrong, each as the call of a module that meets it. ``test_failures.py`` runs all, and docs/errors.md shows them."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import tarfile
import typing as t

from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci import images
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.certificates import Certificates
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.memory_registry import MemoryRegistry
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.scripted_server import (
    Hangup,
    Reply,
    ScriptedServer,
    as_json,
    registry_error,
)

IMAGE = images.platform_image()
RAW, TYPE = IMAGE.contents[IMAGE.root]
CONFIG, LAYER = json.loads(RAW)["config"]["digest"], json.loads(RAW)["layers"][0]["digest"]
MANIFEST = "/v2/app/manifests/1"
PASSWORD = "correct horse"


@dataclasses.dataclass
class World:
    """What a case may use. ``destination`` is an empty registry that nothing may be written to."""

    folder: pathlib.Path
    destination: MemoryRegistry
    certificates: Certificates
    make_server: t.Callable[..., ScriptedServer]

    def server(self, *, tls: bool = False) -> ScriptedServer:
        """Return a scripted registry."""
        server = self.make_server(self.certificates.context() if tls else None)
        return server.always("GET", "/v2/", Reply(body=b"{}"))

    def image(self, source: str, **options: t.Any) -> Call:
        """Copy from there into the empty registry."""
        return Call("image", {"url": self.destination.url, "name": "app:1", "source": source, **options})

    def source(self, server: ScriptedServer | MemoryRegistry, **options: t.Any) -> Call:
        """Copy ``app:1`` of that server into the empty registry."""
        return self.image(f"docker://{server.url.partition('://')[2]}/app:1", **options)

    def archive(self, files: t.Mapping[str, bytes], *special: tarfile.TarInfo, cut: int = 0) -> Call:
        """Copy from an OCI archive of these files."""
        path = pathlib.Path(images.write_tar(self.folder / "image.tar", files, *special))
        if cut:
            path.write_bytes(path.read_bytes()[:-cut])
        return self.image(f"oci-archive:{path}")


@dataclasses.dataclass(frozen=True)
class Call:
    """A module and its options."""

    module: str
    options: t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Case:
    """``what`` is the line of the table; ``says`` must all be in the message."""

    group: str
    what: str
    says: tuple[str, ...]
    arrange: t.Callable[[World], Call]


CASES: list[Case] = []


def case(group: str, what: str, *says: str) -> t.Callable[[t.Callable[[World], Call]], None]:
    """Add a function as a case."""

    def add(arrange: t.Callable[[World], Call]) -> None:
        CASES.append(Case(group, what, says, arrange))

    return add


def each(group: str, *rows: tuple[str, tuple[str, ...], t.Callable[[World], Call]]) -> None:
    """Add rows as cases."""
    for what, says, arrange in rows:
        CASES.append(Case(group, what, says, arrange))


def serving(*replies: Reply | Hangup, at: str = MANIFEST, method: str = "GET") -> t.Callable[[World], Call]:
    """Return a case whose source answers its manifest with these."""

    def arrange(world: World) -> Call:
        server = world.server().always("HEAD", MANIFEST, manifest())
        return world.source(server.on(method, at, *replies))

    return arrange


def manifest(body: bytes = RAW, media_type: str = TYPE, digest: str = "") -> Reply:
    """Return a manifest as registries serve it."""
    headers = {"Content-Type": media_type, "Docker-Content-Digest": digest or images.digest_of(body)}
    return Reply(body=body, headers=headers)


def blob(digest: str) -> str:
    """Return a blob's path."""
    return f"/v2/app/blobs/{digest}"


NAMES = "A name"
each(
    NAMES,
    ("has an upper-case letter", ("'Team/App' is not a repository name", "lower-case"),
     lambda world: Call("image", {"url": world.destination.url, "name": "Team/App", "source": "docker://x"})),
    ("has an empty part", ("'team//app' is not a repository name", "/ parts the components"),
     lambda world: Call("image", {"url": world.destination.url, "name": "team//app", "source": "docker://x"})),
    ("has a tag that is none", ("'-1' is not a tag", "not starting with"),
     lambda world: Call("image", {"url": world.destination.url, "name": "app:-1", "source": "docker://x"})),
    ("holds the registry, too", ("holds a registry", "only repository:tag"),
     lambda world: Call("image", {"url": world.destination.url, "name": "registry:5000/app", "source": "docker://x"})),
    ("has a digest that is too short", ("'sha256:abc' is not a digest", "64 lower-case hex digits"),
     lambda world: world.image("docker://app@sha256:abc")),
    ("has a digest of an unknown algorithm", ("'md5' is unknown", "sha256 or sha512"),
     lambda world: world.image("docker://app@md5:0123")),
    ("has no transport", ("'nginx' is not the location of an image", "docker://"), lambda world: world.image("nginx")),
    ("is a URL without a scheme", ("not an http or https URL", "https://registry.example.com"),
     lambda world: Call("catalog_info", {"url": "registry.example.com"})),
    ("is a URL with a path", ("has a path", "always at the root"),
     lambda world: Call("catalog_info", {"url": "https://registry.example.com/v2/"})),
)

REACH = "The registry cannot be reached"


@case(REACH, "nothing listens there", "no connection", "Connection refused", "Is the registry running")
def _refused(world: World) -> Call:
    server = world.make_server()
    server.close()
    return Call("catalog_info", {"url": server.url})


@case(REACH, "its name does not resolve", "host name not found", "Check the host name")
def _unresolved(_world: World) -> Call:
    return Call("catalog_info", {"url": "https://registry.invalid"})


@case(REACH, "https is asked where http is spoken", "does not speak TLS", "use http:// in url")
def _not_tls(world: World) -> Call:
    return Call("catalog_info", {"url": world.make_server().url.replace("http://", "https://")})


@case(REACH, "http is asked where https is spoken", "use https:// in url")
def _tls(world: World) -> Call:
    """As Go's server answers; Python's breaks off."""
    server = world.make_server().on("GET", "/v2/", Reply(400, b"Client sent an HTTP request to an HTTPS server.\n"))
    return Call("catalog_info", {"url": server.url})


@case(REACH, "its certificate is signed by a CA that is not known", "certificate refused", "ca_path")
def _unknown_ca(world: World) -> Call:
    return Call("catalog_info", {"url": world.server(tls=True).url})


@case(REACH, "the CA's file is not there", "the TLS files cannot be used (/nonexistent.pem)", "PEM files")
def _no_ca_file(world: World) -> Call:
    return Call("catalog_info", {"url": world.server(tls=True).url, "ca_path": "/nonexistent.pem"})


RIGHTS = "The registry refuses"


@case(RIGHTS, "a user or password", "answered 401: UNAUTHORIZED", "that the registry knows")
def _wrong_password(world: World) -> Call:
    challenge = {"WWW_Authenticate": 'Basic realm="registry"'}
    refusal = registry_error(401, "UNAUTHORIZED", **challenge)
    server = world.make_server().on("GET", "/v2/", refusal, refusal)
    return Call("catalog_info", {"url": server.url, "username": "ada", "password": PASSWORD})


@case(RIGHTS, "the right to push", "answered 403: DENIED", "no right to this")
def _no_push(world: World) -> Call:
    server = world.server().on("HEAD", MANIFEST, Reply(404))
    for digest in (CONFIG, LAYER, json.loads(RAW)["layers"][1]["digest"]):
        server.on("HEAD", blob(digest), Reply(404))
    server.always("POST", "/v2/app/blobs/uploads/", registry_error(403, "DENIED"))
    files = images.layout_files({"": IMAGE})
    path = images.write_directory(world.folder / "layout", files)
    return Call("image", {"url": server.url, "name": "app:1", "source": f"oci:{path}"})


@case(RIGHTS, "to hand out its catalog", "answered 401: UNAUTHORIZED")
def _no_catalog(world: World) -> Call:
    server = world.server().on("GET", "/v2/_catalog?n=1000", registry_error(401, "UNAUTHORIZED"))
    return Call("catalog_info", {"url": server.url})


@case(RIGHTS, "because there were too many requests, and says how long to wait", "429", "in 3600 seconds")
def _too_many(world: World) -> Call:
    server = world.make_server().on("GET", "/v2/", registry_error(429, "TOOMANYREQUESTS", Retry_After="3600"))
    return Call("catalog_info", {"url": server.url})


@case(RIGHTS, "because there were too many requests, five times", "429", "try again later")
def _too_many_always(world: World) -> Call:
    server = world.make_server().on("GET", "/v2/", *[registry_error(429, "TOOMANYREQUESTS")] * 5)
    return Call("catalog_info", {"url": server.url})


@case(RIGHTS, "because it is broken, five times", "answered 503", "registry's log")
def _broken(world: World) -> Call:
    server = world.make_server().on("GET", "/v2/", *[Reply(503, b"<html>Service Unavailable</html>")] * 5)
    return Call("catalog_info", {"url": server.url})


ANSWERS = "What answers is no registry, or no good one"


@case(ANSWERS, "a web page", "answers with a web page", "a registry's URL")
def _html(world: World) -> Call:
    page = Reply(body=b"<html>Welcome to nginx!</html>", headers={"Content-Type": "text/html"})
    return Call("catalog_info", {"url": world.make_server().on("GET", "/v2/", page).url})


def _tags(body: bytes) -> t.Callable[[World], Call]:
    def arrange(world: World) -> Call:
        server = world.server().on("GET", "/v2/app/tags/list?n=1000", Reply(body=body))
        return Call("catalog_info", {"url": server.url, "repositories": ["app"]})

    return arrange


each(
    ANSWERS,
    ("nothing, for a list of tags", ("is not JSON",), _tags(b"")),
    ("a JSON list, for a list of tags", ("is JSON, but not an object",), _tags(b"[]")),
    ("an object without tags", ("has no list of tags", "registry's URL"), _tags(b"{}")),
    ("a web page, for a manifest", ("is not JSON", "sign in"),
     serving(Reply(body=b"<html>sign in</html>", headers={"Content-Type": "text/html"}))),
    ("nothing, for a manifest", ("is not JSON",), serving(manifest(b""))),
    ("a JSON list, for a manifest", ("is JSON, but not an object",), serving(manifest(b"[]"))),
    ("a manifest of schema 1", ("schema version 1", "push the image again"),
     serving(manifest(b'{"schemaVersion": 1}', "application/vnd.docker.distribution.manifest.v1+prettyjws"))),
    ("a list whose next page is itself", ("read before",),
     lambda world: Call("catalog_info", {"url": world.server().on(
         "GET", "/v2/_catalog?n=1000", as_json({"repositories": []}, Link='</v2/_catalog?n=1000&last=x>; rel="next"')
     ).on(
         "GET", "/v2/_catalog?n=1000&last=x", as_json({"repositories": []}, Link='</v2/_catalog?n=1000&last=x>; rel="next"')
     ).url})),
    ("a redirect that has no end", ("more than 5 redirects",),
     serving(*[Reply(307, headers={"Location": MANIFEST})] * 6)),
)


@case(ANSWERS, "a redirect from https to http", "redirects from https to http://", "redirect.disable: true")
def _downgrade(world: World) -> Call:
    server = world.server(tls=True).always("HEAD", MANIFEST, manifest())
    server.on("GET", MANIFEST, Reply(307, headers={"Location": "http://storage.invalid/x"}))
    return world.source(server, source_ca_path=world.certificates.ca)


CONTENT = "What comes is not what was asked for"


def _layer(*replies: Reply | Hangup) -> t.Callable[[World], Call]:
    """The source's first layer comes as these replies, the rest as it is."""

    def arrange(world: World) -> Call:
        server = world.server().always("HEAD", MANIFEST, manifest()).on("GET", MANIFEST, manifest())
        for digest, content in IMAGE.blobs.items():
            server.on("GET", blob(digest), *(replies if digest == LAYER else ()))
            if digest != LAYER:
                server.always("GET", blob(digest), Reply(body=content))
        return world.source(server)

    return arrange


_BYTES = IMAGE.blobs[LAYER]
_cut = Reply(206, _BYTES[1:], {"Content-Range": f"bytes 1-{len(_BYTES) - 1}/{len(_BYTES)}"}, cut=0)
each(
    CONTENT,
    ("a manifest that does not have its digest", ("has the digest sha256:", "not sha256:", "damaged or changed"),
     serving(manifest(digest=images.digest_of(b"other")))),
    ("a configuration that does not have its digest", ("has the digest", "source is damaged"),
     lambda world: world.source(world.server().always("HEAD", MANIFEST, manifest()).on("GET", MANIFEST, manifest())
                                .on("GET", blob(CONFIG), Reply(body=b"x" * len(IMAGE.blobs[CONFIG]))))),
    ("a layer that does not have its digest", ("has the digest", "source is damaged"),
     _layer(Reply(body=b"x" * len(_BYTES)))),
    ("a layer that is longer than it says", ("more bytes where",), _layer(Reply(body=_BYTES + b"x"))),
    ("a layer that is shorter than it says", ("only 4 bytes where",), _layer(Reply(body=_BYTES[:4]))),
    ("a layer whose connection breaks, again and again", ("cut off", "closed the connection"),
     _layer(*[Reply(body=_BYTES, cut=1), *[_cut] * 10])),
    ("a layer that the source does not have", ("BLOB_UNKNOWN",), _layer(registry_error(404, "BLOB_UNKNOWN"))),
    ("an index that names itself", ("has the digest",),
     lambda world: world.source(_naming_itself(world))),
)


def _naming_itself(world: World) -> ScriptedServer:
    """No content can name its own digest, so what is served under that digest is found out."""
    fake = images.digest_of(b"itself")
    entry = {"mediaType": images.OCI_INDEX, "digest": fake, "size": 7}
    index = json.dumps({"schemaVersion": 2, "mediaType": images.OCI_INDEX, "manifests": [entry]}).encode()
    served = manifest(index, images.OCI_INDEX)
    server = world.server().always("HEAD", MANIFEST, served).on("GET", MANIFEST, served)
    return server.on("GET", f"/v2/app/manifests/{fake}", manifest(index, images.OCI_INDEX, fake))


ARCHIVES = "An archive"
_FILES = images.layout_files({"": IMAGE})


def _special(kind: bytes) -> tarfile.TarInfo:
    member = tarfile.TarInfo("device")
    member.type = kind
    return member


each(
    ARCHIVES,
    ("is not there", ("/nonexistent cannot be read", "on the managed host"),
     lambda world: world.image("oci-archive:/nonexistent")),
    ("is cut short", ("is not a whole tar archive", "export or fetch it again"), lambda world: world.archive(_FILES, cut=len_of_padding() + 100)),
    ("has no end mark", ("has no end mark",), lambda world: world.archive(_FILES, cut=len_of_padding())),
    ("holds a name that leads out of it", ("'../evil' leads out of the archive", "refused"),
     lambda world: world.archive({**_FILES, "../evil": b""})),
    ("holds a link that leads out of it", ("leads out of the archive", "refused"),
     lambda world: world.archive(_FILES, images.link("index", "../../etc/passwd"))),
    ("holds a device", ("is a special file", "refused"), lambda world: world.archive(_FILES, _special(tarfile.CHRTYPE))),
    ("lacks a layer", ("lacks the blob", LAYER),
     lambda world: world.archive({name: content for name, content in _FILES.items() if LAYER[7:] not in name})),
    ("has a layer that was changed", ("has the digest", "source is damaged"),
     lambda world: world.archive({**_FILES, f"blobs/sha256/{LAYER[7:]}": b"x" * len(_BYTES)})),
    ("has a manifest that was changed", ("has the digest", "damaged"),
     lambda world: world.archive({**_FILES, f"blobs/sha256/{IMAGE.root[7:]}": RAW.replace(b"2", b"3", 1)})),
    ("is no image", ("is not an OCI layout", "Check the path"), lambda world: world.archive({"readme": b"hello"})),
    ("has an index.json that is too large to be one", ("is not an image",),
     lambda world: world.archive({**_FILES, "index.json": b" " * (5 * 1024 * 1024)})),
    ("holds several images", ("2 images and none was chosen", "There is: one, two"),
     lambda world: world.archive(images.layout_files({"one": IMAGE, "two": images.platform_image("arm64")}))),
)


IMAGES = "The image"


def _stocked(world: World, image: images.SampleImage, *tags: str) -> MemoryRegistry:
    """Put an image into the registry that nothing may be written to."""
    for tag in tags:
        world.destination.put("app", tag, image.contents, image.root)
    return world.destination


@case(IMAGES, "has no such platform", "has no linux/s390x", "It has linux/amd64, linux/arm64")
def _no_platform(world: World) -> Call:
    path = images.write_directory(world.folder / "layout", images.layout_files({"": images.index_image()}))
    return world.image(f"oci:{path}", platforms=["linux/s390x"])


@case(IMAGES, "is asked for by what is no platform", "'amd64' is not a platform", "os/architecture[/variant]")
def _bad_platform(world: World) -> Call:
    return world.image("oci:/srv/images/layout", platforms=["amd64"])


@case(IMAGES, "that a tag is to name is not there", "MANIFEST_UNKNOWN", "nearest tags of app are 1.27.3, 1.27.2")
def _no_target(world: World) -> Call:
    registry = _stocked(world, IMAGE, "1.27.2", "1.27.3", "2.0.0")
    return Call("tag", {"url": registry.url, "name": "app:stable", "target": "1.27.33"})


@case(IMAGES, "is still used by other tags, and is to go by its digest", "is in use: named by 1, 2", "force")
def _in_use(world: World) -> Call:
    registry = _stocked(world, IMAGE, "1", "2")
    return Call("image", {"url": registry.url, "name": f"app@{IMAGE.root}", "state": "absent"})


@case(IMAGES, "is in an engine that is not there", "does not answer", "No Docker engine is running")
def _no_engine(world: World) -> Call:
    return world.image("docker-daemon:app:1", docker_host="unix:///nonexistent/docker.sock")


@case(IMAGES, "is to be exported over another one", "holds app:2", "it stays as it is", "choose another path")
def _other_export(world: World) -> Call:
    registry = _stocked(world, IMAGE, "1")
    path = images.write_tar(world.folder / "image.tar", images.layout_files({"app:2": IMAGE}))
    return Call("image_export", {"url": registry.url, "name": "app:1", "dest": f"oci-archive:{path}"})


def len_of_padding() -> int:
    """Return how many bytes of zeros stand at the end of a tar archive of these files."""
    used = sum(512 + -(-len(content) // 512) * 512 for content in _FILES.values())
    return -(-(used + 1024) // 10240) * 10240 - used
