# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of module `service`, as Ansible's argument spec has them; plain values, documented in the module."""

from __future__ import annotations

import typing as t

from ..oci.certs_d import DEFAULT_DIRECTORY
from ..oci.location import DEFAULT_DOCKER_HOST

Spec = t.Dict[str, t.Any]


def _policy_spec(actions: list[str]) -> Spec:
    """Return the options of an update or of the way back."""
    return {
        "parallelism": {"type": "int"},
        "delay": {"type": "str"},
        "order": {"type": "str", "choices": ["stop-first", "start-first"]},
        "failure_action": {"type": "str", "choices": actions},
        "monitor": {"type": "str"},
        "max_failure_ratio": {"type": "float"},
    }


_FILES: Spec = {
    "source": {"type": "str", "required": True},
    "target": {"type": "str"},
    "uid": {"type": "str"},
    "gid": {"type": "str"},
    "mode": {"type": "str"},
}
_RESOURCES: Spec = {"cpus": {"type": "str"}, "memory": {"type": "str"}}
_NESTED: Spec = {
    "publish": {
        "published_port": {"type": "int"},
        "target_port": {"type": "int", "required": True},
        "protocol": {"type": "str", "choices": ["tcp", "udp", "sctp"], "default": "tcp"},
        "mode": {"type": "str", "choices": ["ingress", "host"], "default": "ingress"},
    },
    "mounts": {
        "type": {"type": "str", "choices": ["bind", "volume", "tmpfs"], "default": "volume"},
        "source": {"type": "str"},
        "target": {"type": "str", "required": True},
        "read_only": {"type": "bool", "default": False},
    },
    "configs": _FILES,
    "secrets": _FILES,
    "limits": _RESOURCES,
    "reservations": _RESOURCES,
    "healthcheck": {
        "test": {"type": "raw", "required": True},
        "interval": {"type": "str"},
        "timeout": {"type": "str"},
        "retries": {"type": "int"},
        "start_period": {"type": "str"},
        "start_interval": {"type": "str"},
    },
    "restart_policy": {
        "condition": {"type": "str", "choices": ["any", "on-failure", "none"]},
        "delay": {"type": "str"},
        "max_attempts": {"type": "int"},
        "window": {"type": "str"},
    },
    "update_config": _policy_spec(["pause", "continue", "rollback"]),
    "rollback_config": _policy_spec(["pause", "continue"]),
    "log_driver": {"name": {"type": "str", "required": True}, "options": {"type": "dict"}},
}
_LISTS = ("publish", "mounts", "configs", "secrets")


def argument_spec() -> Spec:
    """Return all options."""
    spec: Spec = {
        "name": {"type": "str", "required": True},
        "image": {"type": "str"},
        "state": {"type": "str", "choices": ["present", "absent", "rolled_back"], "default": "present"},
        "mode": {"type": "str", "choices": ["replicated", "global"], "default": "replicated"},
        "replicas": {"type": "int", "default": 1},
        "max_replicas_per_node": {"type": "int"},
        "networks": {"type": "list", "elements": "raw"},
        "endpoint_mode": {"type": "str", "choices": ["vip", "dnsrr"], "default": "vip"},
        "read_only": {"type": "bool", "default": False},
        "init": {"type": "bool"},
        "pin_digest": {"type": "bool", "default": True},
        "username": {"type": "str"},
        "password": {"type": "str", "no_log": True},
        "auth_file": {"type": "path"},
        "use_auth_files": {"type": "bool", "default": True},
        "token_hosts": {"type": "list", "elements": "str", "default": [], "no_log": False},
        "ca_path": {"type": "path"},
        "certs_dir": {"type": "path", "default": DEFAULT_DIRECTORY},
        "wait": {"type": "bool", "default": True},
        "timeout": {"type": "int", "default": 300},
        "force": {"type": "bool", "default": False},
        "update_credentials": {"type": "bool", "default": False, "no_log": False},
        "docker_host": {"type": "str", "default": DEFAULT_DOCKER_HOST},
        "progress_file": {"type": "path"},
    }
    spec.update({name: {"type": "str"} for name in ("user", "hostname", "drain", "stop_signal", "stop_grace_period")})
    spec.update({name: {"type": "dict"} for name in ("env", "labels", "container_labels", "sysctls", "hosts")})
    lists = ("command", "args", "constraints", "cap_add", "cap_drop", "dns")
    spec.update({name: {"type": "list", "elements": "str"} for name in lists})
    for name, options in _NESTED.items():
        kind: Spec = {"type": "list", "elements": "dict"} if name in _LISTS else {"type": "dict"}
        spec[name] = {**kind, "options": options}
    spec["secrets"]["no_log"] = False  # their names, and where they are shown
    return spec
