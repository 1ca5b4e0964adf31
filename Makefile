# Thin: every target is one command that can be typed as well.
SHELL := /bin/bash
UV := $(shell command -v uv || echo build/bootstrap/bin/uv)
RUN := $(UV) run --no-sync
LAB := PYTHONPATH=tests $(RUN) python -m lab

.DEFAULT_GOAL := help
.PHONY: help sync lint unit test demo lab lab-down lab-shell lab-logs images crds

help:  ## Show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

build/bootstrap/bin/uv:
	python3 -m venv build/bootstrap && build/bootstrap/bin/pip --quiet install 'uv>=0.9'

sync: $(if $(findstring bootstrap,$(UV)),build/bootstrap/bin/uv)
	@$(UV) sync --locked --quiet

lint: sync  ## Style, types, layers, generated files
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) lint-imports

unit: sync  ## Unit and property tests, no cluster
	$(RUN) python -m pytest -m "not lab"

test: lint  ## Everything: lint, unit, property and cluster tests (root; starts the lab by itself)
	$(LAB) run -- $(MAKE) --no-print-directory test-inside

demo: sync  ## Train four models and watch Sluice roll them out (root)
	$(LAB) run -- $(MAKE) --no-print-directory demo-inside

# Inside the cluster's network namespace, where `lab run` starts them.
.PHONY: test-inside demo-inside
test-inside:
	$(LAB) image all
	$(RUN) python -m pytest
demo-inside:
	$(LAB) image all
	$(LAB).demo

lab: sync  ## Start the local cluster: a real single-node Kubernetes with KServe and a gateway (root)
	$(LAB) up

lab-down: sync  ## Stop the local cluster
	$(LAB) down

lab-shell: sync  ## A shell inside it: kubectl, helm, sluice
	$(LAB) shell

lab-logs: sync  ## Logs of one part: make lab-logs PART=kserve
	$(LAB) logs $(PART)

images: sync  ## Build both images and load them into the local cluster
	$(LAB) image all

crds: sync  ## Generate crds/ from the types
	$(RUN) sluice crds crds
