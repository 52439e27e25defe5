# Everything a person does here; `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PY := .venv/bin/python
STAMP := .venv/.installed
# Tests and servers start Python hundreds of times: what it compiled is kept, whatever the shell that called make says.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup demo up test test-all lint types imports docs site screenshots dashboards chart scan wheels lock rehearse bench bench-gateway bench-peers bench-discovery bench-weights bench-vendors bench-desk bench-idle bench-admin bench-audit bench-console bench-scale clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: $(STAMP) ## the environment in .venv, from requirements.lock

$(STAMP): requirements.lock requirements-models.lock packages/*/pyproject.toml scripts/setup scripts/models \
		packages/gateway/setup.py $(wildcard packages/gateway/src/mercato_gateway/*.py)
	@scripts/setup

demo: setup ## the whole story on real models, in a marketplace of its own (LLM=1 adds a small language model)
	@$(if $(LLM),scripts/setup llm,true)
	@$(PY) -m demo $(if $(LLM),--llm)

# On one machine vendors' servers run beside the marketplace, so private endpoints are let in, and there is data to try it
# with; `mercato up` alone is strict and empty.
up: setup ## a marketplace that stays: console and API on 8000, gateway on 8080 (DEMO=1: one that the demo fills)
ifdef DEMO
	@$(PY) -m demo --stay
else
	@MERCATO_ALLOW_PRIVATE_ENDPOINTS=$${MERCATO_ALLOW_PRIVATE_ENDPOINTS:-true} \
	 MERCATO_SAMPLE_DATA=$${MERCATO_SAMPLE_DATA:-true} \
	 $(if $(wildcard site/index.html),MERCATO_SITE=$${MERCATO_SITE:-site}) .venv/bin/mercato up
endif

# Three on two cores: a test waits for its processes a third of its time; a fourth made the whole run no shorter.
test: setup lint types imports ## lint, types, import contracts and all tests but the slow ones
	@command -v redis-server >/dev/null || scripts/debian redis-server || echo "without redis-server its tests are skipped"
	@command -v chromium >/dev/null || scripts/debian chromium || echo "without Chromium the browser tests are skipped"
	@command -v promtool >/dev/null || scripts/debian prometheus prometheus-alertmanager || echo "without promtool the tests of alerts are skipped"
	@scripts/kubernetes-tools || echo "without kubectl and helm their tests are skipped"
	@$(PY) -m pytest -q -n 3 --dist loadfile -m "not slow" --durations=30

test-all: setup lint types imports ## everything, the slow tests too; generated examples are other ones each time
	@scripts/vendor vnu || echo "without the HTML checker its test is skipped"
	@scripts/terraform-tools || echo "without Terraform its tests are skipped"
	@scripts/container-tools || echo "without podman and a base the tests of our images are skipped"
	@scripts/observability-tools || echo "without Jaeger and VictoriaLogs the test of traces and logs is skipped"
	@command -v redis-server >/dev/null || scripts/debian redis-server || echo "without redis-server its tests are skipped"
	@command -v chromium >/dev/null || scripts/debian chromium || echo "without Chromium the browser tests are skipped"
	@command -v promtool >/dev/null || scripts/debian prometheus prometheus-alertmanager || echo "without promtool the tests of alerts are skipped"
	@scripts/kubernetes-tools || echo "without kubectl and helm their tests are skipped"
	@HYPOTHESIS_PROFILE=search $(PY) -m pytest -q -n 2 --dist loadfile

lint: setup
	@.venv/bin/ruff format --check -q . || (echo "run: .venv/bin/ruff format ." && exit 1)
	@.venv/bin/ruff check -q .

types: setup
	@.venv/bin/mypy

imports: setup
	@.venv/bin/lint-imports --config pyproject.toml --no-cache > .venv/imports.log || (cat .venv/imports.log && exit 1)

docs: setup ## write the generated reference pages anew
	@$(PY) scripts/reference.py

site: setup ## the documentation site in site/, built offline; a broken link ends it
	@$(PY) scripts/site.py

screenshots: setup ## the pictures of docs/images, made in Chromium (URL=, EMAIL=, PASSWORD=: of a marketplace that runs)
	@command -v chromium >/dev/null || scripts/debian chromium
	@$(PY) scripts/screenshots.py

dashboards: setup ## the Grafana dashboards of deploy/observability, from dashboards.py
	@$(PY) -m deploy.observability.make_dashboards

chart: setup ## the Helm chart and the canary, from the manifests of deploy/kubernetes/base
	@$(PY) -m deploy.kubernetes.make_chart

scan: setup ## dangerous code and secrets that were committed; scripts/scan vulnerabilities asks OSV
	@scripts/scan

wheels: setup ## a wheel of each package in dist/, the gateway's compiled for this platform
	@scripts/wheels

lock: setup ## resolve all dependencies anew
	@scripts/lock

rehearse: setup ## destroy a marketplace with data, restore it, and print what was lost and how long it took
	@$(PY) scripts/rehearse.py

bench: bench-gateway bench-discovery bench-vendors ## every benchmark

bench-gateway: setup ## the gateway beside nginx and installed peers (QUICK=1: 3 minutes, else about 13)
	@scripts/debian nginx-light wrk
	@$(PY) -m bench.gateway $(if $(QUICK),--quick)

bench-peers: setup ## Envoy, Portkey and LiteLLM for bench-gateway, Datasette for bench-console, in .peers (700 MB)
	@scripts/bench-peers

bench-vendors: setup ## how fast mp starts, the catalogue of 100 vendors, tokens, training, signals, the kill switch
	@$(PY) -m bench.vendors

bench-desk: setup ## the desk alone: signal writes, the kill switch; and the walk-forward study of the consensus
	@$(PY) -m bench.desk
	@$(PY) -m bench.consensus_study

bench-discovery: setup ## search: ranking on judged sets, recommendations, latency, PostgreSQL beside (LISTINGS=100000: speed at that size)
	@$(PY) -m bench.discovery $(if $(LISTINGS),--listings $(LISTINGS) --speed)

bench-weights: setup ## search: the weights of words and meaning, chosen on one half of the judged sets, reported on the other
	@$(PY) -m bench.discovery_weights

bench-admin: setup ## lists, series, exports and intake at a million usage events (EVENTS=10000000: more)
	@$(PY) -m bench.admin $(if $(EVENTS),--events $(EVENTS))

bench-console: setup ## the console's pages: time, statements, bytes, requests, accessibility, markup (EVENTS=10000000: more)
	@$(PY) -m bench.console $(if $(EVENTS),--events $(EVENTS))

bench-idle: setup ## what a marketplace that nobody calls costs: memory and CPU time
	@$(PY) -m bench.idle

bench-scale: setup ## calls, events and searches a second, CPU and memory with 1, 2 and 4 processes of each role
	@scripts/debian wrk
	@$(PY) -m bench.scale

bench-audit: setup ## the audit log: entries a second, the check of 100,000; how soon calls of the suspended stop
	@$(PY) -m bench.audit

clean: ## remove the environment (state in .mercato stays)
	rm -rf .venv .tools
