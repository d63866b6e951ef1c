# tacit. `make` alone says what there is.

# Recipes are short, and work with the make of macOS (3.81) too; what is longer is a script in scripts/.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
PREFIX  ?= /usr/local

# What ships: no cgo, no machine paths, no symbols, and runtime/secret, which wipes key material off stacks and registers (I09).
# runtime/secret works on Linux and is a no-op elsewhere.
# Functions stand at every 16 bytes instead of 32: 150 kB less (P16), and nothing that could be measured slower.
LDFLAGS := -s -w -funcalign=16 -X main.version=$(VERSION)
SHIP     = CGO_ENABLED=0 GOEXPERIMENT=runtimesecret
BUILD    = go build -trimpath $(COLD:%=-gcflags='%=-l') -ldflags '$(LDFLAGS)'

# Packages in which no function is copied into another: they are large and nothing of them is hot, and so weigh 0.4 MB less (P16).
COLD := tacit/internal/cli tacit/internal/config tacit/internal/chain tacit/internal/demo tacit/internal/provider/... \
	go.yaml.in/... github.com/spf13/... github.com/godbus/...

GOLANGCI_VERSION := v2.15.0
GOFUMPT_VERSION  := v0.12.0
GOBIN_DIR        := $(shell go env GOBIN)
TOOLS            := $(if $(GOBIN_DIR),$(GOBIN_DIR),$(shell go env GOPATH)/bin)

FUZZTIME  ?= 5s
BENCH_DIR ?= $(CURDIR)/bench/.work

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

# Build and use ------------------------------------------------------------------------------------------------------------------

# The linker writes through a memory map, which leaves the file in the page cache in single pages. A copy lies there in large ones, and
# starts a fifth faster (1.2 ms of 6.5) until the machine forgets it; and a tacit that runs is replaced, not written to.
.PHONY: build
build: ## bin/tacit, as it ships
	@mkdir -p bin
	$(SHIP) $(BUILD) -o bin/.tacit.linked ./cmd/tacit
	@cp bin/.tacit.linked bin/.tacit.new && mv bin/.tacit.new bin/tacit && rm bin/.tacit.linked

.PHONY: quickstart
quickstart: build ## build, then store a secret, give it to a program, use a sealed one and look at the audit log, in a directory of its own
	@PATH="$(CURDIR)/bin:$$PATH" scripts/quickstart.sh

.PHONY: man
man: build ## man pages, in bin/man
	@mkdir -p bin/man
	bin/tacit man bin/man

.PHONY: completions
completions: build ## completion scripts, in bin/completions
	@mkdir -p bin/completions
	@set -e; for shell in bash zsh fish powershell; do bin/tacit completion $$shell >bin/completions/tacit.$$shell; done

.PHONY: install
install: man completions ## tacit, its man pages and completions below PREFIX (/usr/local); DESTDIR is respected
	@DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" scripts/install.sh

# Test ---------------------------------------------------------------------------------------------------------------------------

.PHONY: test
test: test-deps ## everything but integration/ and the million-record and long crash runs; under 10 minutes on two cores
	@scripts/test.sh race shipped

.PHONY: test-all
test-all: test-deps ## all of it: the long runs, runtime/secret and integration/ too
	@TACIT_LONG=1 scripts/test.sh race shipped secret integration

.PHONY: test-deps
test-deps: ## install what the tests need from Debian's packages (as root), or say what is missing
	@scripts/test-deps.sh

.PHONY: docs-test
docs-test: ## run the commands in README.md and docs/
	@CGO_ENABLED=0 go test -count=1 ./docs/...

.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME (5s)
	@FUZZTIME=$(FUZZTIME) scripts/fuzz.sh

.PHONY: bench
bench: build ## measure the budgets beside pass, age and sops; writes bench/RESULTS.md (takes a while: a million secrets)
	@BENCH_DIR="$(BENCH_DIR)" TACIT="$(CURDIR)/bin/tacit" bench/run.sh

.PHONY: bench-check
bench-check: build ## run each benchmark briefly, so that it does not break; judges nothing and writes nothing
	@BENCH_QUICK=1 TACIT="$(CURDIR)/bin/tacit" bench/run.sh

# Check --------------------------------------------------------------------------------------------------------------------------

.PHONY: vet
vet: ## go vet
	go vet ./...
	$(SHIP) go vet ./...
	set -e; for mod in integration/go.mod integration/*/go.mod; do if [ -f $$mod ]; then (cd $$(dirname $$mod) && CGO_ENABLED=0 go vet ./...); fi; done

.PHONY: fmt
fmt: $(TOOLS)/gofumpt ## format
	@git ls-files -z '*.go' ':!*.gen.go' ':!*/builtin_of_*.go' | xargs -0 $(TOOLS)/gofumpt -w

.PHONY: fmt-check
fmt-check: $(TOOLS)/gofumpt ## fails when gofumpt would change something
	@out=$$(git ls-files -z '*.go' ':!*.gen.go' ':!*/builtin_of_*.go' | xargs -0 $(TOOLS)/gofumpt -l); \
	if [ -n "$$out" ]; then echo "make fmt would change:"; echo "$$out"; exit 1; fi

.PHONY: lint
lint: $(TOOLS)/golangci-lint ## golangci-lint, as .golangci.yml says, and shellcheck
	$(TOOLS)/golangci-lint run ./...
	@if command -v shellcheck >/dev/null; then shellcheck bench/*.sh scripts/*.sh .ci/run; else echo "shellcheck is not installed: scripts were not checked"; fi

.PHONY: cross
cross: ## build and vet for macOS and Windows, amd64 and arm64, and Linux arm64
	@set -e; for target in darwin/amd64 darwin/arm64 windows/amd64 windows/arm64 linux/arm64; do \
	  echo "== $$target"; \
	  export GOOS=$${target%/*} GOARCH=$${target#*/} CGO_ENABLED=0; \
	  go build -o /dev/null ./cmd/tacit; \
	  go vet ./...; \
	done

.PHONY: vuln
vuln: ## known vulnerabilities in what we link (needs the network)
	go run golang.org/x/vuln/cmd/govulncheck@v1.1.4 ./...

# A tool of another version than ours is replaced.
.PHONY: tools
tools: ## install the pinned gofumpt and golangci-lint
	@scripts/tool.sh mvdan.cc/gofumpt $(GOFUMPT_VERSION)
	scripts/tool.sh github.com/golangci/golangci-lint/v2/cmd/golangci-lint $(GOLANGCI_VERSION)

$(TOOLS)/gofumpt $(TOOLS)/golangci-lint:
	@$(MAKE) tools

.PHONY: clean
clean: ## remove what was built
	rm -rf bin dist $(LOG) bench/.work
