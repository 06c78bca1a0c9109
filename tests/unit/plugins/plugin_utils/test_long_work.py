# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A play of its own, since only Ansible's processes show whether a line gets from a host to the terminal."""

from __future__ import annotations

import os
import subprocess
import sys
import typing as t

if t.TYPE_CHECKING:
    from pathlib import Path

MODULE = """
import time
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.dockyard.registry.plugins.module_utils.progress import Progress

module = AnsibleModule({"progress_file": {"type": "path"}, "steps": {"type": "int"}}, supports_check_mode=True)
with Progress(module.params["progress_file"]) as progress:
    for step in range(module.params["steps"]):
        progress.report("step %d of %d" % (step + 1, module.params["steps"]))
        time.sleep(0.2)
module.exit_json(changed=False, path=module.params["progress_file"])
"""

ACTION = """
from ansible_collections.dockyard.registry.plugins.plugin_utils import long_work

long_work.EVERY = 0.3


class ActionModule(long_work.LongWork):
    pass
"""

PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - slow: {steps: 8}
      register: slow
    - stat: {path: "{{ slow.path }}"}
      register: left
    - assert: {that: [slow.path is search('progress'), not left.stat.exists]}
    - slow: {steps: 0}
    - slow: {steps: 8, progress_file: "{{ scratch }}/mine"}
"""


def test_lines_are_shown_while_the_module_works(tmp_path: Path) -> None:
    for name, text in {"library/slow.py": MODULE, "action_plugins/slow.py": ACTION, "play.yml": PLAY}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    # The play has a folder of its own: what is relative to this one leads nowhere there.
    path = os.pathsep.join(os.path.abspath(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry)
    answer = subprocess.run(
        # Not the command: where ansible-test runs this, there is none beside this Python.
        [sys.executable, "-c", "from ansible.cli.playbook import main; main()", "-i", "localhost,", "-c", "local", "-e", f"scratch={tmp_path}",
         "-e", f"ansible_python_interpreter={sys.executable}", "play.yml"],
        cwd=tmp_path, env={**os.environ, "ANSIBLE_HOME": str(tmp_path / "home"), "PYTHONPATH": path},
        capture_output=True, text=True, timeout=120, check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    shown = [line.strip() for line in answer.stdout.splitlines() if " of 8" in line]
    # Some of the first task's steps, each once and in their order; nothing of the last one, which watches for itself.
    assert 2 <= len(shown) <= 8, answer.stdout
    assert shown == sorted(set(shown)), shown
    assert all(line.startswith("localhost: step ") for line in shown), shown
