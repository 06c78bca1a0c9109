#!/usr/bin/env bash
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# `start`: an engine and its client, by the collection's own role. `stop`: the engine that `start` started.
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1:-} in
  start)
    ansible localhost --become -m ansible.builtin.include_role -a name=dockyard.registry.engine
    command -v docker >/dev/null || apt-get install -y --no-install-recommends docker-cli
    docker info >/dev/null
    ;;
  stop) kill "$(cat /var/run/docker.pid)" ;;
  *)
    echo "usage: tools/engine.sh start|stop" >&2
    exit 2
    ;;
esac
