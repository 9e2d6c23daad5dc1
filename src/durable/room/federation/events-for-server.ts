import { DUMMY_EVENT_TYPE } from '../../../matrix/events/dummy-event.ts'
import { parseUserId } from '../../../matrix/ids/user-id.ts'
import { isJsonObject } from '../../../matrix/json.ts'
import { type StoredEvent, toPdu } from '../../../storage/room/events.ts'
import { readRelayed } from '../../../storage/room/relayed.ts'
import type { RoomCore } from '../room-core.ts'
import { MAX_PDUS_FOR_SERVER, MAX_SCANNED_FOR_SERVER } from './limits.ts'
import { isServerAllowed } from './server-access.ts'

/** Room → remote server's queue: what the server is to receive after a position, in order. */
export interface EventsForServer {
  /** PDUs as JSON texts. */
  readonly pdus: readonly string[]
  /** Everything up to here has been looked at: the next page starts behind it. */
  readonly nextPos: number
  /** Whether there may be more behind `nextPos`. */
  readonly more: boolean
}

const NOTHING = { pdus: [], more: false } as const

/**
 * Events after a position that this server sends to another: those of its own users, and those that it took in through `send_join` and its
 * siblings, as far as the other server was in the room before or after the event, or is the server of whoever the event removes. A page; the
 * answer is a function of the position, so that asking again after a failure loses and doubles nothing.
 */
export function eventsForServer(core: RoomCore, serverName: string, fromPos: number, limit: number): EventsForServer {
  const head = core.findHead()
  if (head?.life !== 'active') return { ...NOTHING, nextPos: fromPos }
  const scanned = core.events.livePage(fromPos, MAX_SCANNED_FOR_SERVER)
  const last = scanned.at(-1)?.pos
  if (last === undefined) return { ...NOTHING, nextPos: head.headPos }
  const relayed = readRelayed(core.store, fromPos, last)
  const presence = presenceAfter(core, serverName, fromPos)
  const wanted = Math.max(1, Math.min(limit, MAX_PDUS_FOR_SERVER))
  const pdus: string[] = []
  for (const event of scanned) {
    if (event.pos === undefined || !isOurs(core, event, relayed, serverName)) continue
    if (!presence.around(event.pos) && !removesUserOf(core, event, serverName)) continue
    // A denied server is not told, except that it is: the list itself and what removes its users.
    if (!isServerAllowed(core, serverName) && event.type !== 'm.room.server_acl' && !removesUserOf(core, event, serverName)) continue
    if (pdus.length === wanted) return { pdus, nextPos: event.pos - 1, more: true }
    pdus.push(JSON.stringify(toPdu(event, core.roomId)))
  }
  return { pdus, nextPos: last, more: last < head.headPos }
}

function isOurs(core: RoomCore, event: StoredEvent, relayed: ReadonlyMap<number, string>, serverName: string): boolean {
  // Whoever needs it to join the graph's ends asks for it.
  if (event.type === DUMMY_EVENT_TYPE) return false
  const origin = relayed.get(event.pos ?? 0)
  if (origin !== undefined) return origin !== serverName
  return parseUserId(event.sender)?.serverName === core.config.serverName
}

/** Whether an event ends the membership, the invitation or the knock of somebody of the server. Bans of strangers are nobody's business. */
export function removesUserOf(core: RoomCore, event: StoredEvent, serverName: string): boolean {
  if (event.type !== 'm.room.member' || event.stateKey === undefined || event.stateKey === event.sender) return false
  if (event.replaces === undefined || parseUserId(event.stateKey)?.serverName !== serverName) return false
  const isOut = (stored: StoredEvent): boolean => {
    const content: unknown = JSON.parse(stored.content)
    return isJsonObject(content) && (content.membership === 'leave' || content.membership === 'ban')
  }
  return isOut(event) && !isOut(core.events.get(event.replaces))
}

/** Whether a server was in the room right before or after a position above `fromPos`: today's members with later movements taken back. */
function presenceAfter(core: RoomCore, serverName: string, fromPos: number): { around(pos: number): boolean } {
  const movements = core.state.changes(fromPos, core.head.headPos).flatMap((change) => {
    const event = change.newNid !== 0 ? core.events.get(change.newNid) : core.events.get(change.oldNid)
    if (event.type !== 'm.room.member' || parseUserId(event.stateKey ?? '')?.serverName !== serverName) return []
    const step = Number(isJoin(core, change.newNid)) - Number(isJoin(core, change.oldNid))
    return step === 0 ? [] : [{ pos: change.pos, step }]
  })
  const now = core.members.joinedOfServer(serverName)
  if (movements.length === 0) return { around: () => now > 0 }
  const at = (pos: number): number => movements.reduce((count, movement) => (movement.pos > pos ? count - movement.step : count), now)
  return { around: (pos) => at(pos) > 0 || at(pos - 1) > 0 }
}

/** Whether an event number, 0 for none, is a join. */
export function isJoin(core: RoomCore, nid: number): boolean {
  if (nid === 0) return false
  const content: unknown = JSON.parse(core.events.get(nid).content)
  return isJsonObject(content) && content.membership === 'join'
}
