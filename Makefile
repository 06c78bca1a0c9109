# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The front door. Nothing needs setting up first. ARGS="..." goes on to ansible-playbook.
ARGS ?=

.PHONY: help up down purge images setup-dev setup-test lint units test bench bench-quick
help: ## show this
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

up: ## run a registry on this machine, with hello-world and nginx in it
	@tools/up.sh $(ARGS)

down: ## stop it; its data stays
	@tools/play.sh -e registry_state=stopped $(ARGS)

purge: ## remove it and, once you have typed its name, its data (YES=1 types it)
	@YES=$(YES) tools/purge.sh $(ARGS)

images: ## build the images that need no registry of images, into .cache/images
	@tools/setup.sh runtime
	@.venv/bin/python tools/images/build.py

setup-dev: ## make what lint and units need
	@tools/setup.sh dev

setup-test: setup-dev ## make what test needs besides
	@tools/setup.sh importer
	@tools/setup.sh oldest || [ $$? = 3 ]
	@tools/setup.sh host || [ $$? = 3 ]

lint: setup-dev ## the linters (a quarter of a minute)
	@.venv/bin/python tools/check.py --lint

units: setup-dev ## the unit tests (a quarter of a minute)
	@.venv/bin/python tools/check.py units

test: setup-test ## everything (about an hour on two processors)
	@.venv/bin/python tools/check.py

bench: ## compare copying and listing with other tools (an hour or more; ARGS="--scale 0.1 --jobs cold" for less)
	@bench/bench.sh $(ARGS)

bench-quick: ## the same with few images: lines `name ratio` (under a minute, once all is installed)
	@bench/bench.sh --quick $(ARGS)
