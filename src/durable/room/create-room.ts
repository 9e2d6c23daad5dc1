import { badJson, MatrixError, unsupportedRoomVersion } from '../../matrix/errors.ts'
import { parsePdu } from '../../matrix/events/parse-pdu.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { findRoomVersionRules } from '../../matrix/room-versions/rules.ts'
import { authStateOf } from '../../state-resolution/auth/auth-state.ts'
import { checkAuth } from '../../state-resolution/auth/check-auth.ts'
import { EMPTY_GROUP } from '../../storage/room/state-groups.ts'
import { appendLocalEvent, persistLive } from './append/append-local-event.ts'
import type { Draft } from './append/draft.ts'
import { type Committed, finishDraft } from './append/finish-draft.ts'
import { REGISTRY_DUE, REGISTRY_RETRY_MS } from './registry-report.ts'
import type { RoomCore } from './room-core.ts'

/** Worker → room: make this room, its creator joined, in one commit. */
export interface CreateRoomRequest {
  readonly roomId: string
  readonly version: string
  readonly generation: string
  /** The create event as built by the Worker, which needs its hash to name the room (v12). */
  readonly createPdu: JsonObject
  readonly creator: string
  /** The state after the create event in order: creator's join, power levels, preset, initial state, name, topic, invites. */
  readonly initialEvents: readonly {
    readonly type: string
    readonly stateKey: string
    readonly content: JsonObject
    readonly sender: string
  }[]
  readonly originServerTs: number
}

/** The schema was made just now: there is nothing in it that anybody would have to ask for. */
function startEmpty({ events, keys, groups, state, members }: RoomCore): void {
  for (const table of [events, keys, groups, state, members]) table.startEmpty()
}

/** Creates the room; the caller starts delivering the draft's notices afterwards. Idempotent for the same request. */
export function createRoom(core: RoomCore, request: CreateRoomRequest, requestId: string): Committed | undefined {
  const existing = core.findHead()
  if (existing !== undefined) {
    if (existing.generation === request.generation && existing.life === 'active') return undefined
    throw new MatrixError(409, 'M_ROOM_IN_USE', 'That room exists')
  }
  const rules = findRoomVersionRules(request.version)
  if (rules === undefined) throw unsupportedRoomVersion()
  const parsed = parsePdu(request.createPdu, rules, request.roomId)
  if (!parsed.ok) throw badJson(`The create event is malformed: ${parsed.reason}`)
  const verdict = checkAuth(parsed.event, authStateOf([]), rules)
  if (!verdict.allowed) throw badJson(verdict.message)
  try {
    const committed = core.store.transaction(requestId, () => {
      // Within the same commit: a room that is refused leaves no schema behind.
      const isNew = !core.store.exists()
      core.store.migrate()
      if (isNew) startEmpty(core)
      const started: Draft = {
        head: {
          roomId: request.roomId,
          version: request.version,
          generation: request.generation,
          life: 'active',
          headPos: 0,
          reservedPos: 0,
          extremities: [],
          currentGroup: EMPTY_GROUP,
          createdTs: request.originServerTs,
          federationPos: 0,
        },
        rules,
        nextPos: 1,
        appended: [],
        notices: [],
        localMembersChanged: new Set(),
        outgoing: false,
        tellsServers: false,
      }
      persistLive(core, started, parsed.event, { txn: undefined, replaces: undefined })
      for (const event of request.initialEvents) {
        appendLocalEvent(core, started, { ...event, originServerTs: request.originServerTs })
      }
      core.due.ensure(REGISTRY_DUE, '', core.nowMs() + REGISTRY_RETRY_MS)
      return finishDraft(core, started)
    })
    core.adopt(committed.draft.head)
    return committed
  } catch (cause) {
    core.forgetCaches()
    throw cause
  }
}
