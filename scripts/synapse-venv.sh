#!/usr/bin/env bash
# Installs Synapse from PyPI, in the versions of test/support/synapse/requirements.txt, into a virtual environment and prints its folder. Does
# nothing but print it if it is there already. The federation tests talk to it: SYNAPSE_VENV=$(scripts/synapse-venv.sh) npm run test:e2e
# PYTHON names another interpreter than python3; it must be 3.10 or newer.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
requirements=test/support/synapse/requirements.txt

if ! "$python" -c 'import sys, venv; sys.exit(sys.version_info < (3, 10))' 2> /dev/null; then
  echo "Synapse needs Python 3.10 or newer with its venv module; $python is not that. Install it, or name one with PYTHON." >&2
  exit 1
fi
# A folder of its own for each set of versions: what is complete never changes.
venv=$PWD/node_modules/.cache/synapse-$(cksum < "$requirements" | cut -d ' ' -f 1)
if [ ! -f "$venv/complete" ]; then
  rm -rf "$venv"
  mkdir -p "$(dirname "$venv")"
  {
    "$python" -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$requirements"
    "$venv/bin/python" -c 'import synapse'
  } >&2
  touch "$venv/complete"
fi
echo "$venv"
