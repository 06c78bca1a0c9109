# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The EXAMPLES of every plugin but a few (:data:`ELSEWHERE`), run as a play as it stands, on registry 2.8 and on 3.

Only addresses and folders that belong to the machine are moved aside (:data:`MOVED`); names such as
``registry.example.com`` and Docker Hub lead to registries of the test, see ``front.py``.
"""

from __future__ import annotations

import base64
import importlib
import json
import os
import pathlib
import re
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
from ansible_collections.dockyard.registry.tests.unit.plugins.plugin_utils import (
    test_bundles,
    test_swarm_cluster,
    test_swarm_preflight,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.plugin_utils.test_preflight import FOLDER, FREE, GOOD

ROOT = pathlib.Path(__file__).resolve().parents[2]
ELSEWHERE = {"client_login", "engine_image", "service"}
"""What changes the machine: its users' logins, its engine's images, its Swarm. On hosts of their own, tests/integration/test_client.py
runs the examples of the first; test_bundle.py there and tests/integration_swarm/test_service.py prove the other two, not by examples."""

PLUGINS = sorted(
    path.relative_to(ROOT / "plugins").with_suffix("")
    for kind in ("modules", "lookup", "filter")
    for path in (ROOT / "plugins" / kind).glob("*.py")
    if path.stem not in ELSEWHERE
)
HOSTS = {"registry.example.com": "ours", "registry-1.docker.io": "hub"}
PASSWORD = "hush hush 42"
USERS = ("admin", "ci")

IMAGE = images.index_image()
SINGLE = images.platform_image()

STOCK: dict[str, dict[str, images.SampleImage]] = {
    "hub": dict.fromkeys(("library/nginx:1.27", "library/registry:3", *(f"library/alpine:3.{n}" for n in (18, 20, 21))), IMAGE),
    "ours": dict.fromkeys(("library/nginx:1.27", "staging/shop:2.4", "staging/shop:2.5-rc1", "team/shop:2.4"), IMAGE),
    "local": {**dict.fromkeys(("team/base:1.0", "team/shop:2.4", "team/tool:1.0"), IMAGE), "team/tool:2": SINGLE},
}
"""What the registries hold before."""

BUILT = "dockyard-example:2.4"
"""An image of the engine."""

REFUSED = {("tag", 2): "cannot be removed alone"}
"""What an example says on a registry that cannot do it, by module and major version."""

VARIABLES: dict[str, t.Any] = {
    "registry_password": PASSWORD,
    "hub_password": "not asked for",
    "digest": IMAGE.root.partition(":")[2],
    "config": {"version": 0.1},
    "settings": GOOD,
    "facts": {"port": FREE, "data_dir": FOLDER, "names": [], "error": "", "tags": ["registry:3"]},
}
"""What the examples take as given."""

SWARM = {
    "settings": test_swarm_preflight.SETTINGS,
    "nodes": test_swarm_preflight.cluster(),
    "node": {
        "swarm": {"nodes": test_swarm_cluster.NODES},
        "ipvs": {"available": True},
        "service": test_swarm_preflight.SERVICE,
        "objects": {"secrets": [{"name": "registry-config-0a1b2c3d4e5f"}]},
    },
}
CLUSTER = {"settings": test_swarm_cluster.SETTINGS, "hosts": test_swarm_cluster.running()}
OF_PLUGIN: dict[str, dict[str, t.Any]] = {
    **dict.fromkeys(("rollout_port_problems", "rollout_services", "swarm_plan", "swarm_problems", "swarm_unused_secrets"), SWARM),
    **dict.fromkeys(("swarm_cluster_problems", "swarm_members"), CLUSTER),
    "bundle_problems": {"registry_bundle": "/media/usb/bundle.tar", "registry_image": "registry:3", "bundle": test_bundles.FOUND},
}
"""And what those of one plugin do."""

LIST = [{"name": "library/nginx:1.27", "source": "docker://nginx:1.27"}]
"""What stands in images.yml."""


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
            stock(registry, folder / "stock" / name, STOCK[name])
        write_archives(folder / "srv" / "images")
        tool = {"name": "team/tool:3", "source": f"oci-archive:{folder}/srv/images/tools.tar:3"}
        made = modules.run("bundle", dest=str(make(folder / "media" / "usb") / "bundle.tar"), images=[tool])
        assert not made.get("failed"), made
        make(folder / "etc" / "registry" / "etc")
        login = base64.b64encode(f"ci:{PASSWORD}".encode()).decode()
        (folder / "config.json").write_text(json.dumps({"auths": {"registry.example.com": {"auth": login}}}))
        front = Front(certificates.context(), {host: port(running[name]) for host, name in HOSTS.items()})
        moved = {
            "127.0.0.1:5000": local.authority,
            "docker-daemon:shop:2.4": f"docker-daemon:{BUILT}",
            "port: 5000": f"port: {port(local)}",
            "/srv/": f"{folder}/srv/",
            "/media/": f"{folder}/media/",
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


def stock(registry: Running, folder: pathlib.Path, content: t.Mapping[str, images.SampleImage]) -> None:
    """Store images under their names."""
    for number, (name, image) in enumerate(content.items()):
        layout = images.write_directory(folder / str(number), images.layout_files({"": image}))
        result = modules.run(
            "image", url=registry.url, name=name, source=f"oci:{layout}", username=USERS[0], password=PASSWORD
        )
        assert not result.get("failed"), result


def write_archives(folder: pathlib.Path) -> None:
    """Write the archives that the examples read."""
    make(folder)
    images.write_tar(folder / "base.tar", images.docker_save_files({"team/base:1.0": [b"layer" * 1000]}))
    images.write_tar(folder / "tools.tar", images.layout_files({"3": IMAGE, "2": SINGLE}))


@pytest.fixture(scope="session", autouse=True)
def built() -> t.Iterator[None]:
    """Have an image in the machine's engine, as if it had been built there."""
    docker("load", "--quiet", "--input", ROOT / ".cache" / "images" / "hello-world.tar")
    docker("tag", "hello-world:latest", BUILT)
    yield
    docker("rmi", BUILT)


