import type { ObjectStore } from '../object-store.ts'

/** What a peer is told: messages for its devices, or that this user's devices changed. */
export type PeerItemKind = 'to_device' | 'devices'

/** One item of the outbox. */
export interface OutboxRow {
  readonly id: number
  readonly kind: PeerItemKind
  /** JSON text. */
  readonly payload: string
}

type Columns = { id: number; kind: PeerItemKind; payload: string }

/** The highest ID that any item or change of devices had whose ID may be known elsewhere; 0 where there was none. */
export function highestOutboxId(store: ObjectStore): number {
  const row = store.first<{ highest: number | null }>(
    `SELECT max(id) AS highest FROM
       (SELECT max(id) AS id FROM peer_outbox UNION ALL SELECT id FROM peer_heads WHERE name IN ('outbox', 'devices'))`,
  )
  return row?.highest ?? 0
}

/** The number of the latest change of the account's devices, which other servers know as its `stream_id`; 0 before the first. */
export function readDeviceStream(store: ObjectStore): number {
  return store.first<{ id: number }>("SELECT id FROM peer_heads WHERE name = 'devices'")?.id ?? 0
}

/** Numbers a change of the account's devices. */
export function writeDeviceStream(store: ObjectStore, id: number): void {
  store.run("INSERT OR REPLACE INTO peer_heads (name, id) VALUES ('devices', ?)", id)
}

/** Remembers the highest ID before items are deleted. */
export function writeOutboxHead(store: ObjectStore, id: number): void {
  store.run("INSERT OR REPLACE INTO peer_heads (name, id) VALUES ('outbox', ?)", id)
}

/** How many items there are. */
export function countOutbox(store: ObjectStore): number {
  return store.first<{ count: number }>('SELECT count(*) AS count FROM peer_outbox')?.count ?? 0
}

/** Adds an item. Without a peer: for everybody who shares a room. */
export function insertOutboxItem(store: ObjectStore, peer: string | undefined, { id, kind, payload }: OutboxRow): void {
  store.run('INSERT INTO peer_outbox (id, peer, kind, payload) VALUES (?, ?, ?, ?)', id, peer ?? null, kind, payload)
}

/**
 * Adds the news that devices changed for several peers, under consecutive IDs from `firstId`, in the order given. News that are a peer's last item
 * are replaced: what they say is said again.
 */
export function insertDeviceNews(store: ObjectStore, peers: readonly string[], firstId: number): void {
  insertForPeers(store, peers, firstId, 'devices', '{}', true)
}

/** Peers that have not acknowledged everything. */
export function outboxPeers(store: ObjectStore): string[] {
  return store.all<{ peer: string }>('SELECT DISTINCT peer FROM peer_outbox WHERE peer IS NOT NULL').map(({ peer }) => peer)
}

/** A peer's items above an ID, in order. */
export function outboxItems(store: ObjectStore, peer: string, after: number, limit: number): OutboxRow[] {
  return store.all<Columns>('SELECT id, kind, payload FROM peer_outbox WHERE peer = ? AND id > ? ORDER BY id LIMIT ?', peer, after, limit)
}

/**
 * Adds the same item for several peers, under consecutive IDs from `firstId`, in the order given.
 * @param replace whether it takes the place of a peer's last item where that is of the same kind.
 */
export function insertForPeers(
  store: ObjectStore,
  peers: readonly string[],
  firstId: number,
  kind: PeerItemKind,
  payload: string,
  replace: boolean,
): void {
  if (peers.length === 0) return
  const list = JSON.stringify(peers)
  if (replace) deleteLast(store, kind, list)
  store.run(
    'INSERT INTO peer_outbox (id, peer, kind, payload) SELECT ?1 + key, value, ?3, ?4 FROM json_each(?2)',
    firstId,
    list,
    kind,
    payload,
  )
}

function deleteLast(store: ObjectStore, kind: PeerItemKind, peers: string): void {
  store.run(
    `DELETE FROM peer_outbox WHERE kind = ? AND peer IN (SELECT value FROM json_each(?))
       AND id = (SELECT max(latest.id) FROM peer_outbox AS latest WHERE latest.peer = peer_outbox.peer)`,
    kind,
    peers,
  )
}

/** The latest item for everybody who shares a room. */
export function latestAnnouncement(store: ObjectStore): number | undefined {
  return store.first<{ id: number | null }>('SELECT max(id) AS id FROM peer_outbox WHERE peer IS NULL')?.id ?? undefined
}

/** Items for everybody who shares a room, up to an ID, in order. */
export function announcementsUpTo(store: ObjectStore, upTo: number): OutboxRow[] {
  return store.all<Columns>('SELECT id, kind, payload FROM peer_outbox WHERE peer IS NULL AND id <= ? ORDER BY id', upTo)
}

/** Removes announcements up to an ID, after they were written out for each peer. */
export function deleteAnnouncements(store: ObjectStore, upTo: number): void {
  store.run('DELETE FROM peer_outbox WHERE peer IS NULL AND id <= ?', upTo)
}

/** Removes what a peer holds durably. */
export function deleteOutboxUpTo(store: ObjectStore, peer: string, upTo: number): void {
  store.run('DELETE FROM peer_outbox WHERE peer = ? AND id <= ?', peer, upTo)
}
