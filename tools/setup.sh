#!/usr/bin/env bash
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes the virtual environments: `tools/setup.sh` to run the collection, `tools/setup.sh dev` to test it, too.
# Each has a stamp made of what it was made from, so that a second call does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .cache/logs

# What it runs is shown only if it fails.
quietly() {
  local log=.cache/logs/$1.log
  shift
  "$@" >"$log" 2>&1 </dev/null || { cat "$log" >&2; echo "Failed: $*" >&2; return 1; }
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

packages() {
  echo "Installing $* (about half a minute)"
  quietly apt-update as_root apt-get update
  quietly apt as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

works() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' >/dev/null 2>&1; }

# The newest Python that really runs: pyenv's shims are on the PATH even of versions that are off.
newest_python() {
  local name candidate
  for name in 3.13 3.12 3.11; do
    for candidate in "python$name" "$HOME"/.pyenv/versions/"$name".*/bin/python"$name"; do
      if works "$candidate"; then command -v "$candidate"; return; fi
    done
  done
  if works python3; then command -v python3; return; fi
  echo "Python 3.11 or newer is needed, and python3 is $(python3 --version 2>&1)." >&2
  return 1
}

# environment FOLDER PYTHON REQUIREMENTS...: pip installs, unless it already has just that.
environment() {
  local folder=$1 python=$2 stamp
  shift 2
  stamp=$({ "$python" --version; cat constraints.txt requirements*.txt tools/setup.sh; echo "$@"; } | sha256sum)
  if [ "$(cat "$folder/.stamp" 2>/dev/null)" = "$stamp" ]; then return; fi
  echo "Making $folder with $("$python" --version) (about a minute)"
  "$python" -c 'import ensurepip' 2>/dev/null || packages python3-venv
  quietly "venv${folder//[^a-z]/-}" "$python" -m venv --clear "$folder"
  quietly "pip${folder//[^a-z]/-}" "$folder/bin/python" -m pip install --disable-pip-version-check -c constraints.txt "$@"
  printf '%s\n' "$stamp" >"$folder/.stamp"
}

# The collections that ours needs, from the package `ansible` that belongs to the environment's ansible-core.
collections() {
  local folder=$1 target wheels
  target=$("$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  if [ -f "$target/ansible_collections/community/docker/MANIFEST.json" ]; then return; fi
  wheels=$(mktemp -d)
  echo "Fetching the collections that ours needs (about ten seconds)"
  quietly collections "$folder/bin/python" -m pip download --no-deps -c constraints.txt -d "$wheels" ansible
  quietly unpack "$folder/bin/python" tools/collections_from_wheel.py "$wheels"/ansible-*.whl "$target"
  rm -r "$wheels"
}

python=$(newest_python)
case ${1:-} in
  "")
    # The environment of the developers can do all that this one can.
    if [ -f .venv/.stamp ] && [ -x .venv/bin/molecule ]; then exit; fi
    environment .venv "$python" -r requirements.txt
    collections .venv
    ;;
  dev)
    missing=()
    for tool in shellcheck mmdebstrap; do command -v "$tool" >/dev/null || missing+=("$tool"); done
    [ ${#missing[@]} = 0 ] || packages "${missing[@]}"
    environment .venv "$python" -r requirements-dev.txt
    collections .venv
    # It pins versions of its own that the other tools do not work with.
    environment .venv-importer "$python" 'galaxy-importer>=0.4.30,<0.5'
    collections .venv-importer
    # The oldest pair that is promised, where the machine has it besides a newer one.
    oldest=$(command -v /usr/bin/python3.11 "$HOME"/.pyenv/versions/3.11.*/bin/python3.11 | head -n 1 || true)
    if [ -n "$oldest" ] && [ "$(.venv/bin/python -c 'import sys; print(sys.version_info[1])')" != 11 ]; then
      environment .venv-oldest "$oldest" -r requirements.txt pytest hypothesis pytest-xdist
      collections .venv-oldest
    fi
    ;;
  *)
    echo "usage: tools/setup.sh [dev]" >&2
    exit 2
    ;;
esac
