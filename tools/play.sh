#!/usr/bin/env bash
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs the playbook standalone with the arguments that are given, and says so if nothing had to be changed.
set -euo pipefail
# shellcheck source=tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"
tools/setup.sh runtime

# In a folder that everybody may write to, Ansible finds its configuration only if it is named.
export ANSIBLE_CONFIG=$root/ansible.cfg
if [ -t 1 ] && [ -z "${NO_COLOR-}${ANSIBLE_NOCOLOR-}" ]; then export ANSIBLE_FORCE_COLOR=1; fi

# sudo asks for a password only on a terminal, and only if it needs one.
ask=()
if [ "$(id -u)" -ne 0 ] && ! sudo -n true 2>/dev/null && [ -t 0 ]; then ask=(--ask-become-pass); fi

log=$logs/play.log
.venv/bin/ansible-playbook playbooks/standalone.yml "${ask[@]}" "$@" | tee "$log"

if sed 's/\x1b\[[0-9;]*m//g' "$log" | awk '
    /^PLAY RECAP/ { recap = 1 }
    recap && / changed=/ { hosts++; if ($0 ~ / changed=[1-9]/) busy++ }
    END { exit !(hosts && !busy) }'; then
    say "Nothing had to be changed."
fi
