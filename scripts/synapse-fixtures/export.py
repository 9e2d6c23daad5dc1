"""What Synapse has stored about rooms, read from its SQLite database and written as a fixture."""

import gzip
import json
import sqlite3

import synapse


class Database:
    def __init__(self, path):
        self.path = path

    def rows(self, statement, *values):
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=30)
        try:
            return connection.execute(statement, values).fetchall()
        finally:
            connection.close()

    def has(self, event_id):
        """Whether Synapse has decided about an event and stored it."""
        return bool(self.rows("SELECT 1 FROM events WHERE event_id = ?", event_id))

    def events(self, room_id):
        """In the order in which Synapse stored them: ID, PDU, whether it was rejected, whether it was soft-failed, state group."""
        rows = self.rows(
            "SELECT e.event_id, j.json, j.internal_metadata, r.reason, g.state_group FROM events e"
            " JOIN event_json j USING (event_id) LEFT JOIN rejections r USING (event_id)"
            " LEFT JOIN event_to_state_groups g USING (event_id) WHERE e.room_id = ? AND NOT e.outlier ORDER BY e.stream_ordering",
            room_id,
        )
        for event_id, text, metadata, reason, group in rows:
            pdu = json.loads(text)
            for key in ("unsigned", "redacted", "redacted_because", "age_ts"):
                pdu.pop(key, None)
            yield event_id, pdu, reason is not None, bool(json.loads(metadata).get("soft_failed")), group

    def state(self, group):
        """The event IDs of a state group, which is stored as differences."""
        chain = self.rows(
            "WITH RECURSIVE chain(id, depth) AS (VALUES (?, 0) UNION ALL SELECT e.prev_state_group, chain.depth + 1"
            " FROM state_group_edges e, chain WHERE chain.id = e.state_group)"
            " SELECT s.type, s.state_key, s.event_id FROM chain JOIN state_groups_state s ON s.state_group = chain.id ORDER BY chain.depth DESC",
            group,
        )
        return {(kind, state_key): event_id for kind, state_key, event_id in chain}

    def current(self, room_id):
        return [row[0] for row in self.rows("SELECT event_id FROM current_state_events WHERE room_id = ?", room_id)]


def write_fixture(folder, version, labelled, keys, database):
    """Writes the rooms of one version; `labelled` are room IDs with the versions of the rooms."""
    rooms = [room_data(label, room_id, room_version, database) for label, (room_id, room_version) in labelled.items()]
    fixture = {
        "provenance": f"Made by scripts/synapse-fixtures/make.py with Synapse {synapse.__version__}: a running server and a scripted one",
        "version": version,
        "keys": keys,
        "rooms": rooms,
    }
    data = json.dumps(fixture, ensure_ascii=False, separators=(",", ":")).encode()
    # Without a time, so that only the content decides about the bytes.
    (folder / f"v{version}.json.gz").write_bytes(gzip.compress(data, 9, mtime=0))


def room_data(label, room_id, room_version, database):
    stored = list(database.events(room_id))
    places = {row[0]: place for place, row in enumerate(stored)}
    states, events = {}, []
    for event_id, pdu, rejected, soft_failed, group in stored:
        entry = {"eventId": event_id, "pdu": pdu, "stateAfter": group}
        if rejected:
            entry["rejected"] = True
        if soft_failed:
            entry["softFailed"] = True
        if group not in states:
            states[group] = sorted(places[cited] for cited in database.state(group).values())
        events.append(entry)
    numbers = {group: number for number, group in enumerate(states)}
    for entry in events:
        entry["stateAfter"] = numbers[entry["stateAfter"]]
    current = sorted(places[event_id] for event_id in database.current(room_id))
    return {"label": label, "roomId": room_id, "version": room_version, "events": events, "states": list(states.values()), "current": current}
