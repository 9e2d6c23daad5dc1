"""Random room histories, authorized and resolved by Synapse: the fixtures of test/unit/state-resolution/synapse.test.ts.

    python3 -m venv synapse-venv && synapse-venv/bin/pip install matrix-synapse==1.163.2
    synapse-venv/bin/python scripts/vectors/synapse-state-res.py --out test/vectors/state-res/synapse

One gzipped file per room version. A scenario is a room: every event that was tried, with Synapse's verdict on it against its own auth events,
and every resolution, as states in and state out. Only events that Synapse also allows in the state before them become part of the room, so
that agreement on a resolution cannot be agreement on nonsense. Events refer to each other by their place in the list; whoever reads the file
builds the PDUs and computes the event IDs, of which the file has the beginning.

Some resolutions get states that the branches never had: with an older event under a key, or without a key. That is what servers see that
learned a state from a peer (MSC4297 calls it partial synchronisation), and where the versions of the algorithm differ most. The last two of
each room also take some events for rejected ones.
"""

import argparse
import gzip
import hashlib
import json
import random
from pathlib import Path

from signedjson.key import decode_signing_key_base64, get_verify_key, encode_verify_key_base64
from signedjson.sign import sign_json
from unpaddedbase64 import encode_base64

from synapse import event_auth
from synapse.api.errors import AuthError, SynapseError
from synapse.api.room_versions import KNOWN_ROOM_VERSIONS
from synapse.crypto.event_signing import compute_content_hash
from synapse.events import make_event_from_dict
from synapse.state import v1, v2
from synapse.storage.databases.main.event_federation import StateDifference

VERSIONS = ["1", "2", "6", "10", "11", "12"]
BASE_TS = 1_700_000_000_000
ID_PREFIX = 12
IDENTITY_KEY = decode_signing_key_base64("ed25519", "1", "YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1")
CREATOR = "@creator:one.test"
USERS = [CREATOR] + [f"@user{n}:{server}.test" for n, server in enumerate(["one", "two", "two", "three", "three", "four", "four"])]
LEVELS = [0, 10, 25, 49, 50, 51, 75, 99, 100]


class NothingElse:
    """The store behind a resolution that is given every event: asked for more, it has nothing."""

    async def get_events(self, event_ids, allow_rejected=False):
        return {}

    async def get_auth_chain_difference(self, room_id, state_sets, conflicted_state, additional):
        assert not any(state_sets) and not conflicted_state
        return StateDifference(set(), set() if conflicted_state is not None else None)


class NoClock:
    async def sleep(self, duration):
        pass


class Events:
    """The store of the events that authorize another."""

    def __init__(self, events):
        self.events = events

    async def get_events(self, event_ids, redact_behaviour=None, allow_rejected=False, **_):
        return {event_id: self.events[event_id] for event_id in event_ids if event_id in self.events}


def run(coroutine):
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise RuntimeError("it waits for something")


