# Everything that is done with this project is a target here; `make help` lists them.

# A caller's Python environment must not leak into ours.
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONUSERBASE PYTHONDONTWRITEBYTECODE VIRTUAL_ENV
export PYTHONNOUSERSITE = 1

BIN := .venv/bin
# How many test processes run at once; many tests wait for time to pass, so twice as many as two
# processors have.
JOBS ?= 4
# The least share of lines and branches, in per cent, that the suite must reach.
COVERAGE ?= 94

.DEFAULT_GOAL := help
.PHONY: help setup tools services demo test lint format looks bench bench-scale bench-plot chaos scanners lock clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

setup: ## make .venv with the command .venv/bin/medianote (needs Python 3.11 or newer)
	@sh scripts/setup runtime

tools: ## the same, with the tools for development and tests
	@sh scripts/setup dev

services: tools
	@sh scripts/install-services

demo: setup ## the main job on this machine alone; `make demo ARGS=--once` ends by itself
	@$(BIN)/medianote demo $(ARGS)

test: services lint ## install what tests need, lint, run the whole suite with branch coverage
	@rm -f .coverage .coverage.*
	@$(BIN)/coverage run -m pytest -n $(JOBS) --dist=worksteal $(ARGS)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report --fail-under=$(COVERAGE)

lint: tools ## formatting, rules, types, and who may import whom
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: tools ## format the code and mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix-only .

looks: services ## take the pictures of the pages in docs/ anew
	@$(BIN)/python -m tests.page_looks docs

bench: services ## measure speed and memory (benchmarks/)
	@$(BIN)/python -m benchmarks $(ARGS)

bench-scale: services ## the same for a list of a million, which takes long
	@$(BIN)/python -m benchmarks scale $(ARGS)

bench-plot: tools ## draw docs/benchmarks.svg from what `make bench` has kept
	@$(BIN)/python -m benchmarks.plot $(ARGS)

chaos: services ## distributions under kills, outages and faults, and a table (benchmarks/chaos/)
	@$(BIN)/python -m benchmarks.chaos $(ARGS)

scanners: tools ## programs that press every button of a thousand mails (benchmarks/scanners.py)
	@$(BIN)/python -m benchmarks.scanners $(ARGS)

lock: tools ## renew both lock files from pyproject.toml (ARGS=--upgrade for newer versions)
	@sh scripts/lock $(ARGS)

clean: ## remove everything that make made
	@rm -rf .venv .cache build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@rm -f .coverage .coverage.*
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
