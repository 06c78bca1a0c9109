# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The doctor on a real registry with real faults: each has its red line in the table, and health has none."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import bcrypt
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from nodes import ROOT, docker, play  # noqa: E402  # found only after the line above

NAME = "dockyard-doctor"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def shell(*command):
    subprocess.run(command, check=True, timeout=60, capture_output=True)


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """A registry on a small disk of its own, run by the playbook standalone."""
    folder = tmp_path_factory.mktemp("doctor")
    disk = folder / "disk"
    disk.mkdir()
    shell("mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", str(disk))
    (folder / "hosts.yml").write_text(json.dumps({"all": {"children": {"registry": {"hosts": {"localhost": {
        "ansible_connection": "local", "ansible_python_interpreter": sys.executable}}}}}}))
    given = {
        "registry_name": NAME,
        "registry_port": free_port(),
        "registry_data_dir": str(disk / "data"),
        "registry_config_dir": str(folder / "config"),
        "registry_image_archive": str(ROOT / ".cache/images/registry-3.tar"),
        "registry_users": [{"name": "ada", "password": "hunter2"}],
        "registry_drain_timeout": 1,
    }
    try:
        started = play("standalone", folder / "hosts.yml", **given)
        assert started.code == 0, started.printed
        yield folder / "hosts.yml", given
    finally:
        subprocess.run(["docker", "rm", "-fv", NAME], check=False, capture_output=True, timeout=60)
        shell("umount", "-l", str(disk))


def table(done, level):
    """The lines of a level, without what is the same in each."""
    heads = [" ".join(line.split()) for line in done.lines if line.startswith(f"{level:<4}  ")]
    return [line.partition(" ")[2].partition(" ")[2] for line in heads]


def doctor(settings, **changes):
    inventory, given = settings
    done = play("doctor", inventory, **{**given, **changes})
    assert "changed=0" in done.printed and "hunter" not in done.printed, done.printed
    return done


def only_red(settings, *says, **changes):
    """The table's one red line is about this, the play fails with exit code 2, and the remedy stands below."""
    done = doctor(settings, **changes)
    assert done.code == 2, done.printed
    red = table(done, "FAIL")
    assert len(red) == 1, done.lines
    for text in says:
        assert text in done.printed, done.printed
    return red[0]


@contextlib.contextmanager
def undone(*command):
    try:
        yield
    finally:
        shell(*command)


def test_health(settings):
    done = doctor(settings)
    assert done.code == 0, done.printed
    assert table(done, "FAIL") == table(done, "warn") == []
    text = " ".join(table(done, "ok"))
    for subject in ("engine", "container", "memory", "version", "port", "answer", "login", "storage", "disk", "push, pull"):
        assert subject in text, text
    # What it pushed is gone again.
    tags = subprocess.run(
        ["curl", "-su", "ada:hunter2", f"http://127.0.0.1:{settings[1]['registry_port']}/v2/dockyard/doctor/tags/list"],
        check=True, capture_output=True, text=True, timeout=30,
    )
    assert not json.loads(tags.stdout).get("tags")


def test_paused(settings):
    docker("pause", NAME)
    with undone("docker", "unpause", NAME):
        only_red(settings, "it is paused", f"`docker unpause {NAME}`")


def inspected(form):
    return docker("inspect", "-f", form, NAME).strip()


def wait_for(form, wanted):
    """Until the engine says so of the container."""
    end = time.monotonic() + 60
    while not wanted(inspected(form)):
        assert time.monotonic() < end, inspected("{{json .State}}")
        time.sleep(0.1)


def test_a_registry_that_fell(settings):
    os.kill(int(inspected("{{.State.Pid}}")), signal.SIGKILL)
    with undone("docker", "restart", "-t", "1", NAME):
        wait_for("{{.RestartCount}} {{.State.Running}}", "1 true".__eq__)
        done = doctor(settings)
    assert done.code == 0, done.printed
    assert f"The container {NAME} runs, and was started again once because it had fallen" in done.printed


def test_a_registry_that_falls_all_the_time(settings):
    config = Path(settings[1]["registry_config_dir"]) / "etc" / "config.yml"
    good = config.read_text()
    config.write_text("version: 9\n")
    try:
        docker("restart", "-t", "1", NAME)
        # The engine doubles its pause each time: soon the container is hardly ever seen running.
        wait_for("{{.RestartCount}}", lambda count: int(count) > 5)
        line = only_red(settings, "falls and is started again, ", f"`docker logs --tail 20 {NAME}` says why")
    finally:
        config.write_text(good)
        docker("restart", "-t", "1", NAME)
    assert line.startswith(f"container The container {NAME} falls")


