# `make lint`, `make test` and `make demo` do all the set-up they need.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONDONTWRITEBYTECODE := 1

.PHONY: lint test demo lock clean

lint: .venv/ready
	ruff check .
	ruff format --check .
	mypy
	PYTHONPATH=src:. lint-imports
	actionlint
	actionlint examples/*/*.yml
	hadolint Dockerfile examples/*/Dockerfile
	zizmor --offline --no-progress --quiet .github action.yml examples/pull-request
	shellcheck .ci/run requirements/lock

# In the order of their folders, the short ones come last: no process is left with a long one while the other idles.
test: .venv/ready
	pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

demo: .venv/ready
	python -m sandbox.demo

lock:
	requirements/lock

clean:
	rm -rf .venv

# A virtual environment of the hash-pinned requirements; made anew when they change.
.venv/ready: requirements/dev.txt
	rm -rf .venv
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; name one with PYTHON=…" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --only-binary=:all: --requirement requirements/dev.txt
	touch $@
