import type { ObjectStore } from '../object-store.ts'
import { EVENT_STATUSES } from './event-row.ts'
import type { EventTable, StoredEvent } from './events.ts'

/**
 * Gives a placed event other states around it, because those that it was placed on were incomplete. One that is rejected after all loses its place in the
 * order. The caller holds the transaction.
 */
export function restateEvent(
  store: ObjectStore,
  events: EventTable,
  event: StoredEvent,
  states: Pick<StoredEvent, 'groupBefore' | 'groupAfter' | 'status' | 'replaces'>,
): void {
  const isOut = states.status === 'rejected'
  store.run(
    'UPDATE events SET group_before = ?, group_after = ?, status = ?, replaces = ?, pos = ?, ord = ? WHERE nid = ?',
    states.groupBefore,
    states.groupAfter,
    EVENT_STATUSES.indexOf(states.status),
    states.replaces ?? null,
    isOut ? null : (event.pos ?? null),
    isOut ? null : (event.ord ?? null),
    event.nid,
  )
  events.forgetCache()
  if (isOut && event.ord !== undefined) events.relations.remove(event.nid)
}

/** An event turns out to replace another. The caller holds the transaction. */
export function setReplaces(store: ObjectStore, events: EventTable, nid: number, replaces: number): void {
  store.run('UPDATE events SET replaces = ? WHERE nid = ?', replaces, nid)
  events.forgetCache()
}
