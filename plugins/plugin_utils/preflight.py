# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with the settings of a registry, found before anything has changed.

Pure functions: settings and facts in, a list of messages out. Every message names the variable, its
value and the way out; a password or a hash is never part of a message.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ansible_collections.dockyard.registry.plugins.plugin_utils.users import user_problems

Settings = t.Mapping[str, t.Any]

# Releases below these have known holes: CVE-2026-33540 and -35172 (fixed in 3.1.0), CVE-2026-41888 (fixed in 3.1.1).
FLOOR = {2: (2, 8, 0), 3: (3, 1, 1)}

# https://distribution.github.io/distribution/about/configuration/#storage
DRIVERS = {
    2: {"azure", "filesystem", "gcs", "inmemory", "oss", "s3", "swift"},
    3: {"azure", "filesystem", "gcs", "inmemory", "s3"},
}
NOT_DRIVERS = {"cache", "delete", "maintenance", "redirect", "tag"}

# Below this a registry cannot take a single ordinary image.
LEAST_FREE_BYTES = 100 * 1024 * 1024


def parse_version(text: str) -> tuple[int, int, int] | None:
    """The first full version (x.y.z) in a text such as the output of `registry --version`."""
    found = re.search(r"(?<![\w.])v?(\d+)\.(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def image_tag(image: str) -> str:
    """The tag of an image reference, empty if it has none."""
    name = image.partition("@")[0]
    last = name.rpartition("/")[2]
    return last.partition(":")[2]


def major_of_tag(image: str) -> int | None:
    """The major version that an image's tag names (`registry:2.8.3` gives 2), if it names one."""
    found = re.match(r"v?(\d+)(?:[.\-]|$)", image_tag(image))
    return int(found[1]) if found else None


def long_name(image: str) -> str:
    """Docker's short names made long, so that `registry:3` and `docker.io/library/registry:3` are one."""
    head, _slash, rest = image.partition("/")
    if not rest:
        image = "docker.io/library/" + image
    elif "." not in head and ":" not in head and head != "localhost":
        image = "docker.io/" + image
    return image if image_tag(image) or "@" in image else image + ":latest"


def version_problems(version: tuple[int, int, int], variable: str, value: str) -> list[str]:
    """Whether a release of the registry is one that this collection runs."""
    if version[0] not in FLOOR:
        return [f"{variable} is {value!r}, version {_dots(version)} of the registry: this collection knows the majors "
                "2 (from 2.8) and 3. Choose an image of one of them, for example registry:3."]
    if version < FLOOR[version[0]]:
        return [f"{variable} is {value!r}, version {_dots(version)} of the registry, which has known holes: the oldest "
                f"release that may run is {_dots(FLOOR[version[0]])}. Choose a newer image, for example registry:3."]
    return []


def _dots(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)


def _image(settings: Settings) -> list[str]:
    image = str(settings["registry_image"])
    if not re.fullmatch(r"[a-z0-9][\w.\-/:]*(@sha256:[0-9a-f]{64})?", image):
        return [f"registry_image is {image!r}, which names no image. Write it as [host/]name:tag or "
                "name@sha256:..., for example registry:3."]
    version = parse_version(image_tag(image))
    major = major_of_tag(image)
    if version is None and major is not None and major not in FLOOR:
        version = (major, 0, 0)
    return version_problems(version, "registry_image", image) if version else []


def _listen(settings: Settings) -> list[str]:
    out = []
    name = str(settings["registry_name"])
    if not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.\-]*", name):
        out.append(f"registry_name is {name!r}: a container of that name cannot be made. Use letters, digits, "
                   "'_', '.' and '-', beginning with a letter or a digit.")
    port = settings["registry_port"]
    if isinstance(port, bool) or not re.fullmatch(r"[0-9]{1,5}", str(port)) or not 1 <= int(port) <= 65535:
        out.append(f"registry_port is {port!r}: a port is a whole number from 1 to 65535. The usual one is 5000.")
    return out + _reach(settings)


def _reach(settings: Settings) -> list[str]:
    address = str(settings["registry_address"])
    try:
        loopback = ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return [f"registry_address is {address!r}: it is the IP address to listen on, for example 127.0.0.1 (this host "
                "only) or 0.0.0.0 (every address)."]
    out = []
    if not loopback and not settings["registry_allow_insecure"]:
        where = f"registry_address is {address!r}, which other machines reach, and "
        otherwise = "Or listen on 127.0.0.1, or set registry_allow_insecure: true to say that you mean it."
        if settings["registry_tls"] == "off":
            out.append(f"{where}registry_tls is 'off': whoever is on the way could read every password and change every "
                       "image. Set registry_tls: own_ca and registry_host_names, or registry_tls: files with a certificate "
                       f"of your own. {otherwise}")
        if not settings["registry_users"]:
            out.append(f"{where}registry_users is empty: whoever reaches it could push, overwrite and delete. Set "
                       "registry_users, for example [{name: alice}], which makes a password for alice. " + otherwise)
    if settings["registry_anonymous_pull"]:
        out.append("registry_anonymous_pull is true, and the registry cannot do that by itself: with users it asks for a "
                   "login on every request, without users on none, in 2.8 as in 3. Set registry_anonymous_pull: false and "
                   "give those who only pull a user of their own.")
    return out


