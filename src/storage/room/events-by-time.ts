import type { ObjectStore } from '../object-store.ts'

/** `f`: forwards in time, `b`: backwards. */
export type TimeDirection = 'f' | 'b'

/** Numbers of events with a place in the order, from a time on, the closest first; of those of one time the first in the direction. */
export function eventsNearTime(store: ObjectStore, direction: TimeDirection, ts: number, skip: number, limit: number): number[] {
  const [compare, order] = direction === 'f' ? ['>=', 'ASC'] : ['<=', 'DESC']
  return store
    .all<{ nid: number }>(
      `SELECT nid FROM events WHERE ord IS NOT NULL AND origin_server_ts ${compare} ?
       ORDER BY origin_server_ts ${order}, ord ${order} LIMIT ? OFFSET ?`,
      ts,
      limit,
      skip,
    )
    .map(({ nid }) => nid)
}
