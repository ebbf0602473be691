# The same verbs on a desk and in CI. Each one first sets up what it needs.
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint bench soak clean
# Two verbs at once would set up the same .venv twice at the same time.
.NOTPARALLEL:

# Settings of another Python must not leak into this checkout's own.
unexport PYTHONHOME PYTHONPATH
# Images of Python set this. Without byte code, each of the thousand processes of the tests would compile the program anew.
unexport PYTHONDONTWRITEBYTECODE

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

setup: ## make .venv with everything that development needs
	@scripts/setup --dev

demo: ## the whole product in a minute, no account needed (KEEP=1 leaves the sandbox running)
	@scripts/setup
	@.venv/bin/reconcile demo $(if $(filter-out 0,$(KEEP)),--keep)

test: ## all tests, then the coverage thresholds
	@scripts/setup --services
	@.venv/bin/python -m coverage erase
	@.venv/bin/python -m coverage run -m pytest -n 4 -m "not unmeasured"
	@.venv/bin/python -m pytest -n 4 -m unmeasured
	@mkdir -p build
	@.venv/bin/python -m coverage combine --quiet
	@.venv/bin/python -m coverage json --quiet -o build/coverage.json
	@.venv/bin/python scripts/check_coverage build/coverage.json

lint: ## style, format, types and the direction of imports
	@scripts/setup --dev
	@.venv/bin/python -m ruff check --quiet .
	@.venv/bin/python -m ruff format --check --quiet .
	@.venv/bin/python -m mypy --no-error-summary
	@.venv/bin/lint-imports --no-logo
	@echo "lint: clean"

bench: ## speed and memory against the goals
	@scripts/setup --dev
	@.venv/bin/python -m bench

soak: ## minutes of kills and pauses over several loops on one database
	@scripts/setup --services
	@.venv/bin/python -m bench --soak

clean: ## remove what the other verbs leave behind, except .venv
	@rm -rf build dist demo .bench .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache \
		.ruff_cache ./*.egg-info
	@find . -name .venv -prune -o -name .git -prune -o -type d -name __pycache__ -exec rm -rf {} +
