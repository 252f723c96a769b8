# SPDX-License-Identifier: Apache-2.0
.PHONY: help demo serve test test-quick lint format build interop model chaos fuzz test-tsan test-upgrade clean bench docs openapi api-check redis-cluster redis-sentinel

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | awk -F'|' '{ printf "make %-14s %s\n", $$1, $$2 }'

demo: ## build the tool, start a server and take a tour (options: ARGS="--storage memory")
	@scripts/demo $(ARGS)

bench: ## measure everything into docs/performance.md and docs/scaling.md and compare with them, some 50 minutes (options: ARGS="--quick sync")
	@scripts/bench $(ARGS)

serve: ## keep a server with the example agents up, and open its playground (options: ARGS="--port 9000")
	@scripts/serve $(ARGS)

test: ## everything that must hold: lint, build, all tests (options: ARGS="--slowest 20 redis values", see Tests/Lanes)
	@scripts/test $(ARGS)

test-quick: ## build, and run the tests that need no other server or program
	@scripts/test-quick $(ARGS)

lint: ## check format and style
	@scripts/lint

format: ## format all Swift files
	@scripts/format

build: ## build the package (options: ARGS="-c release")
	@scripts/build $(ARGS)

docs: ## build the documentation of all libraries, and fail if a link in it leads nowhere
	@scripts/docs

api-check: ## list the breaking changes of the API since a tag or commit (ARGS="1.0.0 --products ACPCore")
	@scripts/api-check $(ARGS)

interop: ## drive the built server with the Python client (options go to pytest: ARGS="-k cancel")
	@scripts/interop $(ARGS)

openapi: ## send requests generated from docs/openapi.yaml to the tool on each storage (ARGS="--storage redis --examples 100")
	@scripts/openapi $(ARGS)

model: ## check the model of runs in docs/model with spin (options: ARGS="--trace no-fence")
	@scripts/model $(ARGS)

chaos: ## random faults on each storage, and a checker (options: ARGS="--storage redis --seconds 3600 --seed 7", ARGS=broken)
	@scripts/chaos $(ARGS)

fuzz: ## fuzz the decoders
	@scripts/fuzz $(ARGS)

test-upgrade: ## build an earlier version, and run its processes beside those of this one (ARGS="COMMIT"), 10 minutes
	@scripts/test-upgrade $(ARGS)

test-tsan: ## run the Swift tests under the thread sanitizer
	@scripts/test-tsan $(ARGS)

redis-cluster: ## start a Redis Cluster on this machine to try things out (end it: ARGS=stop)
	@scripts/redis-cluster $(ARGS)

redis-sentinel: ## start a Redis master, two replicas and three Sentinels, likewise
	@scripts/redis-sentinel $(ARGS)

clean: ## remove what was built
	@scripts/clean
