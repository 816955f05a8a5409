# make demo: the whole line in under a minute.   make test: everything that must hold.

GO       ?= go
FUZZTIME ?= 50000x
DURATION ?= 30m
SEED     ?= 1
FUZZ     ?= .
FUZZFLAGS ?=
BINARY   := bin/tempogate

.PHONY: build demo test check race fuzz abuse-cases model wasm eval bench-classifier bench-cluster bench-consent bench-page bench-ingest bench-overload bench-residue bench-faults bench-fleet clean

build:
	$(GO) build -o $(BINARY) ./cmd/tempogate

demo: build
	$(BINARY) demo

test: check vulnerabilities race fuzz

check:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	  test -z "$$unformatted" || { echo "gofmt would change: $$unformatted" >&2; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

# Known vulnerabilities in what is really called. Without a way to the database
# nothing is known, and that is said: it is not the same as nothing found. GOVULNDB
# names another place to ask.
.PHONY: vulnerabilities
vulnerabilities:
	@out=$$($(GO) tool govulncheck ./... 2>&1) && { echo "$$out"; exit 0; }; \
	  case "$$out" in \
	  *"fetching vulnerabilities"*) echo "NOT CHECKED for known vulnerabilities, the database cannot be reached: $$out" >&2;; \
	  *) echo "$$out" >&2; exit 1;; \
	  esac

race:
	@for browser in chromium chromium-browser google-chrome; do \
	  command -v $$browser >/dev/null && exit 0; \
	done; echo "no Chromium, so the tests of the page are skipped: apt-get install chromium" >&2
	$(GO) test -race -timeout 15m ./...

# A short run of every fuzz target; longer with FUZZTIME=10000000x, some of them with
# FUZZ='Decode|Reader', on one processor with FUZZFLAGS=-parallel=1. By number, not
# by time: when a time is over, Go before 1.27 fails now and then for nothing
# (go.dev/issue/75804).
#
# go test -fuzz counts what is run in every package that is linked, and with NATS
# among them compares a megabyte of counters after each try. Here only the package
# itself and what it decodes with are counted: up to ten times as many tries, led by
# what matters. Nothing is counted with INSTRUMENT= : three times as many again, blind,
# from what tries that were led have found.
INSTRUMENT ?= -d=libfuzzer
FUZZED := encoding/json encoding/pem github.com/klauspost/compress/... github.com/muktihari/fit/... \
	github.com/golang-jwt/jwt/... github.com/go-jose/go-jose/... github.com/gowebpki/jcs/...

fuzz:
	@set -e; mkdir -p bin; corpus=$$($(GO) env GOCACHE)/fuzz; \
	for directory in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n 1 dirname | sort -u); do \
	  targets=$$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' $$directory/*_test.go | grep -E '$(FUZZ)') || continue; \
	  package=$$($(GO) list $$directory); binary=$(CURDIR)/bin/fuzz.test; \
	  $(GO) test -c -o $$binary $(FUZZED:%=-gcflags=%=$(INSTRUMENT)) -gcflags=$$package=$(INSTRUMENT) $$directory; \
	  for target in $$targets; do \
	    echo "fuzz $$package $$target"; \
	    (cd $$directory && $$binary -test.run '^$$' -test.fuzz "^$$target\$$" -test.fuzztime $(FUZZTIME) \
	      -test.fuzzminimizetime 10x -test.fuzzcachedir "$$corpus/$$package" $(FUZZFLAGS:-%=-test.%)); \
	  done; \
	done

# How many cases of hostile input are played, and whether all end as they should.
abuse-cases:
	@out=$$($(GO) test ./ingest -run '^TestHostileInput$$' -count 1 -v -datadriven-quiet) || { echo "$$out" >&2; exit 1; }; \
	  echo "$$out" | grep -oE 'abuse_cases [0-9]+'

# Trains the model that the binary carries.
model: build
	$(BINARY) train --collection "$${TEMPOGATE_DATA:-../shared/data}" --out classifier/model/default.model

# Compiles the classifier for browsers anew, after a change of the classifier
# or of the wire; a test in cmd/tempogate says when that is due.
wasm:
	$(GO) generate ./ingest/web

# How well the method does on people and data sets that it was not trained on.
eval: build
	$(BINARY) eval activity --collection "$${TEMPOGATE_DATA:-../shared/data}" --protocol dataset --out out/eval

bench-classifier:
	@$(GO) test ./classifier -run '^TestBenchmarkFigures$$' -figures -count 1 -v | grep -E '^(Benchmark|goos:|goarch:|pkg:|[a-z0-9_]+ [0-9.e+-]+$$)'

