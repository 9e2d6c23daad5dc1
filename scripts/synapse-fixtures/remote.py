"""The other server of the fixtures: it signs, joins, and sends events on branches that it chooses."""

import base64
import json
import os
import ssl
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from homeserver import quote, request
from signedjson.key import encode_verify_key_base64, generate_signing_key, get_verify_key
from signedjson.sign import sign_json
from synapse import event_auth
from synapse.api.errors import AuthError
from synapse.api.room_versions import KNOWN_ROOM_VERSIONS
from synapse.crypto.event_signing import add_hashes_and_signatures, compute_event_reference_hash, compute_event_signature
from synapse.events import make_event_from_dict
from unpaddedbase64 import encode_base64

WEEK_MS = 7 * 24 * 3600 * 1000
DECISION_SECONDS = 30


def now_ms():
    return time.time_ns() // 1_000_000


class Remote:
    """Runs as long as the `with` block; `connect` tells it whom it talks to."""

    def __init__(self, certificate):
        self.key = generate_signing_key("b_fixture")
        self.context = ssl.create_default_context(cafile=str(certificate.certificate))
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"remote": self}))
        served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        served.load_cert_chain(certificate.certificate, certificate.key)
        self.server.socket = served.wrap_socket(self.server.socket, server_side=True)
        self.name = f"localhost:{self.server.server_address[1]}"
        self.transactions = 0

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()

    def connect(self, name, database):
        self.peer, self.database = name, database

    def user(self, localpart):
        return f"@{localpart}:{self.name}"

    def key_document(self):
        keys = {f"{self.key.alg}:{self.key.version}": {"key": encode_verify_key_base64(get_verify_key(self.key))}}
        document = {"server_name": self.name, "verify_keys": keys, "old_verify_keys": {}, "valid_until_ts": now_ms() + WEEK_MS}
        return sign_json(document, self.name, self.key)

    def call(self, method, path, body=None):
        uri = f"/_matrix/federation{path}"
        signed = {"method": method, "uri": uri, "origin": self.name, "destination": self.peer}
        if body is not None:
            signed["content"] = body
        [(key_id, signature)] = sign_json(signed, self.name, self.key)["signatures"][self.name].items()
        header = f'X-Matrix origin="{self.name}",destination="{self.peer}",key="{key_id}",sig="{signature}"'
        return request(method, f"https://{self.peer}{uri}", body, {"Authorization": header}, self.context)

    def cosign(self, version, pdu):
        pdu = dict(pdu)
        pdu["signatures"] = compute_event_signature(KNOWN_ROOM_VERSIONS[version], pdu, self.name, self.key)
        return pdu

    def room(self, room_id, version):
        return RemoteRoom(self, room_id, KNOWN_ROOM_VERSIONS[version])


class Handler(BaseHTTPRequestHandler):
    """What the Synapse asks: keys, invitations to be signed, and transactions, which it need not keep."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.path.startswith("/_matrix/key/v2/server"):
            return self.answer(200, self.remote.key_document())
        return self.answer(404, {"errcode": "M_UNRECOGNIZED", "error": "not part of this script"})

    def do_PUT(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.startswith("/_matrix/federation/v1/send/"):
            return self.answer(200, {"pdus": {}})
        if self.path.startswith("/_matrix/federation/v2/invite/"):
            return self.answer(200, {"event": self.remote.cosign(body["room_version"], body["event"])})
        return self.answer(404, {"errcode": "M_UNRECOGNIZED", "error": "not part of this script"})

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        return self.answer(404, {"errcode": "M_UNRECOGNIZED", "error": "not part of this script"})

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class RemoteRoom:
    """A room of the Synapse as this server takes part in it."""

    def __init__(self, remote, room_id, version):
        self.remote, self.id, self.version = remote, room_id, version

    def seal(self, draft):
        """Hashes and signs; an event of Synapse's own kind, so that it knows its ID."""
        draft = {**draft, "hashes": {}, "signatures": {}}
        if self.early:
            draft.setdefault("event_id", f"${base64.urlsafe_b64encode(os.urandom(12)).decode()}:{self.remote.name}")
        add_hashes_and_signatures(self.version, draft, self.remote.name, self.remote.key)
        return make_event_from_dict(draft, self.version)

    @property
    def early(self):
        """Room versions 1 and 2: the origin chooses IDs, and references carry hashes."""
        return self.version.identifier in ("1", "2")

    def read(self, pdu):
        return make_event_from_dict({key: value for key, value in pdu.items() if key != "unsigned"}, self.version)

    def membership(self, kind, user_id, **content):
        """Joins, knocks or leaves through the other server."""
        versions = "&".join(f"ver={version}" for version in KNOWN_ROOM_VERSIONS)
        query = f"?{versions}" if kind != "leave" else ""
        template = self.remote.call("GET", f"/v1/make_{kind}/{quote(self.id)}/{quote(user_id)}{query}")["event"]
        draft = {**template, "origin_server_ts": now_ms(), "content": {**template["content"], **content}}
        draft.pop("event_id", None)
        event = self.seal(draft)
        api = "v1" if kind == "knock" else "v2"
        self.remote.call("PUT", f"/{api}/send_{kind}/{quote(self.id)}/{quote(event.event_id)}", event.get_pdu_json())
        self.wait([event])

    def branch(self, event_id):
        """A branch that begins behind an event of the room."""
        event = self.read(self.remote.call("GET", f"/v1/event/{quote(event_id)}")["pdus"][0])
        before = self.remote.call("GET", f"/v1/state/{quote(self.id)}?event_id={urllib.parse.quote(event_id)}")["pdus"]
        state = {(found.type, found.state_key): found for found in map(self.read, before)}
        if event.is_state():
            state[(event.type, event.state_key)] = event
        return Branch(self, [event], state)

    def send(self, *branches):
        """Sends what is new on some branches, and waits until it has been decided about."""
        for branch in branches:
            for at in range(0, len(branch.new), 50):
                self.remote.transactions += 1
                body = {
                    "origin": self.remote.name,
                    "origin_server_ts": now_ms(),
                    "pdus": [event.get_pdu_json() for event in branch.new[at : at + 50]],
                }
                self.remote.call("PUT", f"/v1/send/{self.remote.transactions}", body)
            self.wait(branch.new)
            branch.new = []

    def wait(self, events):
        deadline = time.monotonic() + DECISION_SECONDS
        for event in events:
            while not self.remote.database.has(event.event_id):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"Synapse did not decide about {event.get_pdu_json()}")
                time.sleep(0.02)


