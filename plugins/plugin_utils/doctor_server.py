# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ails a registry, by what was found on its host."""

from __future__ import annotations

import typing as t

from ansible_collections.dockyard.registry.plugins.plugin_utils.finding import (
    FAIL,
    OK,
    WARN,
    Facts,
    Finding,
    clock,
    lifetime,
    size,
    times,
)
from ansible_collections.dockyard.registry.plugins.plugin_utils.preflight import (
    LEAST_FREE_BYTES,
    parse_version,
    version_problems,
)

STORAGE = "/var/lib/registry"
PLAY = "run the playbook dockyard.registry.standalone again"

_SLOW = 1.0
"""Seconds for one request: a pull makes some twenty of them."""


def examine_server(facts: Facts) -> list[Finding]:
    """All findings, in the order in which one would look."""
    return [
        finding
        for examine in (
            _engine, _container, _memory, _version, _port, _server, _auth, _login, _certificate, _mount, _space, _round_trip,
            _log, clock,
        )
        for finding in examine(facts)
    ]


_JUST_STARTED = 10.0
"""Seconds after which the engine takes a container that fell to be well (moby, restartmanager: ``backoffMultiplier``)."""


def _runs(facts: Facts) -> bool:
    return bool(facts["container"]) and facts["container"]["status"] == "running" and not _falls(facts)


def _falls(facts: Facts) -> bool:
    """Whether it falls all the time: a look may also find it up, in the moment before it falls again."""
    found = facts["container"]
    up_again = found["status"] == "running" and found["restarts"] and found["up_seconds"] < _JUST_STARTED
    return found["status"] == "restarting" or bool(up_again and facts["server"]["status"] is None)


def _taken(facts: Facts) -> bool:
    """Whether the port belongs to somebody who is not this registry's container."""
    port = facts["port"]
    if port is None:
        return False
    # A paused container keeps its port.
    return port["container"] != facts["settings"]["name"] and not (_runs(facts) and _publishes(facts))


def _publishes(facts: Facts) -> bool:
    port = f":{facts['settings']['port']}"
    return any(str(one).endswith(port) for one in facts["container"]["published"])


def _engine(facts: Facts) -> list[Finding]:
    if facts["engine"]["problem"]:
        return [Finding(FAIL, "engine", str(facts["engine"]["problem"]), "Start the engine; the registry comes with it.")]
    return [Finding(OK, "engine", f"Docker Engine {facts['engine']['version']} answers.")]


def _container(facts: Facts) -> list[Finding]:
    found, name = facts["container"], facts["settings"]["name"]
    if found is None:
        return []
    if not found["exists"]:
        return [Finding(FAIL, "container", f"There is no container {name}.", f"To make it, {PLAY}.")]
    why = f" The engine says: {found['error']}." if found["error"] else ""
    if found["oom_killed"] or (found["oom_kills"] and found["status"] != "running"):
        return [Finding(FAIL, "container", f"The container {name} was ended for lack of memory ({found['status']}).",
                        f"Raise registry_memory ({_limit(found)}) and {PLAY}.")]
    if _falls(facts):
        # One that is up has forgotten it.
        code = f"; its exit code was {found['exit_code']}" if found["status"] == "restarting" else ""
        return [Finding(FAIL, "container", f"The container {name} falls and is started again, {times(found['restarts'])} by "
                        f"now{code}.{why}", f"`docker logs --tail 20 {name}` says why.")]
    if found["status"] == "paused":
        return [Finding(FAIL, "container", f"The container {name} does not run: it is paused.", f"`docker unpause {name}`.")]
    if found["status"] != "running":
        remedy = (f"End what has the port, then `docker start {name}`." if "already" in str(found["error"])
                  else f"`docker start {name}`, or {PLAY}; `docker logs --tail 20 {name}` says why it stopped.")
        return [Finding(FAIL, "container", f"The container {name} does not run: it is {found['status']}, exit code "
                        f"{found['exit_code']}.{why}", remedy)]
    if found["health"] == "unhealthy":
        return [Finding(FAIL, "container", f"The container {name} runs, and its probe says that it is unhealthy.",
                        f"`docker inspect -f '{{{{json .State.Health}}}}' {name}` has the probe's words.")]
    if found["restarts"]:
        return [Finding(WARN, "container", f"The container {name} runs, and was started again {times(found['restarts'])} "
                        "because it had fallen.", f"`docker logs {name}` says why.")]
    return [Finding(OK, "container", f"The container {name} runs ({found['image']}).")]


