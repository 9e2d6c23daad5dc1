"""The event examples of the Matrix specification, hashed, signed, identified and redacted by Synapse.

    SYNAPSE_VENV/bin/python scripts/vectors/spec-events.py PATH_TO_MATRIX_SPEC_GIT_DIR > test/vectors/event-ids/spec-examples.json

Takes the examples of room events, and those of PDUs; completes each into a PDU of several room versions, one of each kind of event ID and of
redaction; and signs it with the key of the specification's test vectors. Each event is there once, with what follows for each version.
"""

import copy
import json
import posixpath
import subprocess
import sys

import synapse
import yaml
from signedjson.key import decode_signing_key_base64
from synapse.api.room_versions import KNOWN_ROOM_VERSIONS
from synapse.crypto.event_signing import add_hashes_and_signatures
from synapse.events import make_event_from_dict
from synapse.events.utils import prune_event

VERSIONS = ["1", "3", "5", "6", "8", "9", "11", "12"]
PDU_EXAMPLES = {"pdu_v1": ["1", "2"], "pdu_v3": ["3"], "pdu_v4": ["4", "5", "6", "7", "8", "9", "10"], "pdu_v11": ["11"], "pdu_v12": ["12"]}
EVENT_FOLDER, PDU_FOLDER = "data/event-schemas/examples", "data/api/server-server/examples"
SEED = "YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1"
KEY = decode_signing_key_base64("ed25519", "1", SEED)
SERVER = "domain"


def main(git_dir):
    def git(*arguments):
        command = ["git", f"--git-dir={git_dir}", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def read(path):
        """An example with what it refers to; what comes later, or stands beside a reference, prevails."""
        value = yaml.safe_load(git("show", f"HEAD:{path}"))
        parts = [{"$ref": value.pop("$ref")}] if "$ref" in value else value.pop("allOf", [])
        whole = {}
        for part in parts:
            whole.update(read(posixpath.normpath(posixpath.join(posixpath.dirname(path), part["$ref"]))) if "$ref" in part else part)
        return {**whole, **value}

    names = [path for path in git("ls-tree", "-r", "--name-only", "HEAD", EVENT_FOLDER).splitlines() if path.endswith(".yaml")]
    examples = {posixpath.basename(path)[: -len(".yaml")]: read(path) for path in names}
    events = {name: example for name, example in examples.items() if "event_id" in example and "sender" in example}
    document = {
        "provenance": f"matrix-spec {git('log', '-1', '--format=%h of %cs').strip()}, {EVENT_FOLDER} and {PDU_FOLDER}; "
        f"expected values by Synapse {synapse.__version__} through scripts/vectors/spec-events.py",
        "seed": SEED,
        "serverName": SERVER,
        "keyId": "ed25519:1",
        "events": [{"name": name, **seal_all(example)} for name, example in sorted(events.items())],
        "pdus": [{"name": name, "versions": versions, "pdu": read(f"{PDU_FOLDER}/{name}.json")} for name, versions in PDU_EXAMPLES.items()],
    }
    json.dump(document, sys.stdout, ensure_ascii=True, indent=1)


def seal_all(example):
    base = {key: example[key] for key in ("type", "content", "origin_server_ts", "state_key", "redacts") if key in example}
    return {"event": base, "expected": [{"version": version, **seal(base, version)} for version in VERSIONS]}


def complete(base, version):
    """The PDU before it is sealed; test/unit/matrix/events/spec-examples.test.ts does the same."""
    early, implied = version in ("1", "2"), version == "12" and base["type"] == "m.room.create"
    ids = [["$one:domain", {"sha256": "aGFzaA"}]] if early else ["$" + "A" * 43]
    references = [] if base["type"] == "m.room.create" else ids
    event = {**copy.deepcopy(base), "sender": "@example:domain", "depth": 7, "prev_events": references, "auth_events": references}
    if early:
        event["event_id"] = "$chosen:domain"
    if not implied:
        event["room_id"] = "!" + "C" * 43 if version == "12" else "!room:domain"
    return event


def seal(base, version):
    rules = KNOWN_ROOM_VERSIONS[version]
    event = complete(base, version)
    add_hashes_and_signatures(rules, event, SERVER, KEY)
    made = make_event_from_dict(event, rules)
    redacted = prune_event(made).get_pdu_json()
    return {
        "eventId": made.event_id,
        "hash": event["hashes"]["sha256"],
        "signature": event["signatures"][SERVER]["ed25519:1"],
        "redactedContent": redacted["content"],
    }


main(sys.argv[1])
