# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tools/hosts: what it says no to, what it writes, and which processes it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

if sys.version_info < (3, 11):
    pytest.skip("tools/hosts needs Python 3.11", allow_module_level=True)

TOOL = Path(__file__).parents[3] / "tools" / "hosts"
sys.path.insert(0, str(TOOL))

from dockyard_hosts import base, commands, hosts  # noqa: E402


@pytest.fixture
def three(tmp_path: Path) -> hosts.Hosts:
    """A set of hosts, none of them made yet."""
    return hosts.Hosts("three", "10.78.0", tmp_path, "1G")


@pytest.mark.parametrize(
    ("name", "network", "said"),
    [
        ("", "10.77.0", "''"),
        ("Upper", "10.77.0", "'Upper'"),
        ("a b", "10.77.0", "'a b'"),
        ("../up", "10.77.0", "'../up'"),
        ("x" * 32, "10.77.0", "31"),
        ("good", "10.77", "'10.77'"),
        ("good", "10.77.0.0", "10.77.0"),
    ],
)
def test_names_and_networks_that_cannot_be(tmp_path: Path, name: str, network: str, said: str) -> None:
    with pytest.raises(commands.HostsError, match=said):
        hosts.Hosts(name, network, tmp_path, "1G")


def test_ssh_config(three: hosts.Hosts) -> None:
    text = three.ssh_config()
    assert "Host three-2\n  HostName 10.78.0.12\n" in text
    assert "ProxyCommand ip netns exec three nc %h %p" in text
    assert f"IdentityFile {three.folder}/id" in text


def test_hosts_have_numbers_of_one_digit(three: hosts.Hosts) -> None:
    for number in (0, 10):
        with pytest.raises(commands.HostsError, match=f"no host {number}"):
            three.start(number)


def test_a_disk_of_another_recipe_is_not_mixed_in(three: hosts.Hosts) -> None:
    (three.folder / "base").write_text("/elsewhere/base-old.img\n", encoding="utf-8")
    with pytest.raises(commands.HostsError, match="down"):
        three.prepare(Path("/elsewhere/base-new.img"))


def test_only_processes_of_that_host_are_ended(three: hosts.Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = (subprocess.Popen(["sleep", "60"], start_new_session=True) for _each in range(2))
    try:
        monkeypatch.setattr(three, "namespace_exists", lambda: True)

        def alive(_command: object) -> str:
            return " ".join(str(process.pid) for process in (one, two) if process.poll() is None)

        monkeypatch.setattr(hosts, "run", alive)
        (three.folder / "1.session").write_text(f"{one.pid}\n", encoding="utf-8")
        assert three.processes(1) == [one.pid]
        assert three.processes(2) == []
        assert three.processes() == [one.pid, two.pid]
        three.end(1)
        assert one.wait(10) == -9
        assert two.poll() is None
    finally:
        for process in (one, two):
            process.kill()
            process.wait(10)


def test_session_of_a_process_that_has_ended() -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait(10)
    assert hosts.session_of(process.pid) == 0
    assert hosts.session_of(os.getpid()) == os.getsid(0)


def test_the_recipe_is_of_all_that_goes_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "run", lambda _command: "user-mode-linux\t1\n")
    monkeypatch.setattr(base, "TRUSTED", tmp_path)
    before = base.recipe(TOOL)
    assert base.recipe(TOOL) == before
    (tmp_path / "own.crt").write_text("a CA", encoding="utf-8")
    trusting = base.recipe(TOOL)
    monkeypatch.setattr(base, "PACKAGES", [*base.PACKAGES, "one-more"])
    assert len({before, trusting, base.recipe(TOOL)}) == 3


def test_disks_that_hosts_stand_on_stay(tmp_path: Path) -> None:
    old, used = tmp_path / "base-old.img", tmp_path / "base-used.img"
    for disk in (old, used):
        disk.touch()
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "base").write_text(f"{used}\n", encoding="utf-8")
    (tmp_path / ".build-killed").mkdir()
    base.remove_stale(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base-used.img", "set"]


def test_a_program_that_fails_is_quoted() -> None:
    with pytest.raises(commands.HostsError, match=r"`sh -c echo no >&2; exit 3` failed \(3\): no"):
        commands.run(["sh", "-c", "echo no >&2; exit 3"])
    with pytest.raises(commands.HostsError, match="no-such-program is not installed"):
        commands.run(["no-such-program"])