def _limit(found: Facts) -> str:
    return f"it is {size(found['memory_limit'])}" if found["memory_limit"] else "it is not set, so the host has too little"


def _memory(facts: Facts) -> list[Finding]:
    if not _runs(facts) or facts["container"]["memory_used"] is None:
        return []
    found = facts["container"]
    used, limit = found["memory_used"], found["memory_limit"]
    if found["oom_kills"]:
        return [Finding(FAIL, "memory", f"The registry was ended for lack of memory {times(found['oom_kills'])} in a day.",
                        f"Raise registry_memory ({_limit(found)}) and {PLAY}.")]
    if limit and used > 0.9 * limit:
        return [Finding(WARN, "memory", f"The registry uses {size(used)} of the {size(limit)} that it may.",
                        f"Raise registry_memory and {PLAY}.")]
    return [Finding(OK, "memory", f"The registry uses {size(used)}" + (f" of {size(limit)}." if limit else "."))]


def _version(facts: Facts) -> list[Finding]:
    found = facts["container"]
    version = parse_version(f"{found['version']} {found['image']}") if found and found["exists"] else None
    if version is None:
        return []
    problems = version_problems(version, "registry_image", found["image"])
    if problems:
        return [Finding(WARN, "version", problem, f"Set registry_image and {PLAY}.") for problem in problems]
    return [Finding(OK, "version", f"The registry is {'.'.join(map(str, version))}, which has no hole that is known here.")]


def _port(facts: Facts) -> list[Finding]:
    port, settings = facts["port"], facts["settings"]
    where = f"{settings['address']}:{settings['port']}"
    if _taken(facts):
        who = f"the container {port['container']}" if port["container"] else port["program"] or "another program"
        pid = f" (pid {port['pid']})" if port["pid"] and not port["container"] else ""
        return [Finding(FAIL, "port", f"{where} is taken by {who}{pid}, not by the registry.",
                        f"End it, or choose another registry_port; then {PLAY}.")]
    if not _runs(facts):
        return []
    if port is None or not _publishes(facts):
        return [Finding(FAIL, "port", f"The container runs, and nobody listens on {where}: its port is published at "
                        f"{', '.join(facts['container']['published']) or 'no address'}.",
                        f"If registry_address and registry_port are right, {PLAY}; else `systemctl restart docker`.")]
    return [Finding(OK, "port", f"The registry listens on {where}.")]


def _server(facts: Facts) -> list[Finding]:
    """What answers, if it is the registry's container that should."""
    server, settings = facts["server"], facts["settings"]
    if not _runs(facts) or _taken(facts) or facts["port"] is None:
        return []
    if server["status"] is None:
        return [Finding(FAIL, "answer", f"The registry does not answer: {server['problem']}",
                        f"`docker logs --tail 20 {settings['name']}` may say why.")]
    if settings["tls"] != (server["scheme"] == "https") or "HTTP request to an HTTPS server" in server["body"]:
        speaks, wanted = ("plain HTTP", "TLS") if settings["tls"] else ("TLS", "plain HTTP")
        return [Finding(FAIL, "answer", f"The registry speaks {speaks}, and {wanted} is asked for (registry_tls).",
                        f"Decide on registry_tls and {PLAY}.")]
    if server["status"] >= 500:
        return [Finding(FAIL, "answer", f"The registry answers {server['status']}: it finds its own storage unwell.",
                        f"Look at the lines on storage; `docker logs --tail 20 {settings['name']}` says more.")]
    if not server["is_registry"]:
        return [Finding(FAIL, "answer", f"What answers {server['status']} at /v2/ is not a registry: "
                        f"{server['body'][:60]!r}.", "Look at registry_config_extra, and at what is in between.")]
    return [Finding(OK, "answer", f"The registry answers in {server['seconds'] * 1000:.0f} ms.")]


