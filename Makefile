# Two commands, each from nothing: make demo, make test. Needs Python 3.11 or newer.
SHELL := /bin/bash
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
# The first Python that runs and is new enough; `make PYTHON=/path/to/python …` to choose.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

# A program that serves a small model: `$$VLLM_SERVE serve PORT`; not needed where VLLM_URL is set.
VLLM_SERVE ?= $(abspath $(wildcard ../shared/vllm/tiny-vllm))

.PHONY: demo game-day test lint types unit test-vllm test-second-server test-compose board screenshots
.PHONY: chaos simulate
.PHONY: bench bench-client bench-malformed bench-shape bench-memory bench-sharing bench-saturation
.PHONY: bench-scale metrics-docs lock lock-bench clean help

SEEDS ?= 10000
JOBS ?= 1000000

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: $(READY) ## Redis, a reference Core, a model stand-in, the worker, sample jobs (ARGS=--stay)
	@$(BIN)/llm-worker demo $(ARGS)

game-day: $(READY) ## practise being on call: things break, you find out what (ARGS='--seed 7 --rounds 3')
	@$(BIN)/python -m drills $(ARGS)

test: lint types unit ## everything that needs no GPU, no Docker and no network

lint: $(READY) ## style, and which way imports point
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(READY) ## pyright's strict set, on source and tests
	$(BIN)/basedpyright

unit: $(READY) ## the tests (ARGS='-k retry' to choose)
	$(BIN)/pytest -m "not vllm and not second_server and not compose" $(ARGS)

test-vllm: $(READY) ## every job type against the vLLM server at VLLM_URL (starts one where it can)
	VLLM_SERVE="$(VLLM_SERVE)" $(BIN)/python -m tests.vllm.run $(ARGS)

test-second-server: $(READY) ## another real server, llama-cpp-python's (SECOND_SERVER_PYTHON or SECOND_SERVER_URL)
	$(BIN)/python -m tests.second_server.run $(ARGS)

test-compose: $(READY) ## docker compose up, a job of every type, stop, down
	$(BIN)/pytest -m compose -s tests/compose $(ARGS)

screenshots: $(READY) ## the pictures of the page in docs/images (needs Chromium)
	$(BIN)/python -m tests.browser.screenshots

board: $(READY) ## write Grafana's board anew, after a change in deploy/grafana
	$(BIN)/python -m deploy.grafana

chaos: $(READY) ## minutes of killed workers, dead servers and cut connections (ARGS='--minutes 5')
	$(BIN)/python -m tests.chaos $(ARGS)

simulate: $(READY) ## the worker's code on a virtual clock (SEEDS=10000)
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) $(ARGS)

# The peers, and ours beside them; arq alone, as its client is older than ours.
BENCH_PYTHON := .venv-bench/bin/python
BENCH_READY := .venv-bench/ready .venv-bench-arq/ready

bench: $(BENCH_READY) ## the README's table, beside other queues; 45 minutes (ARGS=--quick: 20, '--rows cpu': 6)
	$(BENCH_PYTHON) -m benchmarks --out build/bench $(ARGS)

.venv-bench/ready: benchmarks/requirements-peers.txt
.venv-bench-arq/ready: benchmarks/requirements-arq.txt
$(BENCH_READY): %/ready:
	@echo "Setting up $* with $$($(PYTHON) --version) …"
	@test -x $*/bin/python || $(PYTHON) -m venv $*
	@# The pins are complete; older pips would take an extra for an unpinned package.
	@$*/bin/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

bench-client: $(READY) ## what a model call costs the processor, against the SDK's own method
	$(BIN)/python -m benchmarks.client_cpu $(ARGS)

bench-malformed: $(READY) ## how long the worst replies hold up the event loop
	$(BIN)/python -m benchmarks.malformed $(ARGS)

bench-sharing: $(READY) ## 2 to 16 workers on one server: how full, how even, how soon for a late one
	$(BIN)/python -m benchmarks.sharing $(ARGS)

bench-shape: $(READY) ## the batching stand-in beside a real vLLM (ARGS='--url http://localhost:8000')
	$(BIN)/python -m benchmarks.batching_shape $(ARGS)

bench-memory: $(READY) ## does anything grow? (JOBS=1000000)
	$(BIN)/python -m benchmarks.memory --jobs $(JOBS)

# Parts of the table that need no peers.
bench-saturation: $(READY) ## is a server kept full, without a queue, and shared fairly? (ARGS='--runs 2')
	$(BIN)/python -m benchmarks --rows saturation --out build/saturation $(ARGS)

bench-scale: $(READY) ## does a job cost the same in 8 processes, and before a million others?
	$(BIN)/python -m benchmarks --rows scale --out build/scale $(ARGS)

$(READY): requirements-dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer, with venv, is needed" >&2; exit 1; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $(READY)

metrics-docs: $(READY) ## the tables of docs/metrics.md, made anew of the code
	$(BIN)/python -m worker.observability.documented

lock: ## pin the dependencies again (needs uv on PATH)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--extra dev pyproject.toml -o requirements-dev.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		-c requirements-dev.txt pyproject.toml -o requirements.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--extra embedded -c requirements-dev.txt pyproject.toml -o requirements-embedded.txt

lock-bench: ## pin the peers of `make bench` again (needs uv on PATH)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--extra embedded -c requirements-dev.txt pyproject.toml benchmarks/requirements-peers.in \
		-o benchmarks/requirements-peers.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		benchmarks/requirements-arq.in -o benchmarks/requirements-arq.txt

clean: ## remove the virtual environments and caches
	rm -rf $(VENV) .venv-bench .venv-bench-arq .pytest_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