# The figures, and 10,000 random operations with kills between them against a
# model. A figure that cannot be is an error.
bench-consent:
	@out=$$($(GO) test ./consent -run '^(TestFigures|TestRemoteFigures|TestOperationsWithKills)$$' -figures -operations 10000 -count 1 -timeout 30m -v) \
	  || { echo "$$out" >&2; exit 1; }; \
	  echo "$$out" | grep -E '^[a-z0-9_]+ [0-9.e+-]+$$'

# Three nodes on three NATS servers: how fast a withdrawal gets through, and what a
# frame costs beside an embedded ledger.
bench-cluster: build
	@out=$$($(GO) test ./consent -run '^TestClusterFigures$$' -cluster-figures -binary "$(CURDIR)/$(BINARY)" -count 1 -timeout 30m -v) \
	  || { echo "$$out" >&2; exit 1; }; \
	  echo "$$out" | grep -E '^[a-z0-9_]+ [0-9.e+-]+$$'

# What the page costs a phone. Needs Chromium.
bench-page:
	@$(GO) test ./ingest/web -run '^TestWeight$$' -count 1 -v | grep -oE '(page|module)_bytes [0-9]+'
	@$(GO) test ./cmd/tempogate -run '^TestPageFigures$$|^TestPageFirstTempo$$' -figures -count 1 -v | \
	  grep -oE '(wasm_hop_ms|bytes_per_hour_100hz|first_tempo_s) [0-9.]+'

# What is left of samples in a server's memory, over 20 sessions of each form of
# sending, transport and ending; and what clearing them costs, against a build that
# does not.
bench-residue: build
	$(GO) build -tags noclear -o $(BINARY)-noclear ./cmd/tempogate
	@$(BINARY) residue --rounds 20
	@out=$$($(GO) test ./bench/residue -run '^TestCostOfClearing$$' -figures -binary "$(CURDIR)/$(BINARY)" -keeping "$(CURDIR)/$(BINARY)-noclear" -count 1 -timeout 30m -v) \
	  || { echo "$$out" >&2; exit 1; }; \
	  echo "$$out" | grep -E '^[a-z0-9_]+ [0-9.e+-]+$$'

# What it costs to have Go's runtime/secret clear stacks and registers, beside doing it
# ourselves, and what is left of samples then.
.PHONY: bench-secret
bench-secret: build
	GOEXPERIMENT=runtimesecret $(GO) build -o $(BINARY)-secret ./cmd/tempogate
	@$(BINARY)-secret residue
	@out=$$($(GO) test ./bench/residue -run '^TestCostOfClearing$$' -figures -binary "$(CURDIR)/$(BINARY)-secret" -keeping "$(CURDIR)/$(BINARY)" -count 1 -timeout 30m -v) \
	  || { echo "$$out" >&2; exit 1; }; \
	  echo "$$out" | sed -nE 's/^clearing|^tls_clearing/&_by_secret/; s/keeping/own_clearing/; /^[a-z0-9_]+ [0-9.e+-]+$$/p'

# Ours, a bare gorilla server and a bare gws server under the same load in turn.
bench-ingest: build
	@out=$$($(GO) test ./bench/load -run '^TestFigures$$' -figures -binary "$(CURDIR)/$(BINARY)" -count 1 -timeout 30m -v) \
	  || { echo "$$out" >&2; exit 1; }; \
	  echo "$$out" | grep -E '^[a-z0-9_]+ [0-9.e+-]+$$'

# What becomes of the sessions of a node that is offered 1.5 times what it can
# carry. Two processors are needed, one of them for the server alone.
bench-overload: build
	@out=$$($(GO) test ./bench/load -run '^TestOverload$$' -overload -binary "$(CURDIR)/$(BINARY)" -count 1 -timeout 30m -v) \
	  || { echo "$$out" >&2; exit 1; }; \
	  echo "$$out" | grep -E '^[a-z0-9_]+ [0-9.e+-]+$$'

# Three nodes on three NATS servers, on which one thing after another fails, and
# a checker that looks for a consent that was lost, or a frame after a withdrawal.
bench-faults: build
	@$(BINARY) fleet faults --duration $(DURATION) --seed $(SEED)

# All nodes restarted in turn under load; one node beside two.
bench-fleet: build
	@$(BINARY) fleet restart --seed $(SEED)
	@$(BINARY) fleet carry --seed $(SEED)

# Good and bad traffic for DURATION, an hour unless given; then servers must have no
# more goroutines, memory and open files than at the start.
.PHONY: soak
soak: build
	@out=$$($(GO) test ./bench/load -run '^TestSoak$$' -soak $(if $(filter file,$(origin DURATION)),1h,$(DURATION)) -binary "$(CURDIR)/$(BINARY)" -count 1 -timeout 0 -v) \
	  || { echo "$$out" >&2; exit 1; }; \
	  echo "$$out" | grep -E '^[a-z0-9_]+ [0-9.e+-]+$$'

clean:
	rm -rf bin out
