"""Rooms of a running Synapse, written down: the fixtures of test/unit/state-resolution/synapse-server.test.ts.

    python3 scripts/synapse-fixtures/make.py --out test/vectors/synapse-server

Starts the Synapse of the virtual environment SYNAPSE_VENV, or of one that it makes and throws away, on SQLite and free ports of the loopback
address. For every room version that the server's capabilities name, drives a room through its client API, while a second server that this
script plays (remote.py) joins, sends events on branches of its own, and so makes the room fork. What Synapse made of it is read from its
database afterwards: every event as PDU, whether it was rejected or soft-failed, and the state behind it.

One gzipped file per room version. States are lists of places in the list of events.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
SYNAPSE = "matrix-synapse==1.163.2"


def enter_environment():
    """Goes on under the Python that has Synapse."""
    venv = os.environ.get("SYNAPSE_VENV")
    if venv is None:
        with tempfile.TemporaryDirectory(prefix="synapse-venv-") as folder:
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            subprocess.run([f"{folder}/bin/pip", "install", "--quiet", SYNAPSE], check=True)
            environment = {**os.environ, "SYNAPSE_VENV": folder}
            sys.exit(subprocess.run([f"{folder}/bin/python", __file__, *sys.argv[1:]], env=environment).returncode)
    if Path(sys.prefix).resolve() != Path(venv).resolve():
        python = f"{venv}/bin/python"
        os.execv(python, [python, __file__, *sys.argv[1:]])


def main():
    from certificate import make_certificate
    from export import Database, write_fixture
    from homeserver import Homeserver
    from remote import Remote
    from rooms import play

    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--versions", help="only these, separated by commas")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="synapse-fixtures-") as folder:
        certificate = make_certificate(Path(folder))
        with Remote(certificate) as remote, Homeserver(Path(folder), certificate) as homeserver:
            database = Database(homeserver.database)
            remote.connect(homeserver.name, database)
            creator = homeserver.register("creator")
            available = creator.call("GET", "/v3/capabilities")["capabilities"]["m.room_versions"]["available"]
            numbered = sorted((version for version in available if version.isdigit()), key=int)
            versions = options.versions.split(",") if options.versions else numbered
            people = [homeserver.register(name) for name in ("mod", "user", "guest", "eve", "kim", "late")]
            keys = [homeserver.key_document(), remote.key_document()]
            for version in versions:
                labelled = play(version, numbered, creator, people, remote)
                write_fixture(options.out, version, labelled, keys, database)
                print(f"version {version}: {', '.join(labelled)}", file=sys.stderr)


if __name__ == "__main__":
    enter_environment()
    main()
