# Shortcuts around `meltano`. Everything here needs Python >= 3.10, make and the package registries.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := $(CURDIR)/.venv/bin
UV := $(BIN)/uv
MELTANO := $(BIN)/meltano
PACKAGES := tap-pos target-shopcrm plugins/database plugins/practice
CODE := $(PACKAGES) tests
export MELTANO_SEND_ANONYMOUS_USAGE_STATS := false

define step
@printf '\n\033[1m%s\033[0m\n' "$(1)" >&2
endef

.PHONY: help
help: ## List the targets.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

# --- install ---------------------------------------------------------------------------

.PHONY: install
install: .venv/.installed .meltano/.installed ## Create .venv and install every Meltano plugin.

.venv/.installed: uv.lock pyproject.toml $(PACKAGES:%=%/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 10) else "This needs Python 3.10 or newer, but $(PYTHON) is %d.%d: set PYTHON=python3.x" % sys.version_info[:2])'
	$(call step,Create .venv and install what uv.lock names)
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(UV) || $(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
	@$(UV) sync --quiet --frozen --all-packages --python $(BIN)/python
	@touch $@

.meltano/.installed: .venv/.installed meltano.yml $(wildcard plugins/requirements/*.txt)
	$(call step,Install the Meltano plugins)
	@$(MELTANO) install
	@touch $@

.PHONY: lock
lock: .venv/.installed ## Renew uv.lock's copies for Meltano and the third-party pins.
	@$(UV) lock
	@for package in tap-pos target-shopcrm shopcrm-database practice-register; do \
	  $(UV) export --quiet --frozen --no-dev --no-hashes --no-emit-workspace --no-header --package $$package \
	    --output-file plugins/requirements/$$package.txt; done
	@for plugin in tap-postgres dbt-postgres; do \
	  $(UV) pip compile --quiet --universal --python-version 3.10 --no-header \
	    plugins/requirements/$$plugin.in --output-file plugins/requirements/$$plugin.txt; done

# --- the street ------------------------------------------------------------------------

.PHONY: demo
demo: ## From an empty clone to customer relationships, on practice data.
	@bash plugins/practice/demo.sh

.PHONY: stop
stop: ## Stop the embedded database and the practice register.
	@$(MELTANO) invoke practice stop
	@$(MELTANO) invoke database stop

# --- proof -----------------------------------------------------------------------------

.PHONY: format lint types parse
format: .venv/.installed ## Format and mend what ruff can.
	@$(BIN)/ruff format $(CODE) && $(BIN)/ruff check --fix $(CODE)

lint: .venv/.installed ## Check format and lint.
	@$(BIN)/ruff format --check $(CODE) && $(BIN)/ruff check $(CODE)

types: .venv/.installed ## Check types.
	@for package in $(PACKAGES) tests; do echo "mypy $$package"; $(BIN)/mypy $$package || exit 1; done

parse: .meltano/.installed ## Parse the dbt project.
	@DATABASE_URL=$${DATABASE_URL:-postgresql://parse:only@localhost:5432/none} $(MELTANO) invoke dbt-postgres:parse

.PHONY: test test-long check
check: lint types parse ## Lint, types and dbt parse.

test: install check ## Everything that must hold, in under eight minutes.
	@$(BIN)/pytest -n 2 -m 'not long'

test-long: install ## What takes longer: kills at any moment, hundreds of random lives, real CRM servers.
	@$(BIN)/pytest -n 2 -m long

.PHONY: bench bench-tap bench-target
bench: install ## Records per second of tap and target beside their peers, one JSON line.
	@PYTHONPATH=tests $(BIN)/python tests/bench/bench.py

bench-tap: install ## tap-pos beside tap-square and its floor, and 50 shops at once, one JSON line.
	@PYTHONPATH=tests $(BIN)/python tests/bench/bench_tap.py

bench-target: install ## The target beside its peers, and its calls beside each CRM's minimum.
	@PYTHONPATH=tests:target-shopcrm/tests $(BIN)/python tests/bench/bench_destinations.py

.PHONY: clean
clean: ## Stop what runs here and remove everything that can be made again.
	@test ! -x $(MELTANO) || $(MAKE) --no-print-directory stop || true
	@rm -rf .venv .meltano .shopcrm .bench output transform/target transform/logs
