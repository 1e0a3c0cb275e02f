# Everything a person or a machine runs here. `make help` lists it.
PY := .venv/bin/python
ENV := PATH="$(CURDIR)/.venv/bin:$$PATH"

.PHONY: help setup lock check format reference test test-failed test-unit test-long demo deploy clean

help: ## List the targets
	@grep -hE '^[a-z%-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## Build .venv from the locked requirements (nothing to do in under 2 s)
	@scripts/setup

lock: setup ## Resolve requirements/*.txt afresh from pyproject.toml
	@$(ENV) scripts/lock

check: setup ## Format, lint, types, import contracts, the repository's own tests
	@$(ENV) scripts/check

format: setup ## Let ruff put things in order
	@$(ENV) ruff format . && $(ENV) ruff check --fix .

reference: setup ## Write docs/reference from the program
	@$(PY) scripts/reference.py

test: setup ## Every test but those that take minutes
	@$(PY) -m pytest -m "not long"

test-failed: setup ## Only what failed in the last run
	@$(PY) -m pytest -m "not long" --last-failed --last-failed-no-failures none

test-unit: setup ## The unit tests that take a quarter of a second at most: under a minute in all
	@$(PY) -m pytest tests/unit -m "not slow and not long"

test-long: setup ## The tests that take minutes
	@$(PY) -m pytest -m long

bench-%: setup ## Run benchmarks/bench_%.py; fails when a must is missed
	@$(PY) benchmarks/bench_$*.py

demo: setup ## As much of the story as exists, until Ctrl-C (EXIT=1: stop after it)
	@$(ENV) $(PY) scripts/demo.py $(if $(EXIT),--exit)

deploy: setup ## Show how CASE=heart is laid out on PACHD_ADDRESS; APPLY=1 does it, SERVE=1 serves it
	@$(ENV) $(PY) scripts/deploy.py $(CASE) $(if $(APPLY),--apply) $(if $(SERVE),--serve)

clean: ## Remove what was built here; leaves .howdah, your data, alone
	rm -rf .venv .venv-python-pachyderm build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
