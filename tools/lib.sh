# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Shared by the scripts beside it; sourced, not run.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
logs=$root/.cache/logs

say() { printf '%s\n' "$*"; }

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# quietly NAME TEXT COMMAND...: says what starts; the command's output goes to a log that is shown if it fails.
quietly() {
    local log=$logs/$1.log text=$2
    shift 2
    mkdir -p "$logs"
    say "$text"
    if ! "$@" >"$log" 2>&1 </dev/null; then
        cat "$log" >&2
        fail "FAILED: $text (the output above is in $log)"
    fi
}

# The command as root, by sudo where that is needed; sudo asks on the terminal.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# apt_install NAME...: Debian's or Ubuntu's packages.
apt_install() {
    command -v apt-get >/dev/null || fail "there is no apt-get here; please install yourself: $*"
    if [ "$(id -u)" -ne 0 ] && ! sudo -n true 2>/dev/null; then
        command -v sudo >/dev/null || fail "installing packages needs root or sudo; please install yourself: $*"
        say "sudo may ask for your password, to install: $*"
    fi
    quietly apt-update "apt: reading the package lists (about 10 s)" as_root apt-get -o DPkg::Lock::Timeout=300 update
    quietly "apt-$1" "apt: installing $* (10 to 60 s)" \
        as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends "$@"
}

# stamp FILE...: one hash of the files, and of where the clone stands (virtual environments cannot be moved).
stamp() {
    { printf '%s\n' "$root"; (cd "$root" && sha256sum "$@"); } | sha256sum | cut -d' ' -f1
}
