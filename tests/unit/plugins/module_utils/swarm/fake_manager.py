# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A manager in memory, in place of the Docker SDK's client: as much of the API as module `service` uses."""

from __future__ import annotations

import base64
import copy
import json
import sys
import types
import typing as t

from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.swarm.cluster import make_node


class DockerException(Exception):
    """As the SDK's."""


class APIError(DockerException):
    """As the SDK's."""

    def __init__(self, status: int, explanation: str) -> None:
        super().__init__(f"{status} Client Error: {explanation}")
        self.response = types.SimpleNamespace(status_code=status)
        self.explanation = explanation


class Answer:
    """What a POST gets."""

    def __init__(self, status: int, body: t.Any) -> None:
        self.status_code = status
        self.text = body if isinstance(body, str) else json.dumps(body)

    def json(self) -> t.Any:
        """The body."""
        return json.loads(self.text)


class FakeManager:
    """A manager whose tasks run at once; ``broken`` images fail, and are rolled back."""

    base_url = "http+docker://localhost"
    api_version = "1.45"

    def __init__(self) -> None:
        self.swarm: dict[str, t.Any] = {"LocalNodeState": "active", "ControlAvailable": True}
        self.registry_config: dict[str, t.Any] = {}
        self.services_by_id: dict[str, dict[str, t.Any]] = {}
        self.all_tasks: list[dict[str, t.Any]] = []
        self.all_nodes = [make_node(1)]
        self.all_networks = [{"Name": "net", "Id": "n1", "Scope": "swarm"}, {"Name": "bridge", "Id": "b1", "Scope": "local"}]
        self.all_configs = {"conf": "c1"}
        self.all_secrets = {"key": "k1"}
        self.logins: list[t.Any] = []
        self.writes: list[tuple[str, dict[str, t.Any]]] = []
        self.broken: set[str] = set()
        self.failure: Exception | Answer | None = None
        self.index = 10
        self.closed = False

    def _answer(self, value: t.Any) -> t.Any:
        failure = self.failure
        if isinstance(failure, Exception):
            raise failure  # pylint: disable=raising-bad-type
        return copy.deepcopy(value)

    def info(self) -> t.Any:
        return self._answer({"Swarm": self.swarm, "RegistryConfig": self.registry_config})

    def services(self, filters: t.Mapping[str, str]) -> t.Any:
        # As the engine does it: by the beginning of the name.
        return self._answer([one for one in self.services_by_id.values() if one["Spec"]["Name"].startswith(filters["name"])])

    def inspect_service(self, service_id: str, insert_defaults: bool) -> t.Any:
        assert insert_defaults is False
        if service_id not in self.services_by_id:
            raise APIError(404, f"service {service_id} not found")
        return self._answer(self.services_by_id[service_id])

    def tasks(self) -> t.Any:
        return self._answer(self.all_tasks)

    def nodes(self) -> t.Any:
        return self._answer(self.all_nodes)

    def networks(self) -> t.Any:
        return self._answer(self.all_networks)

    def configs(self) -> t.Any:
        return self._answer([{"ID": key, "Spec": {"Name": name}} for name, key in self.all_configs.items()])

    def secrets(self) -> t.Any:
        return self._answer([{"ID": key, "Spec": {"Name": name}} for name, key in self.all_secrets.items()])

    def remove_service(self, service_id: str) -> t.Any:
        if service_id not in self.services_by_id:
            raise APIError(404, "service not found")
        del self.services_by_id[service_id]
        self.all_tasks = []
        return True

    def close(self) -> None:
        self.closed = True

    def post(self, url: str, *, params: t.Any, json: t.Any, headers: t.Any, timeout: int) -> Answer:  # pylint: disable=redefined-outer-name
        """Create or update a service."""
        assert timeout
        if isinstance(self.failure, Answer):
            return self.failure
        self._answer(None)
        assert url.startswith(f"{self.base_url}/v{self.api_version}/services/")
        path = url.partition("/services")[2]
        header = headers.get("X-Registry-Auth")
        self.logins.append(read_login(header) if header else None)
        self.writes.append((path, dict(params)))
        self.index += 1
        spec = copy.deepcopy(json)
        if path == "/create":
            self.services_by_id["s1"] = {"ID": "s1", "Version": {"Index": self.index}, "Spec": spec}
            self._run("s1", spec)
            return Answer(201, {"ID": "s1"})
        service = self.services_by_id[path.split("/")[1]]
        if params["version"] != service["Version"]["Index"]:
            return Answer(500, {"message": "rpc error: code = Unknown desc = update out of sequence"})
        previous, state = service["Spec"], "completed"
        if params.get("rollback") == "previous":
            spec, state = service["PreviousSpec"], "rollback_completed"
        service.update(Spec=spec, PreviousSpec=previous, Version={"Index": self.index}, UpdateStatus={"State": state})
        self._run(service["ID"], spec)
        return Answer(200, {"Warnings": None})

    def _run(self, service_id: str, spec: dict[str, t.Any]) -> None:
        template = {key: value for key, value in spec["TaskTemplate"].items() if key != "Runtime"}
        broken = template["ContainerSpec"]["Image"].partition("@")[0] in self.broken
        service = self.services_by_id[service_id]
        self.all_tasks = []
        for slot in range(1, spec["Mode"].get("Replicated", {}).get("Replicas", 1) + 1):
            for attempt in range(3 if broken else 1):
                self.all_tasks.append({
                    "ID": f"t{slot}.{self.index}.{attempt}", "ServiceID": service_id, "Slot": slot, "NodeID": "node1", "Spec": template,
                    "DesiredState": "shutdown" if broken else "running",
                    "Status": {"State": "failed" if broken else "running", "Err": "task: non-zero exit (1)" if broken else ""},
                })
        if broken and "PreviousSpec" in service:
            service["UpdateStatus"] = {"State": "rollback_completed", "Message": "update rolled back due to failure"}


def read_login(header: str) -> t.Any:
    """What the engine reads out of X-Registry-Auth."""
    return json.loads(base64.urlsafe_b64decode(header))


def install(monkeypatch: t.Any, manager: FakeManager) -> list[dict[str, t.Any]]:
    """Have ``import docker`` find an SDK whose client is the manager; returns how it was made, each time."""
    made: list[dict[str, t.Any]] = []

    def make(**settings: t.Any) -> FakeManager:
        made.append(settings)
        if isinstance(manager.failure, DockerException) and not manager.services_by_id:
            raise manager.failure
        return manager

    module = types.ModuleType("docker")
    module.APIClient = make  # type: ignore[attr-defined]
    module.errors = types.SimpleNamespace(DockerException=DockerException, APIError=APIError)  # type: ignore[attr-defined]
    module.utils = types.SimpleNamespace(kwargs_from_env=lambda: {"tls": False})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "docker", module)
    return made
