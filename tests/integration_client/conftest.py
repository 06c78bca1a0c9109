# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real registries for the tests of the client, each test against each of them.

``DOCKYARD_REGISTRY_BINARIES`` names their programs, separated by colons: of Distribution 2.8 and of 3. ``make test``
sets it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import socket
import subprocess
import time
import typing as t

import bcrypt
import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.auth import Credentials
from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import parse_registry_url

BINARIES = [path for path in os.environ.get("DOCKYARD_REGISTRY_BINARIES", "").split(":") if path]

USER = Credentials("ada", "hunter2")

_CONFIG = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {root}}}
  {storage}
http: {{addr: "127.0.0.1:{port}"}}
{more}
"""


@dataclasses.dataclass(frozen=True)
class Running:
    """A registry that runs."""

    url: str
    root: pathlib.Path

    @property
    def authority(self) -> str:
        """``host:port``."""
        return self.url.partition("://")[2]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that asks for a registry once for each program."""
    if "binary" in metafunc.fixturenames:
        if not BINARIES:
            pytest.fail(
                "Set DOCKYARD_REGISTRY_BINARIES to the registries' programs, or run `make test`.", pytrace=False
            )
        metafunc.parametrize("binary", BINARIES, ids=lambda path: pathlib.Path(path).parent.name, scope="session")


@contextlib.contextmanager
def started(
    binary: str, folder: pathlib.Path, more: str = "", *, storage: str = "delete: {enabled: true}"
) -> t.Iterator[Running]:
    """Run a registry on a free port of loopback until the block ends; in ``folder`` is what it had there before."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    config = folder / "config.yml"
    config.write_text(_CONFIG.format(root=folder / "data", port=port, storage=storage, more=more))
    log = folder / "log"
    environment = {**os.environ, "OTEL_TRACES_EXPORTER": "none"}
    with log.open("wb") as output:
        process = subprocess.Popen([binary, "serve", str(config)], stdout=output, stderr=output, env=environment)
    try:
        _wait(process, port, log)
        yield Running(f"http://127.0.0.1:{port}", folder / "data")
    finally:
        process.terminate()
        process.wait(30)


def _wait(process: subprocess.Popen[bytes], port: int, log: pathlib.Path) -> None:
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        time.sleep(0.02)
    raise RuntimeError(f"the registry did not start: {log.read_text()}")


@pytest.fixture(scope="session")
def running(binary: str, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Running]:
    """Return a registry that all tests share, each with repositories of its own."""
    with started(binary, tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture(scope="session")
def guarded(binary: str, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Running]:
    """Return a registry that asks for a password."""
    folder = tmp_path_factory.mktemp("guarded")
    hashed = bcrypt.hashpw(USER.password.encode(), bcrypt.gensalt(4)).decode()
    (folder / "htpasswd").write_text(f"{USER.username}:{hashed}\n")
    more = f"auth: {{htpasswd: {{realm: test, path: {folder / 'htpasswd'}}}}}"
    with started(binary, folder, more) as registry:
        yield registry


@pytest.fixture
def major(binary: str) -> int:
    """Return the registry's major version, by the folder of its program: ``registry-2``, ``registry-3``."""
    return int(pathlib.Path(binary).parent.name.rpartition("-")[2])


@pytest.fixture
def client(running: Running) -> t.Iterator[RegistryClient]:
    """Return a client of the registry."""
    with RegistryClient(parse_registry_url(running.url)) as registry:
        yield registry


@pytest.fixture
def repository(request: pytest.FixtureRequest) -> str:
    """Return a repository that belongs to the test."""
    return "".join(c if c.isalnum() else "-" for c in request.node.originalname.lower()).strip("-")


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Take the logins of whoever runs the tests out of the way, and return an empty home."""
    for name in ("DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(folder))
    return folder