def _tls(settings: Settings) -> list[str]:
    mode = settings["registry_tls"]
    out = [problem for index, name in enumerate(_listed(settings)) for problem in _host_name(index, name)]
    if not isinstance(settings["registry_host_names"], (list, tuple)):
        out.append(f"registry_host_names is {settings['registry_host_names']!r}: it is a list, for example "
                   "[registry.example.com].")
    elif mode in ("own_ca", "files") and not settings["registry_host_names"]:
        out.append(f"registry_tls is {mode!r} and registry_host_names is empty: a certificate is for names. List the names "
                   "and addresses that clients reach the registry by, the main one first, for example "
                   "[registry.example.com].")
    http = settings["registry_config_extra"].get("http") if isinstance(settings["registry_config_extra"], t.Mapping) else None
    if isinstance(http, t.Mapping) and "tls" in http:
        out.append("registry_config_extra.http has tls, of which the health check and the roles would know nothing. Take it "
                   "out and set registry_tls: files with registry_tls_certificate and registry_tls_key.")
    return out + {"own_ca": _own_ca, "files": _tls_files}.get(mode, lambda _settings: [])(settings)


def _listed(settings: Settings) -> t.Sequence[t.Any]:
    names = settings["registry_host_names"]
    return names if isinstance(names, (list, tuple)) else []


def _host_name(index: int, name: t.Any) -> list[str]:
    where = f"registry_host_names[{index}] is {name!r}"
    for part, why in (("://", "a scheme"), ("/", "a path"), ("@", "a user"), ("*", "a wildcard")):
        if part in str(name):
            return [f"{where}, which has {why}. Write the bare name or address that clients use, for example "
                    "registry.example.com."]
    if is_address(str(name)):
        return []
    if re.search(r":[0-9]*$", str(name)):
        return [f"{where}, which has a port. Write the bare name, and the port as registry_port."]
    label = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
    if not isinstance(name, str) or len(name) > 253 or not re.fullmatch(rf"{label}(\.{label})*", name):
        return [f"{where}, which is neither a host name nor an IP address. Names have small letters, digits, '-' and '.', "
                "for example registry.example.com."]
    return []


