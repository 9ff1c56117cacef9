# `make lint`, `make test`, `make demo` and `make bench` do all the set-up they need.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONDONTWRITEBYTECODE := 1

.PHONY: lint test demo bench package lock clean

lint: .venv/ready
	ruff check .
	ruff format --check .
	mypy
	PYTHONPATH=src:. lint-imports
	actionlint
	actionlint examples/*/*.yml
	hadolint Dockerfile examples/*/Dockerfile
	zizmor --offline --no-progress --quiet .github action.yml examples/pull-request
	cfn-lint setup/cloudformation.yaml
	shellcheck .ci/run requirements/lock

# In the order of their folders, the short ones come last: no process is left with a long one while the other idles.
test: .venv/ready
	pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

demo: .venv/ready
	python -m sandbox.demo

bench: .venv/ready .venv/bench/ready
	python -m bench $(ARGS)

# The wheel for `pipx run ecr-lambda-deploy`, in dist/.
package: .venv/ready
	$(BIN)/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

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

# The AWS CLI that the benchmark compares with, whose own requirements are not the action's.
.venv/bench/ready: requirements/bench.txt .venv/ready
	$(PYTHON) -m venv --clear .venv/bench
	.venv/bench/bin/pip install --quiet --disable-pip-version-check --require-hashes --only-binary=:all: --requirement requirements/bench.txt
	touch $@
