#!/usr/bin/env bash
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds the collection, installs it elsewhere, and finds its playbook by its full name there.
set -euo pipefail
cd "$ROOT"
rm -rf .cache/dist .cache/installed
mkdir -p .cache/installed
ansible-galaxy collection build --output-path .cache/dist
# From there on as somebody who has no clone: no ansible.cfg, and the tarball's own files only.
cd .cache/installed
export ANSIBLE_COLLECTIONS_PATH=$PWD
ansible-galaxy collection install ../dist/*.tar.gz --offline -p .
ansible-playbook --syntax-check dockyard.registry.standalone
ansible-doc -l dockyard.registry | tee modules.txt
grep -q '^dockyard.registry.image ' modules.txt
