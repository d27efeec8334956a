# Works with nothing but Python 3.11 to 3.13 (with venv), make and a shell.
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
VIDEO ?=
RUNS ?=
EVENTS ?=
ROUNDS ?=
MINUTES ?=
OLD = Python 3.11, 3.12 or 3.13 is needed: make PYTHON=/path/to/python3
NO_VENV = Python has no venv module: install it (Debian: python3-venv)
FITS = import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
UV_PIN = awk '/^name = "uv"$$/ {u=1} u && /^version/ {print $$3; exit}' uv.lock

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo test static quick bench bench-ai bench-media soak faults faults-media torture hls journey

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-12s %s\n", $$1, $$2}' Makefile

setup: .venv/ready ## install what the program needs into .venv

setup-dev: .venv/ready-dev ## the same and what the tests need

demo: .venv/ready ## the main job on a real clip [VIDEO=path]
	@$(BIN)/contentops demo $(if $(VIDEO),--video "$(VIDEO)")

test: static ## static checks, then every test, in two processes
	@$(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

static: .venv/ready-dev ## format, lint, types and import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

quick: .venv/ready-dev ## unit and contract tests in seconds
	@$(BIN)/pytest -q tests/unit tests/contract tests/house

bench: .venv/ready-dev ## measure speed and size, as JSON
	@$(BIN)/python -m tests.bench

bench-ai: .venv/ready-dev ## the AI adapter beside the bare SDK and LiteLLM, as JSON [MINUTES=n]
	@$(BIN)/python -m tests.bench.ai $(if $(MINUTES),--minutes $(MINUTES))

bench-media: .venv/ready-dev ## the media pipeline beside bare ffmpeg, as JSON
	@$(BIN)/python -m tests.bench.media

soak: .venv/ready-dev ## does a log of ten million events slow anything down? [EVENTS=n]
	@$(BIN)/python -m tests.bench.soak $(if $(EVENTS),--events $(EVENTS))

faults: .venv/ready-dev ## kill runs at every fault point [RUNS=n]
	@$(BIN)/python -m tests.faults $(if $(RUNS),--runs $(RUNS))

faults-media: .venv/ready-dev ## each fault in each phase of a media job [ROUNDS=n]
	@$(BIN)/python -m tests.media_faults $(if $(ROUNDS),--rounds $(ROUNDS))

torture: .venv/ready-dev ## odd, broken and hostile files: verdict and rendition of each
	@$(BIN)/python -m tests.torture --transcode

hls: .venv/ready-dev ## five clips, judged by our checker, by Shaka Packager and by hls.js
	@$(BIN)/python -m tests.hls

journey: .venv/ready-dev ## a browser's upload becomes files for Bilibili and Douyin [VIDEO=path]
	@$(BIN)/python -m tests.journey $(if $(VIDEO),--video "$(VIDEO)")

.venv/uv: uv.lock
	@$(PYTHON) -c '$(FITS)' || { echo '$(OLD)' >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' \
	  || { echo '$(NO_VENV)' >&2; exit 1; }
	@echo 'setup: making .venv'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet \
	  --disable-pip-version-check "uv==$$($(UV_PIN) | tr -d '"')"
	@touch $@

.venv/ready: .venv/uv pyproject.toml uv.lock
	@echo 'setup: installing packages'
	@$(BIN)/uv sync --frozen --quiet --inexact --no-dev
	@touch $@

.venv/ready-dev: .venv/uv pyproject.toml uv.lock
	@echo 'setup: installing packages and test tools'
	@$(BIN)/uv sync --frozen --quiet --inexact
	@touch $@ .venv/ready
