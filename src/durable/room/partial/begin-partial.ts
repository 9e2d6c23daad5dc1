import type { RoomEvent } from '../../../matrix/events/room-event.ts'
import { isServerName } from '../../../matrix/ids/server-name.ts'
import { isPlaced } from '../../../storage/room/events.ts'
import { forgetIncomplete, writePartialRoom, writeResidentServers, writeToldState } from '../../../storage/room/partial-room.ts'
import type { RoomCore } from '../room-core.ts'
import { MAX_RESIDENT_SERVERS, PARTIAL_RETRY_MS } from './limits.ts'

/** `due` kind of the work of having the state of a room completed. */
export const PARTIAL_DUE = 'partial'

/** What an answer that leaves members out says of them (MSC3706). */
export interface OmittedMembers {
  /** The server that let us in. */
  readonly via: string
  /** Servers that are said to be in the room. */
  readonly servers: readonly string[]
}

/**
 * Notes in the commit of a join whether members were left out of the state that came with it, and what is to be fetched for that. The caller holds the transaction.
 * @param statePos the position as of which the state before the join is written.
 * @param omitted `undefined` where the state is whole.
 */
export function notePartialJoin(core: RoomCore, join: RoomEvent, statePos: number, omitted: OmittedMembers | undefined): void {
  const missing = omitted === undefined ? [] : join.prevEvents.filter((eventId) => !isHere(core, eventId))
  // What an earlier stay in the room has left is history, and stays as it is, unless this one builds on it.
  if (omitted === undefined || missing.length === join.prevEvents.length) forgetIncomplete(core.store)
  core.store.run('DELETE FROM partial_room')
  core.partial.forget()
  if (omitted === undefined) return
  const { via, servers } = omitted
  const others = [via, ...servers].filter((name) => isServerName(name) && name !== core.config.serverName)
  writeResidentServers(core.store, others.slice(0, MAX_RESIDENT_SERVERS))
  writePartialRoom(core.store, { eventId: join.eventId, statePos, via, filled: false, completedPos: undefined })
  for (const afterId of missing) writeToldState(core.store, { eventId: join.eventId, afterId, group: 0 })
  core.due.ensure(PARTIAL_DUE, '', core.nowMs() + PARTIAL_RETRY_MS)
  core.members.forgetCache()
}

function isHere(core: RoomCore, eventId: string): boolean {
  const stored = core.events.findById(eventId)
  return stored !== undefined && isPlaced(stored)
}
