# Nightshift on one machine. `make help` explains each target.
.DEFAULT_GOAL := help
SHELL := /bin/sh
.SHELLFLAGS := -euc
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:
.PHONY: help demo up down status logs shell manifests kubeconfig images scan test check test-slow test-cluster test-images \
  test-kubernetes test-kubernetes-steps test-kubernetes-chain test-compose lock clean

VENV := .venv
PYTHON := $(VENV)/bin/python
LOCAL := $(PYTHON) -m local_platform
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev
export PYTHONDONTWRITEBYTECODE :=
# The programs of an environment name its path: in a copied or moved checkout they would run the code of the original.
MOVED := $(shell [ ! -e $(VENV)/.made-in ] || [ "$$(cat $(VENV)/.made-in)" = "$(CURDIR)" ] || echo moved)
ifneq ($(MOVED),)
.PHONY: $(INSTALLED) $(INSTALLED_DEV)
endif

# These only look at what runs: they work with the old environment as well.
status logs shell manifests kubeconfig: export KEEP_RUNNING := 1

##@ Running
demo: $(INSTALLED) ## start everything, land the data, run four nights, show how they ended (2 to 6 minutes)
	@$(LOCAL) demo

up: $(INSTALLED) ## start every service that is not running
	@$(LOCAL) up

down: ## stop every service; no process is left
	@if [ -z "$(MOVED)" ] && [ -x $(PYTHON) ] && [ -e $(INSTALLED) ]; then $(LOCAL) down; \
	elif tr '\0' '\n' 2>/dev/null <"/proc/$$(cat .nightshift/supervisord.pid 2>/dev/null)/environ" | \
	  grep -qxF "NIGHTSHIFT_LOCAL_HOME=$(CURDIR)/.nightshift"; then \
	  echo "services run without their environment $(VENV): type 'make up', then 'make down'" >&2; exit 2; \
	else echo "  nothing was ever started here"; fi

status: $(INSTALLED) ## show what runs, and at which address
	@$(LOCAL) status

logs: $(INSTALLED) ## follow the services' logs; SERVICE=scheduler for one of them
	@$(LOCAL) logs $(SERVICE)

shell: $(INSTALLED) ## open a shell in which nightshift and kubectl reach the services; RUN="nightshift --help" for one command
	@$(LOCAL) shell $(RUN)

##@ Another cluster (NIGHTSHIFT_CLUSTER=external)
manifests: $(INSTALLED) ## write the manifests that its administrator applies for this machine's platform
	@$(LOCAL) manifests

kubeconfig: $(INSTALLED) ## make Airflow's kubeconfig from ADMIN=<the administrator's>, valid for HOURS=24
	@$(LOCAL) kubeconfig --admin "$(ADMIN)" --hours "$(or $(HOURS),24)"

##@ Images
images: $(INSTALLED_DEV) ## build the images steps, services and airflow with Docker, and write the list of parts (SBOM) of each
	@$(PYTHON) tools/images.py

scan: $(INSTALLED_DEV) ## look for known vulnerabilities, secrets, setuid files, root users and unpinned versions in images and locks
	@$(PYTHON) tools/scan.py

##@ Developing
# In their order: sorted by how many tests they have, the files with few but long ones would come last, on one core.
test: check ## check the code and run all fast tests (no service needs to run)
	@$(PYTHON) -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

check: $(INSTALLED_DEV) ## lint, format, types, dependency rules, and every model's code without data
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy include plugins dags tests
	@PYTHONPATH=plugins $(VENV)/bin/lint-imports
	@$(VENV)/bin/nightshift check

test-slow: $(INSTALLED_DEV) ## run the tests that take minutes, start the whole platform or need a browser
	@$(PYTHON) -m pytest -m "slow or browser" --numprocesses 2 --dist loadfile

test-cluster: $(INSTALLED_DEV) ## run the contract tests on the cluster of NIGHTSHIFT_TEST_KUBECONFIG (unset: the embedded cluster)
	@$(PYTHON) -m pytest tests/cluster --numprocesses 2 --dist loadfile

test-images: $(INSTALLED_DEV) ## test the images of `make images`
	@$(PYTHON) -m pytest tests/images -m images

test-kubernetes: test-kubernetes-steps test-kubernetes-chain ## run the next two on the cluster of NIGHTSHIFT_TEST_KUBECONFIG, which has the image of the steps

test-kubernetes-steps: $(INSTALLED_DEV) ## test the manifests, and how single steps end
	@$(PYTHON) -m pytest tests/deploy tests/plugins -m kubernetes --numprocesses 3 --dist loadfile

test-kubernetes-chain: $(INSTALLED_DEV) ## test the chain and its faults, those of the node and the API server among them: nothing else may run there
	@$(PYTHON) -m pytest tests/real_cluster -m kubernetes

test-compose: $(INSTALLED_DEV) ## test the whole platform under docker compose, from the images of `make images`
	@$(PYTHON) -m pytest tests/compose -m compose

lock: $(INSTALLED_DEV) ## pin every dependency again, from pyproject.toml
	@sh tools/lock

clean: down ## stop everything and delete .venv and the data in .nightshift
	@rm -rf $(VENV) .nightshift

##@ This help
help: ## explain each target
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-21s %s\n", $$1, $$2 }' Makefile

$(INSTALLED): requirements.txt tools/requirements-uv.txt pyproject.toml
	@sh tools/install $(VENV) requirements.txt && touch $@ || test $$? -eq 3

$(INSTALLED_DEV): $(INSTALLED) requirements-dev.txt
	@sh tools/install $(VENV) requirements-dev.txt && touch $@
