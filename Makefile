# Every target works in a fresh clone on a machine with Python >= 3.11, make and git.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory

PY := .venv/bin/python
PIP := $(PY) -m pip install -qq --disable-pip-version-check --no-deps --require-hashes

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

# --- installation ------------------------------------------------------------------------------------------------

COMPILE := $(PY) -m uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate

.PHONY: venv
venv:
	@if [ -x $(PY) ] && $(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then exit 0; fi; \
	for python in $${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14}; do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			echo "making .venv with $$($$python --version)"; \
			rm -rf .venv; \
			$$python -m venv .venv && exit 0; \
			rm -rf .venv; \
			echo "Python's venv is missing. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; \
		fi; \
	done; \
	echo "Horizon needs Python 3.11 or newer, found $$(python3 --version 2>&1 || true)." >&2; \
	echo "Install one, or name it: make up PYTHON=/path/to/python3.12" >&2; exit 1

.venv/installed: requirements.txt | venv
	@echo "installing what requirements.txt names (a minute or two)"
	@$(PIP) -r requirements.txt
	@touch $@

.venv/installed-dev: requirements-dev.txt | venv
	@echo "installing what requirements-dev.txt names (a minute or two)"
	@$(PIP) -r requirements-dev.txt
	@touch $@

.PHONY: install
install: .venv/installed ## Install what Horizon needs into .venv

.PHONY: lock
lock: .venv/installed-dev ## Write requirements*.txt anew from pyproject.toml
	$(COMPILE) -o requirements.txt
	$(COMPILE) --group dev --constraints requirements.txt -o requirements-dev.txt

# --- running -----------------------------------------------------------------------------------------------------

.PHONY: up
up: .venv/installed ## Start everything at http://127.0.0.1:8000 (Ctrl-C ends it)
	@$(PY) manage.py up

.PHONY: demo
demo: .venv/installed-dev ## The same, filled with a lively company that needs no token
	@$(PY) -m tests.demo

# --- checking ----------------------------------------------------------------------------------------------------

.PHONY: test
test: lint types contracts settings migrations pytest ## Install what is missing and check everything

.PHONY: lint
lint: .venv/installed-dev ## Ruff: rules and format
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

.PHONY: format
format: .venv/installed-dev ## Ruff: mend what it can
	$(PY) -m ruff check --fix-only .
	$(PY) -m ruff format .

.PHONY: types
types: .venv/installed-dev ## Mypy, strict
	$(PY) -m mypy

.PHONY: contracts
contracts: .venv/installed-dev ## Import-linter: which module may import which
	.venv/bin/lint-imports --no-logo

# The settings of an installation on the internet, with made-up addresses and keys.
PRODUCTION := env -i PATH="$$PATH" HOME="$$HOME" \
	DATABASE_URL=postgresql://horizon:none@127.0.0.1:1/horizon REDIS_URL=redis://127.0.0.1:1/0 \
	HORIZON_DATA_DIR=/nonexistent HORIZON_PUBLIC_URL=https://horizon.example.com HORIZON_BEHIND_PROXY=yes \
	HORIZON_SECRET_KEY=only-for-the-check-but-long-enough-and-random-kq8s2v6x0z4b \
	HORIZON_ENCRYPTION_KEYS=b25seS1mb3ItdGhlLWNoZWNrLW5vdGhpbmctZWxzZSE=

.PHONY: settings
settings: .venv/installed-dev ## Django's checks with the settings of production
	@$(PRODUCTION) $(PY) manage.py check --deploy --fail-level WARNING

.PHONY: migrations
migrations: .venv/installed-dev ## Is there a migration for every change of a model?
	@$(PRODUCTION) $(PY) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

.PHONY: pytest
pytest: .venv/installed-dev browser tools ## All tests
	$(PY) -m pytest -n 2 --dist loadgroup

.PHONY: browser
browser: .venv/installed-dev
	@.ci/browser

.PHONY: tools
tools:
	@.ci/tools

.PHONY: check-github
check-github: .venv/installed-dev ## Compare the tests' GitHub with GitHub's published schema (needs npm)
	$(PY) -m tests.servers.github.check

.PHONY: picture
picture: .venv/installed-dev ## Take the README's picture of the dashboard anew
	@$(PY) -m tests.demo.picture

.PHONY: soak
soak: .venv/installed-dev ## Releases under faults and races until Ctrl-C, with steps and faults so far
	@$(PY) -m tests.invariants.soak

.PHONY: mutation
mutation: .venv/installed-dev ## Break the release decision in every way; a test must fail for each
	@$(PY) -m tests.mutation

.PHONY: bench
bench: .venv/installed-dev ## Measure the budgets of the design
	$(PY) -m tests.bench
