# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The front door. Nothing needs setting up first. ARGS="..." goes on to ansible-playbook.
ARGS ?=
PLAY := .venv/bin/ansible-playbook playbooks/standalone.yml

.PHONY: help up down purge images setup lint units test check
help: ## show this
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

up: ## run a registry on this machine, with hello-world and nginx in it
	@tools/up.sh $(ARGS)

down: ## stop it; its data stays
	@tools/setup.sh runtime
	@$(PLAY) -e registry_state=stopped $(ARGS)

purge: ## remove it and, once you have said yes, its data (YES=1 says so)
	@tools/setup.sh runtime
	@[ "$(YES)" = 1 ] || { printf 'This removes every image in ./registry-data for good. Type yes: '; read -r a; [ "$$a" = yes ]; }
	@$(PLAY) -e registry_state=absent -e registry_remove_data=true $(ARGS)

images: ## build the images that need no registry of images, into .cache/images
	@tools/setup.sh runtime
	@.venv/bin/python tools/images/build.py

setup: ## make what the tests need
	@tools/setup.sh dev
	@tools/setup.sh importer
	@tools/setup.sh oldest || [ $$? = 3 ]

lint: setup ## the linters
	@.venv/bin/python tools/check.py lint shell types docs changelog readmes

units: setup ## the unit tests
	@.venv/bin/python tools/check.py units

test: setup ## everything
	@.venv/bin/python tools/check.py
