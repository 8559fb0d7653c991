# Each target first makes what it needs: see scripts/setup.sh. ARGS goes to the command, e.g. make demo ARGS=--headless
.PHONY: help setup demo test tests test-long sim bench shots lint style types check lock
.DEFAULT_GOAL := help
PY := .venv/bin/python
ARGS ?=
# The tests start hundreds of processes: each would compile the bot anew where the environment forbids to keep that.
export PYTHONDONTWRITEBYTECODE :=
# The slow tests wait for servers and for leases, so two workers more than the usual two cores.
JOBS ?= 4

help:
	@echo "make demo [ARGS=…]       the whole thing on this machine: real nginx, real Prometheus, a local workspace"
	@echo "make test [ARGS=…]       linters, types and all tests but the long ones; ARGS goes to pytest"
	@echo "make test-long [ARGS=…]  the tests that take minutes"
	@echo "make sim [ARGS=…]        the whole bot in virtual time, seed after seed: --runs N --seed S"
	@echo "make bench [ARGS=name]   measure against the baselines"
	@echo "make shots               take the README's pictures of the demo and its report anew"
	@echo "make lint                import rules, style and types alone"
	@echo "make check [ARGS=…]      validate the configuration: rollout-bot check"
	@echo "make lock                resolve requirements.lock anew from pyproject.toml"
	@echo "make setup               only what the others do first"

setup:
	@scripts/setup.sh

demo:
	@scripts/setup.sh demo
	@$(PY) -m bot demo $(ARGS)

lint: style types

style: setup
	@.venv/bin/lint-imports
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .

types: setup
	@.venv/bin/mypy

# The types are looked at beside the tests, many of which wait for servers.
test: style
	@$(MAKE) --no-print-directory -j2 types tests

tests: setup
	@$(PY) -m pytest -m "not long" -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

test-long: setup
	@$(PY) -m pytest -m long $(ARGS)
	@ROLLOUT_WEATHER=bad $(PY) -m pytest tests/scenarios
	@ROLLOUT_EXAMPLES=search $(PY) -m pytest -m "not long" -n $(JOBS) tests/rollout tests/store tests/slack/messages

sim: setup
	@$(PY) -m tests.simulation $(ARGS)

bench: setup
	@$(PY) -m tests.bench $(ARGS)

shots: setup
	@$(PY) -m tests.browser.shots

check: setup
	@$(PY) -m bot check $(ARGS)

lock:
	@scripts/setup.sh --lock