def is_address(text: str) -> bool:
    """Whether a text is an IP address, without brackets."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _own_ca(settings: Settings) -> list[str]:
    out = []
    days, renew = settings["registry_tls_days"], settings["registry_tls_renew_days"]
    for variable, value in (("registry_tls_days", days), ("registry_tls_renew_days", renew)):
        if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,4}", str(value)) or int(value) < 1:
            out.append(f"{variable} is {value!r}: it is a whole number of days, from 1 to 9999.")
    if not out and int(renew) >= int(days):
        out.append(f"registry_tls_renew_days is {renew!r} and registry_tls_days is {days!r}: each run would renew the "
                   "certificate and restart the registry. Set registry_tls_renew_days to less, for example 30.")
    return out


def _tls_files(settings: Settings) -> list[str]:
    out = []
    for variable, what in (("registry_tls_certificate", "certificate"), ("registry_tls_key", "key"), ("registry_tls_ca", "")):
        path = str(settings[variable] or "")
        if what and not path:
            out.append(f"registry_tls is 'files' and {variable} is empty. Set it to the full path of the {what} on the "
                       "controller, or let the registry make its own with registry_tls: own_ca.")
        elif path and not path.startswith("/"):
            out.append(f"{variable} is {path!r}, which is not a full path. Write it from the root, for example "
                       f'"{{{{ inventory_dir }}}}/{path.rpartition("/")[2]}".')
    return out


def _storage(settings: Settings) -> list[str]:
    out = []
    driver = str(settings["registry_storage_driver"])
    extra = settings["registry_config_extra"]
    if not isinstance(extra, t.Mapping):
        return [f"registry_config_extra is {extra!r}: it is a mapping in the form of the registry's own config.yml."]
    others = sorted(set(extra.get("storage") or {}) - NOT_DRIVERS - {driver})
    if others:
        out.append(f"registry_config_extra.storage names {', '.join(others)} and registry_storage_driver is {driver!r}: "
                   "a registry has exactly one storage driver. Set registry_storage_driver, with its options in "
                   "registry_storage_options, and take the other out.")
    # A tag that names no version is taken for the default one; the image itself is asked once it is there.
    major = major_of_tag(str(settings["registry_image"])) or 3
    if major in DRIVERS and driver not in DRIVERS[major]:
        out.append(f"registry_storage_driver is {driver!r}, which registry {major} does not have. It has: "
                   f"{', '.join(sorted(DRIVERS[major]))}."
                   + (" Registry 2.8 (registry_image: registry:2) still has it." if driver in DRIVERS[2] else ""))
    return out


def _limits(settings: Settings) -> list[str]:
    out = []
    memory = str(settings["registry_memory"])
    if memory and not re.fullmatch(r"[0-9]+(\.[0-9]+)?([kKmMgGtT]i?)?[bB]?", memory):
        out.append(f"registry_memory is {memory!r}: write an amount with its unit, for example 512m or 2g, or leave it "
                   "empty for no limit.")
    cpus = settings["registry_cpus"]
    if isinstance(cpus, bool) or not re.fullmatch(r"[0-9]+(\.[0-9]+)?", str(cpus)):
        out.append(f"registry_cpus is {cpus!r}: write a number of processors, for example 1.5, or 0 for no limit.")
    cost = settings["registry_bcrypt_cost"]
    if isinstance(cost, bool) or not re.fullmatch(r"[0-9]+", str(cost)) or not 4 <= int(cost) <= 14:
        out.append(f"registry_bcrypt_cost is {cost!r}: it is a whole number from 4 to 14. The registry checks a password "
                   "on every request, and each step doubles the time of that.")
    return out


def _choices(settings: Settings) -> list[str]:
    choices = {
        "registry_state": ("started", "stopped", "restarted", "absent"),
        "registry_tls": ("off", "own_ca", "files"),
        "registry_log_level": ("error", "warn", "info", "debug"),
        "registry_log_format": ("text", "json", "logstash"),
        "registry_verify": ("auto", "always", "never"),
    }
    return [f"{variable} is {settings[variable]!r}: it is one of {', '.join(allowed)}."
            for variable, allowed in choices.items() if settings[variable] not in allowed]


def setting_problems(settings: Settings) -> list[str]:
    """Everything that can be found wrong by looking at the variables alone."""
    out: list[str] = []
    for check in (_choices, _image, _listen, _tls, _storage, _limits):
        out += check(settings)
    return out + user_problems(settings["registry_users"])


def host_problems(settings: Settings, host: t.Mapping[str, t.Any], running: bool = False) -> list[str]:
    """What stands in the way on the host: facts come from the module host_info.

    :param running: this registry already listens there, so that a taken port is its own.
    """
    out = []
    port = host["port"]
    if not port["free"] and not running:
        out.append(f"registry_port is {settings['registry_port']}, and {settings['registry_address']}:"
                   f"{settings['registry_port']} cannot be listened on: {port['error']}. End what uses it "
                   "(`ss -ltnp` shows it) or choose another registry_port.")
    if settings["registry_check_names"]:
        out += [problem for name in host.get("names", ()) for problem in _leads_here(name, settings)]
    folder = host.get("data_dir")
    return out + (_folder(folder, str(settings["registry_data_dir"])) if folder else [])


def _leads_here(found: t.Mapping[str, t.Any], settings: Settings) -> list[str]:
    listen = ipaddress.ip_address(str(settings["registry_address"]).strip("[]"))
    name, addresses = found["name"], found["addresses"]
    wanted = "one of this host's" if listen.is_unspecified else str(listen)
    remedy = (f"Let the name service or /etc/hosts on this host lead it to {wanted}, or take the name out. Where it rightly "
              "leads elsewhere, to a load balancer for example, set registry_check_names: false.")
    if not addresses:
        return [f"registry_host_names has {name!r}, which this host cannot resolve: {found['error']}. {remedy}"]
    good = found["local"] if listen.is_unspecified else [address for address in addresses if address == str(listen)]
    if not good:
        return [f"registry_host_names has {name!r}, which leads to {', '.join(addresses)} and not to {wanted}. {remedy}"]
    return []


def _folder(folder: t.Mapping[str, t.Any], path: str) -> list[str]:
    if folder["exists"] and not folder["is_directory"]:
        return [f"registry_data_dir is {path!r}, which is not a folder. Name a folder."]
    if folder["read_only"]:
        return [f"registry_data_dir is {path!r}, on a file system that is mounted read-only. Mount it writable, or name "
                "a folder elsewhere."]
    out = []
    if folder["free_bytes"] < LEAST_FREE_BYTES:
        out.append(f"registry_data_dir is {path!r}, on a file system with {folder['free_bytes'] // 1024**2} MiB free: a "
                   f"registry needs {LEAST_FREE_BYTES // 1024**2} MiB at least. Free some, or name a folder elsewhere.")
    if folder["entries"] and not folder["is_registry"]:
        out.append(f"registry_data_dir is {path!r}, which holds something that is not a registry "
                   f"({', '.join(folder['entries'][:3])}). Name an empty or a new folder.")
    return out


def archive_problems(settings: Settings, archive: t.Mapping[str, t.Any]) -> list[str]:
    """Whether `registry_image_archive` is an archive that holds `registry_image`."""
    path = str(settings["registry_image_archive"])
    if archive["error"]:
        return [f"registry_image_archive is {path!r}: {archive['error']}. Name an archive as `docker save` writes it."]
    image = str(settings["registry_image"])
    if long_name(image) not in {long_name(tag) for tag in archive["tags"]}:
        return [f"registry_image is {image!r}, and the archive {path!r} (registry_image_archive) holds "
                f"{', '.join(archive['tags']) or 'no named image'}. Set registry_image to one of these."]
    return []
