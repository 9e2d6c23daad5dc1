import type { ObjectStore } from '../object-store.ts'

/** Up to which item of a sender's outbox everything is in the database. */
export function readPeerPosition(store: ObjectStore, sender: string): number {
  return store.first<{ id: number }>('SELECT id FROM peer_positions WHERE sender = ?', sender)?.id ?? 0
}

/** Notes how far a sender's outbox has been taken. */
export function writePeerPosition(store: ObjectStore, sender: string, id: number): void {
  store.run('INSERT OR REPLACE INTO peer_positions (sender, id) VALUES (?, ?)', sender, id)
}
