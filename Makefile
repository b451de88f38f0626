# Targets that people type. `make help` lists them.
GO      ?= go
LINT    := $(GO) tool -modfile=.ci/tools/go.mod golangci-lint
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)

.DEFAULT_GOAL := help
.PHONY: help build test quick lint vulncheck demo e2e parity bench bench-scale badinput faults load fuzz clean scan-scale scan-chaos scan-demo scan-faults

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

build: ## build the binary: bin/imagegate
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/imagegate ./cmd/imagegate

test: ## run every test with the race detector
	$(GO) vet ./...
	$(GO) test -race -timeout 60m ./...

quick: ## test what needs no engine: seconds
	$(GO) test ./policy ./gate ./sbom ./gate/report ./gate/filetree

lint: ## run the linters
	$(LINT) run ./...
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo 'gofmt would change:'; gofmt -l $$(git ls-files '*.go'); exit 1; }

vulncheck: ## look for known vulnerabilities in what we link (needs the vulnerability service)
	.ci/vulncheck

demo: build ## judge three images, offline, in a registry of its own
	$(GO) run ./examples/demo -imagegate bin/imagegate

parity: build ## compare with crane, cosign, syft and grype, case by case
	$(GO) vet ./.ci/parity
	$(GO) run ./.ci/parity -imagegate bin/imagegate

BENCH_IMAGES = ^packages/(debian-patched|files-100000|node-modules|java-jars|go-static)$$
ROUNDS ?= 5
out/bench/images: | build
	$(GO) run ./.ci/parity -imagegate bin/imagegate -prepare out/bench -only '$(BENCH_IMAGES)'

bench: build out/bench/images ## measure a check against the tools it replaces
	$(GO) run ./.ci/bench -imagegate bin/imagegate -rounds $(ROUNDS) -out out/bench/RESULTS.md

bench-scale: build out/bench/images ## measure how the cost grows with size, files, packages and images
	$(GO) run ./.ci/bench -imagegate bin/imagegate -rounds 3 -scale -out out/bench/SCALE.md

badinput: ## judge every kind of bad input and show what became of it
	@mkdir -p out
	@$(GO) test ./cmd/imagegate -run '^TestBadInput$$' -count=1 -badinput-table $(CURDIR)/out/badinput.txt
	@cat out/badinput.txt

e2e: ## show a real kube-apiserver asking the gate, with kubectl (the first time builds Kubernetes: ten minutes)
	@mkdir -p out
	$(GO) vet -tags e2e ./examples/admission/e2e
	@echo 'running; out/e2e.log says how far it is'
	@$(GO) test -tags e2e ./examples/admission/e2e -count=1 -timeout 80m -v -e2e-table $(CURDIR)/out/e2e.txt > out/e2e.log 2>&1 || { tail -100 out/e2e.log; exit 1; }
	@cat out/e2e.txt

FAULTS ?= 10000
faults: ## judge images, and answer reviews, while everything fails in every way, FAULTS times
	@mkdir -p out
	@$(GO) test ./cmd/imagegate -run '^Test(Serve)?FaultsNeverAllow$$' -count=1 -timeout 2h -faults $(FAULTS) -faults-table $(CURDIR)/out/faults.txt
	@cat out/faults.txt out/faults-reviews.txt

SOAK ?= 10m
load: build ## measure serve from another process, SOAK (10m); out/load/table.md is README's table
	$(GO) vet ./.ci/load
	$(GO) run ./.ci/load -imagegate bin/imagegate -soak $(SOAK)

FUZZTIME ?= 10m
fuzz: ## fuzz every parser of untrusted bytes, FUZZTIME each
	@.ci/fuzz $(FUZZTIME)

scan-scale: ## scan 100,000 made-up digests, killed half way and resumed
	$(GO) run ./.ci/scan scale

SEED ?= 1
scan-chaos: build ## kill NATS servers, workers and the scanner during a scan (SEED)
	$(GO) run ./.ci/scan -seed $(SEED) chaos

scan-demo: build ## scan Debian's docker-registry with 320 images, and compare with check
	$(GO) run ./.ci/scan demo

scan-faults: build ## kill the registry, fill the disk and set the clock during scans (the first time compiles everything anew: minutes)
	@mkdir -p out/scan
	$(GO) run ./.ci/scan clock out/scan/imagegate-stepping
	$(GO) run ./.ci/scan -stepping out/scan/imagegate-stepping faults

clean: ## remove what the targets made
	rm -rf bin out
