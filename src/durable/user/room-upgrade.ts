import { MatrixError } from '../../matrix/errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../matrix/json.ts'
import { putPushRule } from '../../matrix/push-rules/settings.ts'
import { log } from '../../runtime/log.ts'
import { readAccountData } from '../../storage/user/account-data.ts'
import type { MembershipNotice } from '../protocol.ts'
import { setAccountData } from './account-data.ts'
import { changePushSettings, pushRulesetOf } from './push-rules.ts'
import type { UserCore } from './user-core.ts'

const TAGS = 'm.tag'
const DIRECT = 'm.direct'
/** In whose name settings go along. */
const REQUEST = 'room upgrade'

/** The room that the one which the user is joining now replaces, if they had to do with it. To be asked before the notice is taken. */
export function roomInheritedFrom(core: UserCore, { roomId, membership, predecessor }: MembershipNotice): string | undefined {
  if (membership !== 'join' || predecessor === undefined || !core.store.exists()) return undefined
  const { rooms } = core.feedKeeper.feed
  return rooms.find(roomId)?.membership === 'join' || rooms.find(predecessor) === undefined ? undefined : predecessor
}

/**
 * The user has joined a room that replaces another: what they had set for the old one holds for the new one too, unless they have set something
 * there already (client-server-api#room-upgrades). Never fails.
 */
export function inheritRoomSettings(core: UserCore, oldRoomId: string, newRoomId: string): void {
  try {
    inheritPushRule(core, oldRoomId, newRoomId)
    inheritTags(core, oldRoomId, newRoomId)
    inheritDirect(core, oldRoomId, newRoomId)
  } catch (cause) {
    if (!(cause instanceof MatrixError)) throw cause
    log.info(`settings did not go along to a room that replaces another: ${cause.message}`)
  }
}

function inheritPushRule(core: UserCore, oldRoomId: string, newRoomId: string): void {
  const { room } = pushRulesetOf(core)
  const rule = room.find(({ rule_id: id }) => id === oldRoomId)
  if (rule === undefined || room.some(({ rule_id: id }) => id === newRoomId)) return
  changePushSettings(core, REQUEST, (settings) => putPushRule(settings, 'room', { ...rule, rule_id: newRoomId }))
}

function inheritTags(core: UserCore, oldRoomId: string, newRoomId: string): void {
  const tags = contentOf(core, oldRoomId, TAGS)
  if (tags !== undefined && contentOf(core, newRoomId, TAGS) === undefined) {
    setAccountData(core, { roomId: newRoomId, type: TAGS }, tags, REQUEST)
  }
}

function inheritDirect(core: UserCore, oldRoomId: string, newRoomId: string): void {
  const direct = contentOf(core, '', DIRECT)
  if (direct === undefined) return
  let changed = false
  const entries = Object.entries(direct).map(([userId, rooms]): [string, JsonValue | undefined] => {
    if (!Array.isArray(rooms) || !rooms.includes(oldRoomId) || rooms.includes(newRoomId)) return [userId, rooms]
    changed = true
    return [userId, [...rooms, newRoomId]]
  })
  if (changed) setAccountData(core, { roomId: '', type: DIRECT }, Object.fromEntries(entries), REQUEST)
}

function contentOf(core: UserCore, roomId: string, type: string): JsonObject | undefined {
  const text = readAccountData(core.store, roomId, type)
  const content: unknown = text === undefined ? undefined : JSON.parse(text)
  return isJsonObject(content) ? content : undefined
}
