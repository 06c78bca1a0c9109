#!/usr/bin/env bash
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds the collection, looks at what is in it, installs it elsewhere, and finds its playbook by its full name there.
set -euo pipefail
# shellcheck source=tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"
rm -rf .cache/dist .cache/installed
mkdir -p .cache/dist .cache/installed
ansible-galaxy collection build --output-path .cache/dist

# What git does not know has no place in it: a virtual environment, a cache, somebody's data.
tar -tzf .cache/dist/*.tar.gz | grep -v '/$' | grep -vxE 'MANIFEST.json|FILES.json' | sort >.cache/dist/packed.txt
git ls-files -co --exclude-standard | sort >.cache/dist/known.txt
if comm -23 .cache/dist/packed.txt .cache/dist/known.txt | grep .; then
    fail "The files above are in the tarball and not in git: galaxy.yml, build_ignore."
fi

# From there on as somebody who has no clone: no ansible.cfg, and the tarball's own files only.
cd .cache/installed
export ANSIBLE_COLLECTIONS_PATH=$PWD
ansible-galaxy collection install ../dist/*.tar.gz --offline -p .
ansible-playbook --syntax-check dockyard.registry.standalone
ansible-doc -l dockyard.registry | tee modules.txt
grep -q '^dockyard.registry.image ' modules.txt
