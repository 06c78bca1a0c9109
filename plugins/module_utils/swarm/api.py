# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Swarm as its manager tells it, by the Docker SDK for Python.

The SDK reads. What is written goes through its connection, for it has no parameter for a login that is not in its own files,
nor for going back to the previous specification.
"""

from __future__ import annotations

import base64
import difflib
import importlib
import json
import typing as t

from ..oci.auth import Credentials, IdentityToken, Login
from .errors import InvalidService, SwarmError

Document = t.Dict[str, t.Any]

_PATIENCE = 60


class SdkMissing(SwarmError):
    """The Docker SDK for Python is not there for the Python that runs the module."""


class Swarm:
    """One manager. Everything raises :exc:`~.errors.SwarmError`."""

    def __init__(self, client: t.Any, errors: tuple[type[Exception], ...], where: str) -> None:
        self._client = client
        self._errors = errors
        self._where = where

    def check_manager(self) -> None:
        """Make sure that this is a manager of a Swarm."""
        swarm = self._ask("about itself", self._client.info).get("Swarm") or {}
        if swarm.get("ControlAvailable"):
            return
        state = swarm.get("LocalNodeState") or "inactive"
        if state == "active":
            raise SwarmError(f"the engine at {self._where} is a worker.", hint="Run the task on a manager of the Swarm.")
        raise SwarmError(
            f"the engine at {self._where} is not in a Swarm (its state is {state}).",
            hint="Make it a manager first: the role dockyard.registry.swarm_cluster does.",
        )

    def check_speaks(self, version: tuple[int, int], what: str, hint: str) -> None:
        """Make sure that the engine knows of something, which it would take no notice of otherwise."""
        spoken = str(self._client.api_version)
        if tuple(map(int, spoken.split("."))) < version:
            wanted = ".".join(map(str, version))
            raise InvalidService(f"{what} needs API {wanted}, and with the engine at {self._where} it is {spoken}.", hint=hint)

    def find_service(self, name: str) -> Document | None:
        """Return a service by its exact name."""
        found = self._ask("for services", lambda: self._client.services(filters={"name": name}))
        service = next((entry for entry in found if entry["Spec"]["Name"] == name), None)
        return self.service(service["ID"]) if service else None

    def service(self, service_id: str) -> Document | None:
        """Return a service by its ID as it is stored, None if it is gone."""
        return t.cast(
            "Document | None",
            self._ask("for a service", lambda: self._client.inspect_service(service_id, insert_defaults=False), gone=None),
        )

    def tasks(self, service_id: str) -> list[Document]:
        """Return all tasks of a service that the Swarm remembers, also of one that has just been removed."""
        # The engine's own filter looks the service up, and refuses one that has been removed.
        return [task for task in self._ask("for tasks", self._client.tasks) if task.get("ServiceID") == service_id]

    def nodes(self) -> list[Document]:
        """Return all nodes."""
        return t.cast("list[Document]", self._ask("for nodes", self._client.nodes))

    def networks(self) -> dict[str, str]:
        """Return the IDs of the networks that services can be on, by their names."""
        found = self._ask("for networks", self._client.networks)
        return {network["Name"]: network["Id"] for network in found if network.get("Scope") == "swarm"}

    def configs(self) -> dict[str, str]:
        """Return the IDs of all configs by their names."""
        return {one["Spec"]["Name"]: one["ID"] for one in self._ask("for configs", self._client.configs)}

    def secrets(self) -> dict[str, str]:
        """Return the IDs of all secrets by their names."""
        return {one["Spec"]["Name"]: one["ID"] for one in self._ask("for secrets", self._client.secrets)}

    def is_insecure(self, registry: str) -> bool:
        """Tell whether the engine is told to do without a valid certificate for a registry beyond loopback."""
        config = self._ask("about itself", self._client.info).get("RegistryConfig") or {}
        entry = (config.get("IndexConfigs") or {}).get(registry) or {}
        return entry.get("Secure") is False

    def create(self, spec: Document, login: Login | None, registry: str) -> str:
        """Create a service and return its ID."""
        answer = self._write("/services/create", {}, spec, login, registry)
        return str(answer["ID"])

    def update(self, service: Document, spec: Document, login: Login | None, registry: str) -> None:
        """Give a service another specification, if nobody else has done so since it was read."""
        self._write(f"/services/{service['ID']}/update", {"version": service["Version"]["Index"]}, spec, login, registry)

    def roll_back(self, service: Document) -> None:
        """Give a service its previous specification back, with the login that this had."""
        params = {"version": service["Version"]["Index"], "rollback": "previous", "registryAuthFrom": "previous-spec"}
        self._write(f"/services/{service['ID']}/update", params, service["Spec"], None, "")

    def remove(self, service_id: str) -> None:
        """Remove a service; one that is gone is."""
        self._ask("to remove a service", lambda: self._client.remove_service(service_id), gone=True)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _ask(self, what: str, call: t.Callable[[], t.Any], **gone: t.Any) -> t.Any:
        try:
            return call()
        except self._errors as error:
            status = getattr(getattr(error, "response", None), "status_code", None)
            if status == 404 and "gone" in gone:
                return gone["gone"]
            words = getattr(error, "explanation", None) or str(error)
            raise self._failure(what, status, words) from error

    def _write(self, path: str, params: Document, spec: Document, login: Login | None, registry: str) -> Document:
        headers = {"X-Registry-Auth": encode_login(login, registry)} if login else {}
        url = f"{self._client.base_url}/v{self._client.api_version}{path}"
        response = self._ask(
            "to write a service", lambda: self._client.post(url, params=params, json=spec, headers=headers, timeout=_PATIENCE)
        )
        try:
            answer = response.json()
        except ValueError:
            answer = {}
        if response.status_code >= 300:
            raise self._failure("to write a service", response.status_code, answer.get("message") or response.text)
        return t.cast("Document", answer)

    def _failure(self, what: str, status: int | None, words: str) -> SwarmError:
        words = " ".join(str(words).split())[:500]
        hint = "Is Docker running there? docker_host or DOCKER_HOST names another engine."
        if status is not None:
            hint = ""
            if "out of sequence" in words:
                hint = "Somebody else changed the service at the same moment: run it again."
            elif "no leader" in words or "context deadline" in words:
                hint = "The Swarm has lost most of its managers: bring them back first."
        told = f"answered {status}: {words}" if status is not None else f"does not answer: {words}"
        return SwarmError(f"the engine at {self._where}, asked {what}, {told.rstrip('.')}.", hint=hint)


def connect(docker_host: str) -> Swarm:
    """Return the Swarm behind an engine; nothing is known of it yet.

    :raises SdkMissing: if the SDK is not installed.
    :raises SwarmError: if the engine cannot be reached.
    """
    try:
        docker = importlib.import_module("docker")
    except ImportError as error:
        raise SdkMissing(
            f"the Docker SDK for Python is missing ({error}).",
            hint="On Debian and Ubuntu install the package python3-docker, elsewhere docker by pip, for the Python that runs "
            "the module (ansible_python_interpreter).",
        ) from error
    errors = (docker.errors.DockerException, OSError)  # the exceptions of requests are OSErrors
    try:
        environment = docker.utils.kwargs_from_env()
        client = docker.APIClient(base_url=docker_host, version="auto", timeout=_PATIENCE, tls=environment.get("tls", False))
    except errors as error:
        raise SwarmError(
            f"the engine at {docker_host} does not answer: {' '.join(str(error).split())[:300]}.",
            hint="Is Docker running there, and may this user (become: true) ask it? docker_host or DOCKER_HOST names another.",
        ) from error
    return Swarm(client, errors, docker_host)


def resolve(wanted: t.Iterable[str], known: t.Mapping[str, str], what: str) -> dict[str, str]:
    """Return the IDs of what is wanted by name.

    :param what: what they are, for the message.
    :raises InvalidService: if one is not there; the nearest names are told.
    """
    found = {}
    for name in wanted:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=5, cutoff=0.4)
            hint = f"Make it first{'; there is ' + ', '.join(near) if near else ''}."
            raise InvalidService(f"the Swarm has no {what} {name}.", hint=hint)
        found[name] = known[name]
    return found


def encode_login(login: Login, registry: str) -> str:
    """Return a login as the header X-Registry-Auth has it; it is as secret as the password in it."""
    if isinstance(login, Credentials):
        document = {"username": login.username, "password": login.password, "serveraddress": registry}
    else:
        kind = "identitytoken" if isinstance(login, IdentityToken) else "registrytoken"
        document = {kind: login.secret, "serveraddress": registry}
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode()
