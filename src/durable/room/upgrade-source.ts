import { forbidden } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/json.ts'
import type { Caller } from '../protocol.ts'
import type { RoomCore } from './room-core.ts'

/** State that a room leaves to the one that replaces it (client-server-api#room-upgrades); power levels apart. */
const INHERITED_TYPES: readonly string[] = [
  'm.room.server_acl',
  'm.room.encryption',
  'm.room.name',
  'm.room.avatar',
  'm.room.topic',
  'm.room.guest_access',
  'm.room.history_visibility',
  'm.room.join_rules',
  'm.room.canonical_alias',
]
/** Bans that go along; more are left behind. */
const MAX_INHERITED_BANS = 1_000
/** Children that a space takes along. */
const MAX_INHERITED_CHILDREN = 1_000

/** Room → Worker: what a room leaves to the one that replaces it. */
export interface UpgradeSource {
  readonly version: string
  readonly createSender: string
  readonly createContent: JsonObject
  readonly powerLevels: JsonObject
  readonly state: readonly { readonly type: string; readonly stateKey: string; readonly content: JsonObject }[]
  readonly banned: readonly string[]
}

/** What the room leaves to its replacement. @throws MatrixError M_FORBIDDEN for whoever may not end the room. */
export function upgradeSource(core: RoomCore, caller: Caller): UpgradeSource {
  const power = core.powerLevels()
  if (core.members.find(caller.userId)?.membership !== 'join') throw forbidden('You are not in this room')
  if (power.userLevel(caller.userId) < power.eventLevel('m.room.tombstone', true)) throw forbidden('You may not upgrade this room')
  const { create } = core.authState(core.roomId)
  if (create === undefined) throw core.unknownRoom()
  const contentOf = (type: string): JsonObject | undefined => {
    const event = core.currentEvent(type, '')
    return event === undefined ? undefined : core.roomEvent(event, core.roomId).content
  }
  const inherited = INHERITED_TYPES.flatMap((type) => {
    const content = contentOf(type)
    return content === undefined ? [] : [{ type, stateKey: '', content }]
  })
  return {
    version: core.head.version,
    createSender: create.sender,
    createContent: create.content,
    powerLevels: contentOf('m.room.power_levels') ?? {},
    state: [...inherited, ...childrenOf(core)],
    banned: core.members.list(['ban'], '', MAX_INHERITED_BANS).map(({ userId }) => userId),
  }
}

function childrenOf(core: RoomCore): UpgradeSource['state'] {
  return core.events
    .getMany([...core.state.all(['m.space.child']).values()].slice(0, MAX_INHERITED_CHILDREN))
    .map((stored) => core.roomEvent(stored, core.roomId))
    .filter(({ content }) => Object.keys(content).length > 0)
    .map(({ stateKey = '', content }) => ({ type: 'm.space.child', stateKey, content }))
}
