#!/usr/bin/env bash
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs ansible-test on a copy, for it refuses a folder that is not really called ansible_collections/dockyard/registry.
set -euo pipefail
cd "$ROOT"
rm -rf "$TREE"
mkdir -p "$TREE"
git ls-files -zco --exclude-standard -- . ':!collections' | tar --null -T - -c | tar -x -C "$TREE"
# ansible-test makes an environment for each test and would download pip's installer: Python brings one.
mkdir -p "$HOME/.ansible/test/cache"
for version in 24_2 25_2; do cp tools/get_pip_shim.py "$HOME/.ansible/test/cache/get_pip_$version.py"; done
cd "$TREE"
test_name=$1
shift
ansible-test "$test_name" --python "$CHECK_PYTHON" --color no "$@"