def _registry_answers(facts: Facts) -> bool:
    return bool(facts["server"]["is_registry"]) and facts["server"]["status"] < 500 and not _taken(facts)


def _auth(facts: Facts) -> list[Finding]:
    server, settings = facts["server"], facts["settings"]
    if not _registry_answers(facts):
        return []
    if server["asks_login"]:
        if server["seconds"] > _SLOW:
            return [Finding(WARN, "login", f"It takes {server['seconds']:.1f} s to be asked for a password.",
                            "The host is busy: look at `docker stats` and `top`.")]
        return [Finding(OK, "login", "A password is asked for.")]
    if settings["users"]:
        return [Finding(FAIL, "login", f"Nobody is asked for a password, though registry_users has {settings['users']}.",
                        f"To have them checked, {PLAY}.")]
    if settings["loopback"]:
        return [Finding(OK, "login", "Nobody is asked for a password; only this host reaches the registry.")]
    return [Finding(WARN, "login", f"Nobody is asked for a password, and other hosts reach {settings['address']}.",
                    "Set registry_users.")]


def _login(facts: Facts) -> list[Finding]:
    login = facts["login"]
    if login is None or not _registry_answers(facts):
        return []
    who = f"the user {login['username']!r}"
    if login["problem"] == "refused":
        return [Finding(FAIL, "login", f"The registry refuses {who} with the password that registry_users has: its file of "
                        "users is another.", f"To write the users again, {PLAY} (or dockyard.registry.users).")]
    if login["problem"] == "failed":
        return [Finding(FAIL, "login", f"The login of {who} failed: {login['detail']}", "Look into the registry's log.")]
    if login["problem"]:
        return [Finding(WARN, "login", f"The login of {who} was not tried: {login['detail']}.",
                        "Give one of registry_users a password, or leave it to be made.")]
    if login["seconds"] > _SLOW:
        return [Finding(WARN, "login", f"A login takes {login['seconds']:.1f} s, and each request is one.",
                        "Lower registry_bcrypt_cost: each step halves it. Generated passwords need the least.")]
    return [Finding(OK, "login", f"The registry knows {who} ({login['seconds'] * 1000:.0f} ms).")]


def _certificate(facts: Facts) -> list[Finding]:
    certificate = facts["server"]["certificate"]
    if not certificate or _taken(facts):
        return []
    found = [lifetime(certificate, f"To renew it, {PLAY} (or dockyard.registry.certificates).")]
    # A certificate that has ended is refused for that alone, whatever else is wrong.
    broken = [trust for trust in facts["trust"] if trust["problem"]] if certificate["days_left"] >= 0 else []
    names = [trust["name"] for trust in broken if trust["problem"] == "wrong_name"]
    if names:
        found.append(Finding(FAIL, "certificate", f"The certificate is not valid for {' and '.join(names)}, which "
                             "registry_host_names has.", f"To have one for all names, {PLAY}."))
    for trust in broken:
        if trust["problem"] != "wrong_name":
            found.append(Finding(FAIL, "certificate", f"The CA of this registry did not sign what it shows for "
                                 f"{trust['name']}: {trust['detail']}.", f"To make both fit, {PLAY}."))
    return found


