#!/usr/bin/env bash
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Ends with a running registry that has been pushed to and pulled from. Arguments go on to ansible-playbook.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/setup.sh runtime
mkdir -p .cache/logs
archives=$PWD/.cache/images

hub_answers() {
  .venv/bin/python - <<'P'
import sys, requests
try:
    sys.exit(requests.get("https://registry-1.docker.io/v2/", timeout=4).status_code not in (200, 401))
except requests.RequestException:
    sys.exit(1)
P
}

seed() { printf '{"name": "library/%s:latest", "source": "%s"}' "$1" "$2"; }

if hub_answers; then
  echo "Docker Hub answers: images come from there."
  vars=(-e "{\"registry_seed_images\": [$(seed hello-world docker://docker.io/library/hello-world:latest),
    $(seed nginx docker://docker.io/library/nginx:latest)]}")
else
  echo "Docker Hub does not answer: images are built from packages (up to five minutes the first time)."
  image=registry:3
  archive=registry-3
  if ! .venv/bin/python tools/images/build.py registry-3 >.cache/logs/image-registry-3.log 2>&1; then
    tail -n 3 .cache/logs/image-registry-3.log
    echo "So it is registry 2.8, from this system's packages. With a Go toolchain it would be 3."
    image=registry:2
    archive=registry-2
  fi
  .venv/bin/python tools/images/build.py "$archive" nginx hello-world
  vars=(-e "registry_image=$image" -e "registry_image_archive=$archives/$archive.tar"
    -e "{\"registry_seed_images\": [$(seed hello-world "oci-archive:$archives/hello-world.tar"),
    $(seed nginx "oci-archive:$archives/nginx.tar:nginx:latest")]}")
fi

# sudo asks for a password only on a terminal, and only if it needs one.
ask=()
if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null && [ -t 0 ]; then ask=(--ask-become-pass); fi

log=.cache/logs/up.log
echo "Running the play (about a minute the first time)"
.venv/bin/ansible-playbook playbooks/standalone.yml "${ask[@]}" "${vars[@]}" "$@" | tee "$log"
if ! grep -E 'changed=[1-9]' "$log" >/dev/null; then echo "Nothing had to be changed."; fi
