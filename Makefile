# `make demo` and `make test` need Python 3.11 or newer and make; everything else is fetched into .venv and .local.
SHELL := /bin/bash
.DEFAULT_GOAL := help

BIN := .venv/bin
STAMP := .venv/installed
POSTHORN := $(BIN)/posthorn
TESTS := tests/unit tests/contract tests/style tests/integration
STACK_TESTS := tests/faults tests/e2e
SHORT := not verify and not faults
# a dozen processes of a stack, and every worker of the tests, would compile the same sources again
unexport PYTHONDONTWRITEBYTECODE

help: ## show this list
	@grep -hE '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

up: $(STAMP) ## install what is missing and start everything
	@$(POSTHORN) up

down: $(STAMP) ## stop everything; state stays
	@$(POSTHORN) down

status: $(STAMP) ## show what runs
	@$(POSTHORN) status

demo: up ## start everything and follow one message from the request to the webhook
	@$(BIN)/python -m deploy.local.demo

test: lint types ## lint, types and all tests, on a real Kafka and a real MongoDB
	$(BIN)/pytest -n 3 --dist worksteal -m "$(SHORT)" $(TESTS)
	$(BIN)/pytest -m "$(SHORT)" $(STACK_TESTS)

lint: $(STAMP) ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP) ## mypy, strict
	$(BIN)/mypy

unit: $(STAMP) ## the tests that need no server
	$(BIN)/pytest -m "$(SHORT)" tests/unit tests/contract tests/style

integration: $(STAMP) ## the tests on a real Kafka and MongoDB
	$(BIN)/pytest -m "$(SHORT)" tests/integration

e2e: $(STAMP) ## the tests on a whole stack
	$(BIN)/pytest -m "$(SHORT)" $(STACK_TESTS)

faults: $(STAMP) ## the full fault harness, by hand; writes docs/reliability.md
	$(BIN)/pytest -m faults --timeout 3600 tests/faults; status=$$?; \
	  $(BIN)/python -m tests.faults.report && exit $$status

verify: $(STAMP) ## every long form, the fault harness's too, and properties with new examples, by hand
	$(BIN)/pytest -n 2 --hypothesis-profile hunt --timeout 3600 -m "$(SHORT)" tests/unit tests/contract
	$(BIN)/pytest -m "verify or faults" --timeout 3600 tests

# a broker that is busy for minutes gains by the compiler that a short life is better without
bench: export KAFKA_JVM_PERFORMANCE_OPTS ?= -XX:+UseSerialGC
bench: $(STAMP) ## the doors, the router, the sender, webhooks, the console and the pipeline, beside others, and how fair it is; as root, on an idle machine
	$(BIN)/python -m tests.bench.ingest
	$(BIN)/python -m tests.bench.smtp_door
	$(BIN)/python -m tests.bench.sender
	$(BIN)/python -m tests.bench.sender --memory
	$(BIN)/python -m tests.bench.router
	$(BIN)/python -m tests.bench.scheduling
	$(BIN)/python -m tests.bench.fairness
	$(BIN)/python -m tests.bench.webhooks
	$(BIN)/python -m tests.bench.scale
	$(BIN)/python -m tests.bench.relay
	$(BIN)/python -m tests.bench.replicas
	$(BIN)/python -m tests.bench.suppression
	$(BIN)/python -m tests.bench.console
	$(BIN)/python -m tests.bench.console --live
	$(BIN)/python -m tests.bench.pipeline
	$(BIN)/python -m tests.bench.sizing_document

screenshots: $(STAMP) ## pictures of every page of the console, in both themes, into .local/screenshots
	$(BIN)/python -m tests.screenshots .local/screenshots

fmt: $(STAMP) ## format the code and fix what ruff can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

COMPILE := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
BUILD_REQUIRES := import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")
lock: $(STAMP) ## pin what pyproject.toml asks for: the tools and all else, what runs, and what builds the wheel
	$(COMPILE) --extra dev pyproject.toml -o requirements-dev.lock
	$(COMPILE) -c requirements-dev.lock pyproject.toml -o requirements.lock
	$(BIN)/python -c '$(BUILD_REQUIRES)' | $(COMPILE) -c requirements-dev.lock - -o requirements-build.lock

clean: ## stop everything and remove .venv, .local and caches: all local state
	@if [ -x $(POSTHORN) ]; then $(POSTHORN) down; $(BIN)/python -m tests.fixtures.servers down; fi
	rm -rf .venv .local .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info

$(STAMP): requirements-dev.lock pyproject.toml deploy/local/make_venv.sh
	@deploy/local/make_venv.sh .venv
	@touch $@

.PHONY: help up down status demo test lint types unit integration e2e faults verify bench screenshots fmt lock clean
