.DEFAULT_GOAL := help
.PHONY: run build test bench lint check clean help setup

TSC := node_modules/.bin/tsc

run: build ## Install, build, and run announcer and resolver in one process, with examples/services.json
	./rollcall up --services examples/services.json

build: node_modules/.installed ## Install the locked packages and compile
	@$(TSC) -p tsconfig.json

test: build setup ## Set up what the whole suite needs, and run it
	@node dist/scripts/run-tests.js

bench: build setup ## Measure side by side with other servers, and print ratios
	@node dist/scripts/bench.js

lint: build ## Formatting, lint and the import rules
	@node_modules/.bin/biome check --error-on-warnings .
	@node dist/scripts/check-imports.js

check: lint test ## Everything a reviewer would run

clean: ## Remove what was built and installed
	rm -rf dist node_modules

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup:
	@sh scripts/setup.sh

node_modules/.installed: package.json package-lock.json
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@