class Room:
    def __init__(self, version, seed):
        self.random = random.Random(f"{version}/{seed}")
        self.version = KNOWN_ROOM_VERSIONS[version]
        self.number = int(version)
        self.events, self.places, self.rows, self.resolutions = {}, {}, [], []
        self.rejected_copies = {}
        self.by_key = {}
        self.room_id = None if self.number >= 12 else "!room:one.test"
        self.clock = BASE_TS
        content = {"room_version": version}
        if self.number < 11:
            content["creator"] = CREATOR
        if self.number >= 12 and self.random.random() < 0.5:
            content["additional_creators"] = [USERS[2]]
        create = self.attempt({}, [], "m.room.create", "", CREATOR, content)
        self.create = create
        if self.number >= 12:
            self.room_id = create.room_id
        self.branches = [{"state": {("m.room.create", ""): create.event_id}, "heads": [create.event_id]}]
        self.act(self.branches[0], "m.room.member", CREATOR, CREATOR, {"membership": "join"}, plain=True)
        if self.random.random() < 0.9:
            users = {} if self.number >= 12 else {CREATOR: 100}
            users[USERS[1]] = 50
            self.act(self.branches[0], "m.room.power_levels", "", CREATOR, {"users": users}, plain=True)
        if self.random.random() < 0.8:
            self.act(self.branches[0], "m.room.join_rules", "", CREATOR, {"join_rule": "public"}, plain=True)
        for user in USERS[1:4]:
            self.act(self.branches[0], "m.room.member", user, user, {"membership": "join"}, plain=True)

    # Making and judging events

    def attempt(self, state, heads, kind, state_key, sender, content, plain=False):
        """Makes an event and asks Synapse. Returns it if it may become part of the room."""
        draft = {"type": kind, "state_key": state_key, "sender": sender, "content": content}
        prev = list(heads)
        depth = 1 + max((self.events[event_id].depth for event_id in prev), default=0)
        if not plain and self.random.random() < 0.05:
            depth += self.random.randrange(5)
        self.clock += self.random.choice([0, 1, 1, 5, -3])
        auth = self.select(state, draft, perturb=not plain and self.random.random() < 0.12)
        event = self.build(draft, prev, auth, depth)
        cited = [self.events[event_id] for event_id in event.auth_event_ids()]
        own = self.judge(event, cited, independent=True)
        before = own and (kind == "m.room.create" or self.judge(event, [self.events[e] for e in state.values()]))
        place = len(self.rows)
        references = lambda ids: [self.places[event_id] for event_id in ids]
        self.rows.append(
            [kind, state_key, sender, content, self.clock - BASE_TS, depth, references(prev), references(auth),
             int(own), event.event_id[:ID_PREFIX]]
        )
        if not before:
            return None
        self.places[event.event_id] = place
        self.events[event.event_id] = event
        self.by_key.setdefault((kind, state_key), []).append(event.event_id)
        return event

    def select(self, state, draft, perturb):
        probe = self.build(draft, [], [], 1)
        wanted = event_auth.auth_types_for_event(self.version, probe)
        if self.number >= 12:
            wanted.discard(("m.room.create", ""))
        chosen = {key: state[key] for key in sorted(wanted) if key in state}
        if perturb and chosen:
            key = self.random.choice(sorted(chosen))
            kind = self.random.random()
            if kind < 0.6:
                chosen[key] = self.random.choice(self.by_key[key])
            elif kind < 0.8:
                del chosen[key]
            else:
                # Room version 12 implies the create event; Synapse cannot even read an event that cites it.
                choices = [event_id for event_id in sorted(self.events) if self.number < 12 or event_id != self.create.event_id]
                other = self.random.choice(choices)
                return list(chosen.values()) + [other]
        return list(chosen.values())

    def build(self, draft, prev, auth, depth):
        pairs = lambda ids: [[event_id, {"sha256": "x"}] for event_id in ids] if self.number < 3 else list(ids)
        event = {
            **draft, "depth": depth, "origin_server_ts": self.clock,
            "prev_events": pairs(prev), "auth_events": pairs(auth),
        }
        if self.room_id is not None:
            event["room_id"] = self.room_id
        if self.number < 3:
            event["event_id"] = f"${len(self.rows)}:{draft['sender'].split(':', 1)[1]}"
        name, digest = compute_content_hash(event, hashlib.sha256)
        event.update({"hashes": {name: encode_base64(digest)}, "signatures": {}})
        built = make_event_from_dict(dict(event), self.version, {})
        self.rejected_copies[built.event_id] = make_event_from_dict(event, self.version, {}, rejected_reason="test")
        return built

    def judge(self, event, against, independent=False):
        try:
            if independent:
                run(event_auth.check_state_independent_auth_rules(Events(self.events), event))
            event_auth.check_state_dependent_auth_rules(event, against)
            return True
        except (AuthError, SynapseError):
            return False

    def act(self, branch, kind, state_key, sender, content, plain=False):
        event = self.attempt(branch["state"], branch["heads"], kind, state_key, sender, content, plain)
        if event is not None:
            branch["state"] = {**branch["state"], (kind, state_key): event.event_id}
            branch["heads"] = [event.event_id]

    # Resolving

    def resolve(self, states, rejected=frozenset()):
        arguments = (self.create.room_id, self.version, states)
        events = {event_id: self.rejected_copies[event_id] if event_id in rejected else self.events[event_id] for event_id in self.events}
        if self.number == 1:
            async def known(event_ids):
                return {event_id: events[event_id] for event_id in event_ids if event_id in events and event_id not in rejected}

            resolved = run(v1.resolve_events_with_store(*arguments, None, known))
        else:
            resolved = run(v2.resolve_events_with_store(NoClock(), *arguments, events, NothingElse()))
        compact = lambda state: sorted(self.places[event_id] for event_id in state.values())
        self.resolutions.append([[compact(state) for state in states], compact(resolved), sorted(self.places[e] for e in rejected)])
        return dict(resolved)

    # What happens in rooms

    def step(self):
        chance = self.random.random()
        if chance < 0.12 and len(self.branches) < 6:
            self.branches.append(dict(self.random.choice(self.branches)))
        elif chance < 0.19 and len(self.branches) > 1:
            chosen = self.random.sample(self.branches, 2)
            merged = {
                "state": self.resolve([branch["state"] for branch in chosen]),
                "heads": list(dict.fromkeys(head for branch in chosen for head in branch["heads"]))[:10],
            }
            self.branches.remove(chosen[1])
            chosen[0].update(merged)
        else:
            branch = self.random.choice(self.branches)
            self.act(branch, *self.action(branch["state"]))

    def action(self, state):
        sender, target = self.someone(state), self.random.choice(USERS)
        kinds = {
            self.membership: 10, self.power_levels: 6, self.join_rules: 3, self.topic: 5, self.own_state: 2,
            self.third_party_invite: 1, self.third_party_redemption: 1, self.aliases: 1,
        }
        return self.random.choices(list(kinds), list(kinds.values()))[0](state, sender, target)

    def someone(self, state):
        """Mostly somebody with power, so that things happen."""
        levels = state.get(("m.room.power_levels", ""))
        powerful = list(self.events[levels].content.get("users", {})) if levels else []
        return self.random.choice(USERS + [CREATOR] * 3 + powerful * 3)

    def membership(self, state, sender, target):
        content = {"membership": self.random.choices(["join", "leave", "invite", "ban", "knock"], [6, 3, 3, 3, 1 if self.number >= 7 else 0])[0]}
        if content["membership"] in ("join", "knock") or (content["membership"] == "leave" and self.random.random() < 0.5):
            sender = target
        if content["membership"] == "join" and self.number >= 8 and self.random.random() < 0.5:
            content["join_authorised_via_users_server"] = self.random.choice(USERS)
        return "m.room.member", target, sender, content

    def power_levels(self, state, sender, target):
        current = state.get(("m.room.power_levels", ""))
        old = json.loads(json.dumps(self.events[current].get_dict()["content"])) if current else {}
        level = lambda: self.level(self.random.choice(LEVELS))
        change = self.random.random()
        if change < 0.6:
            old.setdefault("users", {})[target] = level()
        elif change < 0.7:
            old.get("users", {}).pop(target, None)
        elif change < 0.85:
            old[self.random.choice(["ban", "kick", "invite", "redact", "state_default", "events_default", "users_default"])] = level()
        else:
            name = self.random.choice(["events", "events", "notifications"])
            old.setdefault(name, {})[self.random.choice(["m.room.topic", "m.room.join_rules", "m.room.power_levels", "room"])] = level()
        return "m.room.power_levels", "", sender, old

    def level(self, value):
        return f" +0{value}" if self.number < 10 and self.random.random() < 0.1 else value

    def join_rules(self, state, sender, target):
        rules = ["public", "public", "invite", "private", "knock", "restricted", "knock_restricted"]
        return "m.room.join_rules", "", sender, {"join_rule": self.random.choice(rules)}

    def topic(self, state, sender, target):
        kind = self.random.choice(["m.room.topic", "m.room.name", "m.room.history_visibility"])
        return kind, "", sender, {"value": self.random.randrange(1000)}

    def own_state(self, state, sender, target):
        return "test.own", sender if self.random.random() < 0.8 else target, sender, {"value": self.random.randrange(1000)}

    def aliases(self, state, sender, target):
        return "m.room.aliases", self.random.choice([sender, target]).split(":", 1)[1], sender, {"aliases": []}

    def third_party_invite(self, state, sender, target):
        key = encode_verify_key_base64(get_verify_key(IDENTITY_KEY))
        content = {"public_keys": [{"public_key": key}]} if self.random.random() < 0.5 else {"public_key": key}
        return "m.room.third_party_invite", self.random.choice(["a", "b"]), sender, content

    def third_party_redemption(self, state, sender, target):
        token = self.random.choice(["a", "b"])
        issued = state.get(("m.room.third_party_invite", token))
        if issued and self.random.random() < 0.8:
            sender = self.events[issued].sender
        signed = sign_json({"mxid": target, "token": token}, "identity.test", IDENTITY_KEY)
        if self.random.random() < 0.2:
            signed["token"] = "a"
        return "m.room.member", target, sender, {"membership": "invite", "third_party_invite": {"signed": signed}}

    # The whole

    def scenario(self, steps):
        for _ in range(steps):
            self.step()
        states = [branch["state"] for branch in self.branches]
        if len(states) > 1:
            self.resolve(states)
        for _ in range(3):
            self.resolve([self.distort(self.random.choice(states)) for _ in range(self.random.randint(2, 4))])
        candidates = sorted(event_id for event_id in self.events if event_id != self.create.event_id)
        for _ in range(2):
            rejected = frozenset(self.random.sample(candidates, min(len(candidates), self.random.randint(1, 4))))
            self.resolve([self.distort(self.random.choice(states)) for _ in range(self.random.randint(2, 4))], rejected)
        return {"events": self.rows, "resolutions": self.resolutions}

    def distort(self, state):
        """A state as a peer might have claimed it: some keys older, newer or missing."""
        state = dict(state)
        for _ in range(self.random.randrange(4)):
            key = self.random.choice(sorted(self.by_key))
            if key == ("m.room.create", ""):
                continue
            if self.random.random() < 0.75:
                state[key] = self.random.choice(self.by_key[key])
            else:
                state.pop(key, None)
        return state


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=100, help="scenarios per version")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--versions", nargs="+", default=VERSIONS)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for version in options.versions:
        scenarios = [Room(version, seed).scenario(options.steps) for seed in range(options.first, options.first + options.count)]
        document = {
            "provenance": "Generated and resolved with matrix-synapse 1.163.2 from PyPI by scripts/vectors/synapse-state-res.py; "
            f"seeds {options.first} to {options.first + options.count - 1}, {options.steps} steps",
            "version": version,
            "baseTs": BASE_TS,
            "scenarios": scenarios,
        }
        text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
        path = options.out / f"v{version}.json.gz"
        path.write_bytes(gzip.compress(text.encode(), mtime=0))
        tried = sum(len(scenario["events"]) for scenario in scenarios)
        resolutions = sum(len(scenario["resolutions"]) for scenario in scenarios)
        print(f"version {version}: {len(scenarios)} scenarios, {tried} events tried, {resolutions} resolutions, {path.stat().st_size} bytes")


main()