class Branch:
    """The end of a line of events: what the next one is built on, and the state behind it as this server sees it."""

    def __init__(self, room, heads, state):
        self.room, self.heads, self.state, self.new = room, heads, dict(state), []

    def fork(self):
        return Branch(self.room, self.heads, self.state)

    def merge(self, other):
        """Both ends; where the states differ, this branch's stands, which suffices to pick auth events."""
        self.heads = [*self.heads, *other.heads]
        self.state = {**other.state, **self.state}

    def reference(self, event):
        if not self.room.early:
            return event.event_id
        name, digest = compute_event_reference_hash(event)
        return [event.event_id, {name: encode_base64(digest)}]

    def make(self, kind, sender, content, state_key=None, auth=None, **extra):
        draft = {
            "type": kind,
            "sender": sender,
            "room_id": self.room.id,
            "content": content,
            "origin_server_ts": now_ms(),
            "depth": 1 + max(head.depth for head in self.heads),
            "prev_events": [self.reference(head) for head in self.heads],
            "auth_events": [],
            **({} if state_key is None else {"state_key": state_key}),
            **extra,
        }
        wanted = event_auth.auth_types_for_event(self.room.version, self.room.seal(draft))
        if self.room.version.identifier == "12":
            wanted.discard(("m.room.create", ""))
        cited = auth or [self.state[key] for key in sorted(wanted) if key in self.state]
        return self.room.seal({**draft, "auth_events": [self.reference(event) for event in cited]})

    def allows(self, event):
        try:
            event_auth.check_state_dependent_auth_rules(event, list(self.state.values()))
        except AuthError:
            return False
        return True

    def send(self, kind, sender, content, state_key=None, **extra):
        """Adds an event that the state here allows; `None` if it does not."""
        event = self.make(kind, sender, content, state_key, **extra)
        if not self.allows(event):
            return None
        self.add(event)
        if state_key is not None:
            self.state[(kind, state_key)] = event
        return event

    def add(self, event):
        """Adds an event whatever the rules say, without letting it into the state."""
        self.new.append(event)
        self.heads = [event]

    def say(self, sender, body):
        return self.send("m.room.message", sender, {"msgtype": "m.text", "body": body})

    def member(self, sender, user_id, membership, **content):
        return self.send("m.room.member", sender, {"membership": membership, **content}, user_id)

    def redact(self, sender, event_id):
        modern = self.room.version.updated_redaction_rules
        content, extra = ({"redacts": event_id}, {}) if modern else ({}, {"redacts": event_id})
        return self.send("m.room.redaction", sender, {"reason": "mistake", **content}, **extra)

    def levels(self, sender, **changes):
        before = self.state.get(("m.room.power_levels", ""))
        levels = dict(before.content) if before else {}
        for key, value in changes.items():
            levels[key] = {**levels.get(key, {}), **value} if isinstance(value, dict) else value
        return self.send("m.room.power_levels", sender, levels, "")