def test_a_slow_login(settings):
    users = Path(settings[1]["registry_config_dir"]) / "etc" / "htpasswd"
    good = users.read_text()
    users.write_text(f"ada:{bcrypt.hashpw(b'hunter2', bcrypt.gensalt(15)).decode()}\n")
    try:
        done = doctor(settings, registry_doctor_round_trip=False)
    finally:
        users.write_text(good)
    assert done.code == 0, done.printed
    assert any(line.startswith("login A login takes ") for line in table(done, "warn")), done.lines
    assert "Lower registry_bcrypt_cost" in done.printed


def test_full_disk(settings):
    big = Path(settings[1]["registry_data_dir"]).parent / "big"
    with contextlib.suppress(OSError), big.open("wb") as file:
        while True:
            file.write(bytes(1024 * 1024))
    with undone("rm", str(big)):
        red = table(doctor(settings), "FAIL")
    assert any(line.startswith("disk") for line in red), red
    assert any(line.startswith("push, pull") for line in red), red


def test_a_disk_without_files_left(settings):
    disk = str(Path(settings[1]["registry_data_dir"]).parent)
    size = os.statvfs(disk)
    used = size.f_files - size.f_ffree
    shell("mount", "-o", f"remount,nr_inodes={used * 103 // 100}", disk)
    with undone("mount", "-o", f"remount,nr_inodes={size.f_files}", disk):
        done = doctor(settings, registry_doctor_round_trip=False)
    assert done.code == 0, done.printed
    assert any(line.startswith("disk Only ") and "(inodes) are free" in line for line in table(done, "warn")), done.lines


def test_a_disk_mounted_behind_its_back(settings):
    folder = settings[1]["registry_data_dir"]
    shell("mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", folder)
    with undone("umount", folder):
        assert only_red(settings, f"docker restart {NAME}").startswith("storage The container does not see")


def test_another_folder_than_the_one_mounted(settings, tmp_path):
    assert "keeps its images in" in only_red(settings, "Set registry_data_dir", registry_data_dir=str(tmp_path))


def clients(settings, tmp_path, **variables):
    """The doctor on this machine as a client: its findings are those of the host `laptop`."""
    inventory = tmp_path / "hosts.yml"
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    inventory.write_text(json.dumps({"all": {"children": {
        "registry": {"hosts": {"localhost": local}},
        "registry_clients": {"hosts": {"laptop": {**local, **variables}}},
    }}}))
    done = play("doctor", inventory, **settings[1])
    return [line for line in done.lines if "  laptop  " in line], done


def test_a_client(settings, tmp_path):
    """The name of the registry comes from its own host; on loopback, plain HTTP is right."""
    lines, done = clients(settings, tmp_path)
    assert done.code == 0, done.printed
    assert lines and not [line for line in lines if not line.startswith("ok")]


@pytest.mark.parametrize(
    ("registry", "images", "subject", "says"),
    [
        ("registry.invalid:5000", [], "name", "leads nowhere from here"),
        ("localhost:1", [], "answer", "Nothing answers at localhost:1"),
        (None, ["app:1"], "image", "named for Docker Hub"),
    ],
)
def test_faults_of_a_client(settings, tmp_path, registry, images, subject, says):
    registry = registry or f"127.0.0.1:{settings[1]['registry_port']}"
    lines, done = clients(settings, tmp_path, registry_client_registry=registry, registry_doctor_images=images)
    assert done.code == 2, done.printed
    red = [line for line in lines if line.startswith("FAIL")]
    assert len(red) == 1 and red[0].split()[2] == subject, lines
    assert says in done.printed


def test_http_for_a_client_that_asks_for_tls(settings, tmp_path):
    """Beyond loopback, engines want TLS."""
    registry = inspected("{{.NetworkSettings.IPAddress}}") + ":5000"
    lines, done = clients(settings, tmp_path, registry_client_registry=registry)
    assert done.code == 2, done.printed
    red = [line for line in lines if line.startswith("FAIL")]
    assert len(red) == 1 and red[0].split()[2] == "answer", lines
    assert f"{registry} gives an HTTP answer to an HTTPS client" in done.printed


def test_a_host_that_does_not_answer(settings, tmp_path):
    lines, done = clients(settings, tmp_path, ansible_connection="ssh", ansible_host="127.0.0.1", ansible_port=free_port())
    assert done.code == 2
    assert len(lines) == 1 and "could not be looked at" in lines[0], done.lines
    assert any(line.startswith("ok") and "localhost" in line for line in done.lines)
