import { forbidden, MatrixError } from '../../matrix/errors.ts'
import { isRoomId } from '../../matrix/ids/room-id.ts'
import { parseUserId } from '../../matrix/ids/user-id.ts'
import { isJsonObject } from '../../matrix/json.ts'
import type { Membership } from '../../matrix/membership.ts'
import type { PowerLevels } from '../../matrix/power-levels.ts'
import type { RoomCore } from './room-core.ts'

/** Conditions of a join rule that are looked at; more are ignored. */
const MAX_CONDITIONS = 100
/** Joined members looked at, page by page, to find one who may invite. */
const MAX_AUTHORISER_PAGES = 20
const AUTHORISER_PAGE = 500

/**
 * The rooms one of which a user must have joined to join this one without an invitation (client-server-api#restricted-rooms), or `undefined`
 * where the rule asks for nothing of that kind: then the authorization rules alone decide.
 */
export function conditionsOfJoin(core: RoomCore, before: Membership | undefined): readonly string[] | undefined {
  if (before === 'join' || before === 'invite' || before === 'ban') return undefined
  const event = core.currentEvent('m.room.join_rules', '')
  if (event === undefined) return undefined
  const { content } = core.roomEvent(event, core.roomId)
  const { rules } = core
  const restricted =
    (content.join_rule === 'restricted' && rules.restrictedJoins) || (content.join_rule === 'knock_restricted' && rules.knockRestricted)
  if (!restricted) return undefined
  const allow = Array.isArray(content.allow) ? content.allow : []
  return allow.slice(0, MAX_CONDITIONS).flatMap((condition) => {
    if (!isJsonObject(condition) || condition.type !== 'm.room_membership') return []
    const { room_id: roomId } = condition
    return typeof roomId === 'string' && isRoomId(roomId) ? [roomId] : []
  })
}

/**
 * A member of this server who may invite, and so vouches for a join whose condition holds.
 * @throws MatrixError M_FORBIDDEN where no condition holds; M_UNABLE_TO_GRANT_JOIN where nobody here may invite.
 */
export function authoriserOfJoin(core: RoomCore, conditions: readonly string[], memberOf: readonly string[]): string {
  if (!conditions.some((roomId) => memberOf.includes(roomId))) {
    throw forbidden('This room admits members of certain other rooms, and you are in none of them')
  }
  const power = core.powerLevels()
  const authoriser = findNamedInviter(core, power) ?? findAnyInviter(core, power)
  if (authoriser === undefined) {
    throw new MatrixError(403, 'M_UNABLE_TO_GRANT_JOIN', 'Nobody on this server may let you into that room')
  }
  return authoriser
}

/** Somebody whom the power levels or the create event name. */
function findNamedInviter(core: RoomCore, power: PowerLevels): string | undefined {
  const { create, get } = core.authState(core.roomId)
  const users = get('m.room.power_levels', '')?.content.users
  const additional = create?.content.additional_creators
  const named = [
    ...(create === undefined ? [] : [create.sender]),
    ...(Array.isArray(additional) ? additional.filter((userId) => typeof userId === 'string') : []),
    ...(isJsonObject(users) ? Object.keys(users) : []),
  ]
  return named.find((userId) => isLocalMember(core, userId) && power.userLevel(userId) >= power.invite)
}

/** Anybody, where the ordinary level suffices. */
function findAnyInviter(core: RoomCore, power: PowerLevels): string | undefined {
  let after = ''
  for (let page = 0; page < MAX_AUTHORISER_PAGES; page += 1) {
    const members = core.members.list(['join'], after, AUTHORISER_PAGE)
    const found = members.find(({ userId, local }) => local && power.userLevel(userId) >= power.invite)
    if (found !== undefined) return found.userId
    const last = members.at(-1)
    if (last === undefined || members.length < AUTHORISER_PAGE) return undefined
    after = last.userId
  }
  return undefined
}

function isLocalMember(core: RoomCore, userId: string): boolean {
  if (parseUserId(userId)?.serverName !== core.config.serverName) return false
  return core.members.find(userId)?.membership === 'join'
}
