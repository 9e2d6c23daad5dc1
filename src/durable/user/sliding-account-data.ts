import { accountDataOfRoom, DELETED } from '../../storage/user/account-data.ts'
import type { SlidingPlan, SlidingPlannedRoom } from '../sliding-protocol.ts'
import { pushRulesContent } from './push-rules.ts'
import type { Connection } from './sliding-connection.ts'
import { GLOBAL, type ScopesOfRequest } from './sliding-scopes.ts'
import type { SlidingToken } from './sliding-token.ts'
import { accountDataSince } from './sync-own.ts'
import type { UserCore } from './user-core.ts'

/** Rooms of which one response tells all account data, besides those that it shows: the rest follows with the next, at once. */
const MAX_ENTERING_ROOMS = 200

/** What account data a response tells, and where the client is afterwards. */
export interface AccountDataNews {
  readonly global: string | undefined
  readonly rooms: SlidingPlan['roomAccountData']
  /** Rooms of which the client then has all of it, and {@link GLOBAL}. */
  readonly told: readonly string[]
  readonly upTo: number
}

/** What account data is told by: what a request has in scope, and what the client of the connection knows. */
export interface AccountDataScope {
  readonly since: SlidingToken | undefined
  readonly connection: Connection
  readonly scopes: ScopesOfRequest
}

/** Account data of rooms in scope: all of those that are new there, otherwise what changed; and of no room likewise (MSC4548). */
export function accountDataNews(
  core: UserCore,
  { since, connection, scopes }: AccountDataScope,
  planned: readonly SlidingPlannedRoom[],
): AccountDataNews | undefined {
  const inScope = scopes.accountData
  if (inScope === undefined) return undefined
  const { ownData, filters } = core.feedKeeper
  const changes = since === undefined ? undefined : accountDataSince(core, since.sync.accountData, filters.resolve(core, undefined))
  const startsAnew = since === undefined || connection.scopes.hasEntered('accountData', scopes, GLOBAL)
  const byRoom = new Map<string, readonly string[]>()
  for (const [roomId, events] of changes?.byRoom ?? []) if (inScope.has(roomId)) byRoom.set(roomId, events)
  const entering = enteringRooms(core, connection, scopes, planned)
  for (const roomId of entering) {
    // Who starts from nothing need not hear what is not there.
    const pieces = accountDataOfRoom(core.store, roomId).filter(({ content }) => since !== undefined || content !== DELETED)
    if (pieces.length > 0)
      byRoom.set(
        roomId,
        pieces.map(({ type, content }) => eventJson(type, content)),
      )
  }
  return {
    global: startsAnew ? allGlobal(core) : changes?.global,
    rooms: [...byRoom].map(([roomId, events]) => ({ roomId, events: `[${events.join(',')}]` })),
    told: startsAnew ? [GLOBAL, ...entering] : entering,
    upTo: changes?.upTo ?? ownData.accountDataId(core),
  }
}

/** Rooms in scope that have account data of which the client need not have all: those that the response shows anew, and others that it shows or has shown. */
function enteringRooms(
  core: UserCore,
  connection: Connection,
  scopes: ScopesOfRequest,
  planned: readonly SlidingPlannedRoom[],
): readonly string[] {
  const { accountData: inScope = new Set<string>() } = scopes
  const withData = core.feedKeeper.ownData.roomsWithData(core)
  const isInitial = new Map(planned.map((room) => [room.roomId, room.isInitial]))
  const entering: string[] = []
  let others = 0
  for (const roomId of inScope) {
    if (!withData.has(roomId)) continue
    const isShown = isInitial.has(roomId)
    if (isInitial.get(roomId) !== true && !connection.scopes.hasEntered('accountData', scopes, roomId)) continue
    if (!isShown && (connection.sent(roomId) === undefined || others >= MAX_ENTERING_ROOMS)) continue
    if (!isShown) others += 1
    entering.push(roomId)
  }
  return entering
}

function allGlobal(core: UserCore): string {
  const pieces = accountDataOfRoom(core.store, '').filter(({ type, content }) => type !== 'm.push_rules' && content !== DELETED)
  const events = pieces.map(({ type, content }) => eventJson(type, content))
  return `[${[eventJson('m.push_rules', JSON.stringify(pushRulesContent(core))), ...events].join(',')}]`
}

function eventJson(type: string, content: string): string {
  return `{"type":${JSON.stringify(type)},"content":${content}}`
}
