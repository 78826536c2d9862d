.DEFAULT_GOAL := help
# One target at a time, so that the output reads in order and the closing lines
# of ci are those of the tests.
.NOTPARALLEL:

REDIS_SERVER ?= redis-server
FUZZTIME     ?= 30s
ARGS         ?=

tool    := go tool -modfile=tools/go.mod
# Folders with a module of their own, which ./... does not enter.
modules := $(patsubst %/go.mod,%,$(wildcard bench/go.mod otel/go.mod test/*/go.mod examples/*/go.mod))

# The rows of the fault matrix that have a bar of their own to meet at full size.
accept_rows := worker-sigkill,redis-sigkill-always,sentinel-failover,cluster,worker-sigstop,redis-sigstop,memory-full,redis-down,ten-million,at-rest,mutants

# Not by go run: it would not hand on a signal that ends make. A failed row prints its own command.
chaos := cd test/chaos && go build -o ../../bin/chaos . && exec ../../bin/chaos --parallel 6

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build every package, and the command into bin/
	go build ./...
	go build -trimpath -o bin/dueq ./cmd/dueq

.PHONY: test
test: need-redis need-cc need-haproxy ## run every test under the race detector, on a real Redis
	go test -race -timeout 30m ./...

.PHONY: test-acl
test-acl: need-redis ## run the tests of queue, worker and scheduler under the rules of dueq acl
	scripts/test-acl.sh ./queue ./worker ./scheduler

.PHONY: test-fast
test-fast: need-redis need-haproxy ## run the short tests, without the race detector
	go test -short ./...

.PHONY: lint
lint: ## run the linters
	$(tool) golangci-lint run
	@for module in $(modules); do (set -x; cd $$module && go tool -modfile=$(CURDIR)/tools/go.mod golangci-lint run --config $(CURDIR)/.golangci.yml) || exit; done

.PHONY: fmt
fmt: ## format every Go file
	$(tool) golangci-lint fmt

.PHONY: fmt-check
fmt-check: ## fail when a file is not formatted
	$(tool) golangci-lint fmt --diff

.PHONY: vuln
vuln: ## look for known vulnerabilities in what we call
	$(tool) govulncheck ./...

.PHONY: tidy
tidy: ## tidy every go.mod
	go mod tidy
	@for module in $(modules) tools; do (set -x; go -C $$module mod tidy) || exit; done

.PHONY: budget
budget: ## fail for a file, function or script that has grown too long
	go test -count=1 ./internal/budget

.PHONY: fuzz
fuzz: need-redis ## fuzz every target for FUZZTIME (30s)
	scripts/fuzz.sh $(FUZZTIME)

.PHONY: bench
bench: need-redis ## measure dueq beside its peers; ARGS are the program's
	go -C bench run . $(ARGS)

.PHONY: accept-engine
accept-engine: need-redis ## measure the engine against its bars
	go -C bench run ./accept $(ARGS)

.PHONY: accept-operators
accept-operators: need-redis ## measure what is promised to operators; ARGS=--full takes 10,000,000 jobs
	go -C bench run ./operators $(ARGS)

.PHONY: test-modules
test-modules: need-redis ## run the fast tests of the modules beside the main one
	go -C bench test ./...
	go -C test/chaos test . ./checker ./history ./mutant
	go -C examples/oidc test ./...
	go -C otel test ./...

.PHONY: test-operators
test-operators: need-redis need-prometheus ## run alarms against a mail server, and deploy/ against a real Prometheus
	go -C test/operators test -count=1 ./...

.PHONY: test-browser
test-browser: need-chromium ## look at the dashboard with a real Chromium
	go -C test/browser test -count=1 ./...

.PHONY: screenshots
screenshots: need-chromium ## take the pictures in docs/ anew
	go -C test/browser test -count=1 -run Screenshots -shots $(CURDIR)/docs .

.PHONY: chaos-smoke
chaos-smoke: need-redis need-cc ## break everything once, in small; ARGS are the program's
	$(chaos) $(ARGS)

.PHONY: chaos
chaos: need-redis need-cc ## break everything, at full size
	$(chaos) --full $(ARGS)

.PHONY: accept-faults
accept-faults: need-redis need-cc ## measure the bars under faults, at full size
	$(chaos) --full --rows $(accept_rows) $(ARGS)

.PHONY: examples
examples: need-redis ## run every example end to end
	go test -race ./examples/...
	go -C examples/oidc test -race ./...

.PHONY: modules
modules: ## build and vet the modules beside the main one
	@for module in $(modules); do (set -x; go -C $$module build -o /dev/null ./... && go -C $$module vet ./...) || exit; done
	go -C tools build -o /dev/null tool

.PHONY: ci
ci: fmt-check build lint modules budget test test-modules test-operators test-browser test-acl chaos-smoke ## everything that a change has to pass

# Debian's packages of redis-server and valkey-server are named as the programs.
.PHONY: need-redis
need-redis:
	@scripts/need.sh $(REDIS_SERVER) $(notdir $(REDIS_SERVER))

.PHONY: need-prometheus
need-prometheus:
	@scripts/need.sh promtool prometheus

# The race detector links with cgo.
.PHONY: need-chromium
need-chromium:
	@scripts/need.sh chromium chromium

.PHONY: need-cc
need-cc:
	@scripts/need.sh gcc gcc libc6-dev

# Debian keeps it where only root looks.
.PHONY: need-haproxy
need-haproxy:
	@PATH="$$PATH:/usr/sbin" scripts/need.sh haproxy haproxy
