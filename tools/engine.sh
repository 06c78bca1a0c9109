#!/usr/bin/env bash
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# `start`: a Docker Engine that answers, by the collection's own role where there is none. `stop`: ends that one,
# and leaves alone one that was there before.
set -euo pipefail
# shellcheck source=tools/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"
note=$root/.cache/engine-started

start() {
    command -v docker >/dev/null || missing=1
    if [ -z "${missing-}" ] && docker info >/dev/null 2>&1; then
        say "an engine answers"
        return
    fi
    # Even if the start fails half-way, there may be something to stop.
    mkdir -p "$root/.cache"
    : >"$note"
    ANSIBLE_CONFIG=$root/ansible.cfg .venv/bin/ansible localhost --become \
        -m ansible.builtin.include_role -a name=dockyard.registry.engine
    # Since Debian 13 the engine's package brings no command.
    command -v docker >/dev/null || apt_install docker-cli
    docker info
}

stop() {
    if [ ! -f "$note" ]; then
        say "no engine was started here"
        return
    fi
    rm "$note"
    if [ -d /run/systemd/system ]; then
        as_root systemctl stop docker.socket docker.service
    elif [ -f /var/run/docker.pid ]; then
        local pid
        pid=$(</var/run/docker.pid)
        as_root kill "$pid"
        while [ -d "/proc/$pid" ]; do sleep 0.2; done
    fi
}

case ${1-} in
    start | stop) "$1" ;;
    *) fail "usage: tools/engine.sh start | stop" ;;
esac
