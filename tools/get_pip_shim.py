# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-in for get-pip.py: ansible-test runs it inside an empty virtual environment.

Save as ~/.ansible/test/cache/get_pip_<version with _>.py (for ansible-core 2.21: get_pip_25_2.py).
"""

import os
import subprocess
import sys

env = {k: v for k, v in os.environ.items() if k != "GET_PIP"}
args = [a for a in sys.argv[1:] if a not in ("--no-setuptools", "--no-wheel")]
subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"], env=env, stdout=subprocess.DEVNULL)
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", "-q"] + args, env=env))