def docker(*arguments: str | pathlib.Path) -> None:
    """Run the engine's command."""
    subprocess.run(["docker", *arguments], check=True, capture_output=True, timeout=60)


@pytest.mark.parametrize("plugin", PLUGINS, ids=str)
def test_examples(plugin: pathlib.PurePath, site: Site, major: int, tmp_path: pathlib.Path) -> None:
    dotted = ".".join(("ansible_collections.dockyard.registry.plugins", *plugin.parts))
    text: str = importlib.import_module(dotted).EXAMPLES
    for before, after in site.moved.items():
        text = text.replace(before, after)
    tasks = yaml.safe_load(text)
    assert tasks
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks,
            "vars": {**VARIABLES, **OF_PLUGIN.get(plugin.name, {})}}
    (tmp_path / "images.yml").write_text(yaml.safe_dump(LIST))
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play], sort_keys=False))
    done = subprocess.run(
        [pathlib.Path(sys.executable).parent / "ansible-playbook", tmp_path / "play.yml", "-vv"],
        env={**os.environ, **site.environment, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
             "ANSIBLE_LOCALHOST_WARNING": "False", "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False"},
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )
    printed = done.stdout + done.stderr
    assert PASSWORD not in printed
    refusal = REFUSED.get((plugin.name, major))
    if refusal:
        assert done.returncode == 2 and refusal in printed, printed
        return
    assert done.returncode == 0, printed
    counts = {key: int(number) for key, number in re.findall(r"(\w+)=(\d+)", printed.rpartition("PLAY RECAP")[2])}
    assert counts["ok"] + counts["skipped"] == len(flat(tasks)), printed


def flat(tasks: t.Iterable[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Return tasks with those of blocks in their place."""
    return [inner for task in tasks for inner in (flat(task["block"]) if "block" in task else [task])]