def _mount(facts: Facts) -> list[Finding]:
    """Whether the registry writes where it should."""
    storage, found, settings = facts["storage"], facts["container"], facts["settings"]
    if storage is None:
        return []
    if storage["missing_mount"]:
        return [Finding(FAIL, "storage", f"Nothing is mounted at {storage['missing_mount']}, though /etc/fstab has it: the "
                        "images are on the disk that is missing.",
                        f"`mount {storage['missing_mount']}`, then `docker restart {settings['name']}`.")]
    mount = next((one for one in found["mounts"] if one["destination"] == STORAGE), None) if found else None
    if found and found["exists"] and mount is None:
        return [Finding(FAIL, "storage", f"Nothing is mounted into the container at {STORAGE}: its images go when it does.",
                        f"Save the images first (docker cp), then {PLAY}.")]
    if mount and not mount["volume"] and mount["source"].rstrip("/") != storage["path"].rstrip("/"):
        return [Finding(FAIL, "storage", f"The container keeps its images in {mount['source']}, not in {storage['path']}.",
                        f"Set registry_data_dir to where the images are, and {PLAY}.")]
    if storage["problem"] or not storage["exists"]:
        return [Finding(FAIL, "storage", f"{storage['path']} cannot be looked at: {storage['problem'] or 'no folder'}.",
                        "Is its disk mounted, and registry_data_dir right?")]
    if storage["same"] is False:
        return [Finding(FAIL, "storage", f"The container does not see {storage['path']} but what was there when it was "
                        "started: a disk was mounted or unmounted since.",
                        f"See that the right disk is mounted, then `docker restart {settings['name']}`.")]
    if storage["read_only"] or (mount and not mount["writable"]):
        return [Finding(FAIL, "storage", f"{storage['path']} is read-only: nobody can push.",
                        "Mount it writable (`mount -o remount,rw`); if the kernel made it read-only, `dmesg` says which "
                        "disk is failing.")]
    if not storage["is_registry"]:
        return [Finding(WARN, "storage", f"{storage['path']} holds no image.",
                        "If it should: is its disk mounted, and registry_data_dir right?")]
    return [Finding(OK, "storage", f"The images are in {storage['path']}: {'' if storage['counted'] else 'more than '}"
                    f"{size(storage['used_bytes'])}.")]


def _space(facts: Facts) -> list[Finding]:
    storage = facts["storage"]
    if storage is None or storage["problem"] or not storage["total_bytes"]:
        return []
    free, total = storage["free_bytes"], storage["total_bytes"]
    text = f"{size(free)} of {size(total)} are free where the images are."
    remedy = "Delete tags that nobody needs and collect the garbage, or give the disk more room."
    if free < LEAST_FREE_BYTES or free < 0.02 * total:
        return [Finding(FAIL, "disk", text, remedy)]
    files = storage["free_files_percent"]
    if files is not None and files < 5:
        return [Finding(FAIL if files < 1 else WARN, "disk", f"Only {files:.0f} % of the disk's files (inodes) are free.",
                        remedy)]
    return [Finding(WARN, "disk", text, remedy) if free < 0.1 * total else Finding(OK, "disk", text)]


def _round_trip(facts: Facts) -> list[Finding]:
    trip, settings = facts["round_trip"], facts["settings"]
    if not _registry_answers(facts):
        return []
    if trip["failed_at"] == "untried":
        return [Finding(WARN, "push, pull", f"No image was pushed: {trip['detail']}.")] if settings["round_trip"] else []
    if trip["failed_at"]:
        what = {"upload": "A small image could not be pushed", "tag": "A small image could not be tagged",
                "download": "A small image that was pushed could not be pulled"}[trip["failed_at"]]
        return [Finding(FAIL, "push, pull", f"{what}: {trip['detail']}", _round_trip_remedy(trip, settings))]
    found = [Finding(OK, "push, pull", f"A small image came back as it went, in {trip['seconds'] * 1000:.0f} ms.")]
    if trip["kept"] and settings["delete_enabled"]:
        found.append(Finding(WARN, "push, pull", f"The image dockyard/doctor could not be removed again: {trip['kept']}",
                             f"To have registry_delete_enabled take effect, {PLAY}."))
    return found


def _round_trip_remedy(trip: Facts, settings: Facts) -> str:
    status = trip["status"] or 0
    if status == 405:
        return "The registry is in read-only mode: look for storage.maintenance.readonly in its configuration."
    if status in (401, 403):
        return "Look at the lines on login."
    return f"Look at the lines on storage and disk; `docker logs --tail 20 {settings['name']}` says more."


def _log(facts: Facts) -> list[Finding]:
    errors: t.Sequence[str] = facts["container"]["errors"] if facts["container"] else ()
    if errors:
        return [Finding(WARN, "log", f"In the last day: {error}") for error in errors]
    return [Finding(OK, "log", "The log has no error of the last day.")] if _runs(facts) else []
