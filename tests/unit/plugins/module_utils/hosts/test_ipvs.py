# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a kernel can do IPVS, told without loading anything."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.hosts import ipvs

ALL, NO_MODULES = "000001ffffffffff", "000001fffffeffff"
FOUND = (0, "insmod /lib/modules/6.1/kernel/net/netfilter/ipvs/ip_vs.ko \n")


def proc(folder: pathlib.Path, *, loaded: bool = False, bounds: str = ALL) -> str:
    (folder / "net").mkdir()
    (folder / "self").mkdir()
    (folder / "self" / "status").write_text(f"Name:\tpython3\nCapBnd:\t{bounds}\n")
    if loaded:
        (folder / "net" / "ip_vs").write_text("IP Virtual Server version 1.2.1 (size=4096)\n")
    return str(folder)


@pytest.mark.parametrize(
    ("answer", "bounds", "available", "reason"),
    [
        (FOUND, ALL, True, "the kernel can load the module ip_vs"),
        ((0, ""), ALL, True, "the kernel can load the module ip_vs"),  # built in, or loaded meanwhile
        (FOUND, NO_MODULES, False, "may load modules"),
        ((1, "modprobe: FATAL: Module ip_vs not found in directory /lib/modules/6.18\n"), ALL, False, "Module ip_vs not found"),
        ((1, ""), ALL, False, "modprobe ip_vs answers 1"),
        ((0, "install /bin/false \n"), ALL, False, "modprobe.d forbids the module ip_vs"),
    ],
)
def test_modules(tmp_path: pathlib.Path, answer: tuple[int, str], bounds: str, available: bool, reason: str) -> None:
    asked: list[list[str]] = []
    found = ipvs.find_ipvs(proc=proc(tmp_path, bounds=bounds), run=lambda command: asked.append(command) or answer)
    assert asked == [["modprobe", "--dry-run", "--verbose", "ip_vs"]]
    assert found.available is available
    assert reason in found.reason


def test_a_kernel_that_has_it(tmp_path: pathlib.Path) -> None:
    found = ipvs.find_ipvs(proc=proc(tmp_path, loaded=True), run=lambda _command: (1, "not asked"))
    assert found == ipvs.Ipvs(True, "the kernel has it: /proc/net/ip_vs is there")


def test_no_modprobe_to_ask(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ipvs, "MODULE", "ip_vs")
    assert ipvs._run(["dockyard-no-such-command"])[0] == 127
    code, text = ipvs._run(["sh", "-c", "echo here; echo there >&2; exit 3"])
    assert (code, text.split()) == (3, ["here", "there"])
    (tmp_path / "modprobe").write_text("not executable")
    code, text = ipvs._run([str(tmp_path / "modprobe")])
    assert (code, "Permission denied" in text) == (126, True)
