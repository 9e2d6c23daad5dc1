import { runInDurableObject } from 'cloudflare:test'
import { parsePdu } from '../../src/matrix/events/parse-pdu.ts'
import type { RoomEvent } from '../../src/matrix/events/room-event.ts'
import { findRoomVersionRules } from '../../src/matrix/room-versions/rules.ts'
import { ObjectStore } from '../../src/storage/object-store.ts'
import { EventTable, toPdu } from '../../src/storage/room/events.ts'
import { ROOM_MIGRATIONS } from '../../src/storage/room/migrations.generated.ts'
import type { LocalRoom } from './local-room.ts'
import { RemoteBranch } from './remote-events.ts'

/** The room as another server would hold it after a join. */
export async function branchOf(room: Pick<LocalRoom, 'roomId' | 'stub'>, version: string): Promise<RemoteBranch> {
  const rules = findRoomVersionRules(version)
  if (rules === undefined) throw new Error(version)
  return runInDurableObject(room.stub, (_room, state) => {
    const store = new ObjectStore(state.storage, ROOM_MIGRATIONS)
    const table = new EventTable(store)
    const all = store.all<{ nid: number }>('SELECT nid FROM events ORDER BY nid').map(({ nid }) => table.get(nid))
    const events = all.map((stored): RoomEvent => {
      const parsed = parsePdu(toPdu(stored, room.roomId), rules, room.roomId)
      if (!parsed.ok) throw new Error(parsed.reason)
      return parsed.event
    })
    const current = new Map<string, RoomEvent>()
    for (const event of events) if (event.stateKey !== undefined) current.set(`${event.type}\u0000${event.stateKey}`, event)
    return new RemoteBranch(room.roomId, rules, events.slice(-1), current)
  })
}
