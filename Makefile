# python-mpi. `make help` lists the targets.
.DEFAULT_GOAL := build
SHELL := /bin/bash

ARCH  := $(if $(filter aarch64,$(shell uname -m)),arm64,x64)
NODE   = node_modules/node-linux-$(ARCH)/bin/node --disable-warning=ExperimentalWarning
WASM   = dist/bcast.wasm
RUFF_VERSION = 0.17.6
RUFF   = build/ruff-$(RUFF_VERSION)/bin/ruff
ESBUILD = node_modules/.bin/esbuild --bundle --minify-whitespace --minify-syntax --platform=node --format=cjs --target=node22 --log-level=warning --supported:dynamic-import=false \
	--define:import.meta.url=moduleUrl \
	--banner:js='const moduleUrl=require("node:url").pathToFileURL(__filename).href;'

EMBEDDED := $(patsubst %,%.ts,$(shell find src -name '*.py'))
SOURCES  := $(sort $(shell find src -name '*.ts') $(EMBEDDED))
SHELLS   := $(shell grep -lrIE '^#!/bin/(ba)?sh' .ci bench docs/demo test tools --exclude='*.md')
PROGRAMS := $(basename $(notdir $(wildcard src/cli/python-mpi*.ts)))
WORKERS  := $(notdir $(basename $(wildcard src/*/*-worker.ts src/*/*/*-worker.ts)))
STARTERS := $(PROGRAMS:%=bin/%)
BUNDLES  := $(PROGRAMS:%=dist/bin/%.cjs) dist/bin/janitor.cjs $(WORKERS:%=dist/lib/%.cjs)

.PHONY: help build demo test lint format bench scale load fuzz clean
help: ## list the targets
	@awk -F':.*## ' '/^[a-z][a-z -]*:.*## /{printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: $(WASM) $(BUNDLES) $(STARTERS) ## compile the engine and bundle the programs: leaves a working bin/python-mpi

node_modules/.package-lock.json: package.json package-lock.json
	@tools/install.sh build
	npm install --ignore-scripts --no-save --loglevel=error
	@touch $@

# Constants are generated beside the wasm, from the same X-macros.
$(WASM) src/engine/constants.ts &: $(wildcard wasm/*.c wasm/*.h wasm/include/*.h) wasm/Makefile wasm/exports.txt tools/generate-constants.c
	@tools/install.sh build
	$(MAKE) -C wasm all

# Python programs are modules of the bundles.
$(EMBEDDED): %.ts: % tools/embed.ts | node_modules/.package-lock.json
	$(NODE) tools/embed.ts $< >$@.new && mv $@.new $@

$(PROGRAMS:%=dist/bin/%.cjs): dist/bin/%.cjs: build/bundle/%.cjs tools/precompile.ts
	@mkdir -p $(@D)
	$(NODE) tools/precompile.ts $< $@
# All are one file, and become the program of their name.
$(STARTERS) &: $(wildcard starter/*.c starter/*.h starter/Makefile) tools/generate-starter.ts tools/start.js src/cli/command-line.ts src/cli/configuration.ts src/pmi/rank-variables.ts | node_modules/.package-lock.json
	@tools/install.sh build
	@mkdir -p build/starter
	$(NODE) tools/generate-starter.ts build/starter
	$(MAKE) -C starter all
dist/bin/janitor.cjs: build/bundle/janitor.cjs
	@mkdir -p $(@D)
	cp $< $@
build/bundle/%.cjs: src/cli/%.ts $(SOURCES) src/engine/constants.ts package.json node_modules/.package-lock.json
	$(ESBUILD) --outfile=$@ $<
dist/lib/%.cjs: $(SOURCES) node_modules/.package-lock.json
	$(ESBUILD) --outfile=$@ $(firstword $(wildcard src/*/$*.ts src/*/*/$*.ts))

demo: build ## pack this machine's Python with numpy and run 4 ranks from it
	@tools/install.sh demo
	@docs/demo/run

test: build ## everything the tests need, then all tests (ONLY=part-of-a-path for some)
	@tools/install.sh test
	$(MAKE) lint
	$(MAKE) -C wasm -j$$(nproc) native-test
	$(MAKE) -C starter native-test
	$(NODE) test/run.ts $(ONLY)

lint: $(STARTERS) node_modules/.package-lock.json src/engine/constants.ts $(EMBEDDED) $(RUFF) ## type-check, lint and check the format
	node_modules/.bin/tsc --noEmit -p .
	node_modules/.bin/biome check --error-on-warnings .
	$(RUFF) check --quiet .
	$(RUFF) format --check --quiet .
	@tools/install.sh lint
	shellcheck --external-sources --source-path=SCRIPTDIR $(SHELLS)
	$(MAKE) -C wasm lint
	$(MAKE) -C starter lint

format: node_modules/.package-lock.json $(RUFF) ## rewrite the sources in the project's format
	node_modules/.bin/biome check --write .
	$(RUFF) check --fix .
	$(RUFF) format .

$(RUFF):
	python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target=$(RUFF:%/bin/ruff=%) ruff==$(RUFF_VERSION)

bench: build ## comparisons with peers, measured in one run; writes bench/RESULTS.md
	@tools/install.sh test bench
	$(NODE) bench/run.ts

scale: build ## how far it goes: real ranks up to 1,024, forecasts to 100,000 nodes; writes bench/SCALE.md
	@tools/install.sh test bench
	$(NODE) bench/scale/run.ts

load: build ## 1,024 node leaders as real connections, and the engine simulated at 100,000 positions with losses
	LEADERS=1024 $(NODE) test/load/leaders.test.ts
	$(MAKE) -C wasm sim
	build/native/sim nodes=100000 deaths=0.001 hangs=0.0005 cuts=0.002 absent=0.0005 tolerate=1 seed=7

fuzz: ## coverage-guided fuzzing of the engine and its codecs, FUZZ_SECONDS (60) each
	$(MAKE) -C wasm fuzz

clean: ## remove what was built (node_modules and build/ caches stay; `git clean -xdf` takes all)
	rm -rf dist $(STARTERS) src/engine/constants.ts $(EMBEDDED)
	$(MAKE) -C wasm clean
	$(MAKE) -C starter clean

-include test/cluster/cluster.mk test/shared-fs/shared-fs.mk
