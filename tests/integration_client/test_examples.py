# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every EXAMPLES of every plugin, run as a play as it stands, on registry 2.8 and on 3.

Only addresses and folders that belong to the machine are moved aside (:data:`MOVED`); names such as
``registry.example.com`` and Docker Hub lead to registries of the test, see ``front.py``.
"""

from __future__ import annotations

import importlib
import json
import os
import pathlib
import subprocess
import sys
import typing as t

import bcrypt
import pytest
import yaml

from ansible_collections.dockyard.registry.tests.integration_client.conftest import Running, started
from ansible_collections.dockyard.registry.tests.integration_client.front import Front
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci import images
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.certificates import make_certificates
from ansible_collections.dockyard.registry.tests.unit.plugins.modules import registry_modules as modules

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLUGINS = sorted(
    path.relative_to(ROOT / "plugins").with_suffix("")
    for kind in ("modules", "lookup", "filter")
    for path in (ROOT / "plugins" / kind).glob("*.py")
)
HOSTS = {"registry.example.com": "ours", "registry-1.docker.io": "hub"}
PASSWORD = "correct horse"
USERS = ("admin", "ci")

IMAGE = images.index_image()
SINGLE = images.platform_image()

STOCK: dict[str, tuple[str, ...]] = {
    "hub": ("library/nginx:1.27",),
    "ours": ("library/nginx:1.27", "staging/shop:2.4"),
    "local": ("team/shop:2.4",),
}
"""What the registries hold before."""

VARIABLES: dict[str, t.Any] = {
    "registry_password": PASSWORD,
    "digest": IMAGE.root.partition(":")[2],
    "config": {"version": 0.1},
    "settings": {
        "registry_name": "registry", "registry_state": "started", "registry_image": "registry:3",
        "registry_image_archive": "", "registry_address": "127.0.0.1", "registry_port": 5000,
        "registry_allow_insecure": False, "registry_data_dir": "/srv/registry", "registry_storage_driver": "filesystem",
        "registry_config_extra": {}, "registry_users": [], "registry_bcrypt_cost": 8, "registry_memory": "",
        "registry_cpus": 0, "registry_log_level": "info", "registry_log_format": "text", "registry_verify": "auto",
    },
    "facts": {"port": {"free": True, "error": ""}, "error": "", "tags": ["registry:3"]},
}
"""What the examples take as given."""


class Site(t.NamedTuple):
    """Where the examples run: what is moved aside, and the environment."""

    moved: dict[str, str]
    environment: dict[str, str]


@pytest.fixture(scope="module")
def site(binary: str, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Site]:
    """Run the registries, stocked, behind the names of the world."""
    folder = tmp_path_factory.mktemp("site")
    certificates = make_certificates(folder, *HOSTS)
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    (folder / "htpasswd").write_text("".join(f"{user}:{hashed}\n" for user in USERS))
    auth = f"auth: {{htpasswd: {{realm: test, path: {folder / 'htpasswd'}}}}}"
    with (
        started(binary, make(folder / "hub")) as hub,
        started(binary, make(folder / "ours"), auth) as ours,
        started(binary, make(folder / "local")) as local,
    ):
        running = {"hub": hub, "ours": ours, "local": local}
        for name, registry in running.items():
            stock(registry, folder, STOCK[name])
        write_archives(folder / "srv" / "images")
        make(folder / "etc" / "registry" / "etc")
        front = Front(certificates.context(), {host: port(running[name]) for host, name in HOSTS.items()})
        moved = {
            "127.0.0.1:5000": local.authority,
            "port: 5000": f"port: {port(local)}",
            "/srv/": f"{folder}/srv/",
            "/etc/dockyard": f"{folder}/etc",
            "/var/lib/dockyard": f"{folder}/var",
        }
        yield Site(moved, {"HTTPS_PROXY": front.url, "SSL_CERT_FILE": certificates.ca, "DOCKER_CONFIG": str(folder)})
        front.close()


def make(folder: pathlib.Path) -> pathlib.Path:
    """Make a folder."""
    folder.mkdir(parents=True)
    return folder


def port(registry: Running) -> int:
    """Return a registry's port."""
    return int(registry.url.rpartition(":")[2])


def stock(registry: Running, folder: pathlib.Path, names: t.Iterable[str]) -> None:
    """Store the image under all names."""
    layout = images.write_directory(folder / "layout", images.layout_files({"": IMAGE}))
    for name in names:
        result = modules.run(
            "image", url=registry.url, name=name, source=f"oci:{layout}", username=USERS[0], password=PASSWORD
        )
        assert not result.get("failed"), result


def write_archives(folder: pathlib.Path) -> None:
    """Write the archives that the examples read."""
    make(folder)
    images.write_tar(folder / "base.tar", images.docker_save_files({"team/base:1.0": [b"layer" * 1000]}))
    images.write_tar(folder / "tools.tar", images.layout_files({"3": IMAGE, "2": SINGLE}))


@pytest.mark.parametrize("plugin", PLUGINS, ids=str)
def test_examples(plugin: pathlib.PurePath, site: Site, tmp_path: pathlib.Path) -> None:
    dotted = ".".join(("ansible_collections.dockyard.registry.plugins", *plugin.parts))
    text: str = importlib.import_module(dotted).EXAMPLES
    for before, after in site.moved.items():
        text = text.replace(before, after)
    tasks = yaml.safe_load(text)
    assert tasks
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": VARIABLES, "tasks": tasks}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play], sort_keys=False))
    done = subprocess.run(
        [pathlib.Path(sys.executable).parent / "ansible-playbook", tmp_path / "play.yml", "-vv"],
        env={**os.environ, **site.environment, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
             "ANSIBLE_LOCALHOST_WARNING": "False", "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False"},
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.dumps(PASSWORD) not in done.stdout
    assert f"ok={len(tasks)}" in done.stdout, done.stdout
