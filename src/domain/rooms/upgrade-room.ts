import type { Caller } from '../../durable/protocol.ts'
import type { UpgradeSource } from '../../durable/room/upgrade-source.ts'
import { invalidParam, MatrixError } from '../../matrix/errors.ts'
import { isUserId } from '../../matrix/ids/user-id.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { ROOM_PRESETS } from '../../matrix/room-creation/presets.ts'
import type { MemberProfile, RoomPlan } from '../../matrix/room-creation/room-plan.ts'
import { upgradedPowerLevels } from '../../matrix/room-creation/upgrade-power-levels.ts'
import { findRoomVersionRules, type RoomVersionRules } from '../../matrix/room-versions/rules.ts'
import { log } from '../../runtime/log.ts'
import { unwrap } from '../../runtime/outcome.ts'
import { listAliases, moveAliases } from '../../storage/d1/aliases.ts'
import { isPublicRoom } from '../../storage/d1/public-rooms.ts'
import type { RequestContext } from '../context.ts'
import { CANONICAL_ALIAS } from '../directory/aliases.ts'
import { MAX_LISTED_ALIASES } from '../directory/limits.ts'
import { listedRoom } from './access.ts'
import { creatableRules } from './create-room.ts'
import { buildCreateEvent, makeRoom, randomRoomId } from './make-room.ts'

const POWER_LEVELS = 'm.room.power_levels'
/** Level that speaking and inviting need in a room that has been replaced. */
const CLOSED_LEVEL = 50

/**
 * Replaces a room by one of another version (client-server-api#post_matrixclientv3roomsroomidupgrade); answers the new room's ID.
 * @throws MatrixError M_FORBIDDEN for whoever may not end the room; M_UNSUPPORTED_ROOM_VERSION; what creating rooms throws.
 */
export async function upgradeRoom(
  ctx: RequestContext,
  roomId: string,
  newVersion: string,
  additionalCreators: readonly string[],
): Promise<string> {
  const rules = creatableRules(newVersion)
  if (!additionalCreators.every(isUserId)) throw invalidParam('additional_creators must be user IDs')
  const { caller, profile } = await listedRoom(ctx, roomId)
  const source = unwrap(await ctx.objects.room(roomId).upgradeSource(caller))
  const plan = planOf(source, { roomId, creator: caller.userId, profile, rules, additionalCreators })
  const newRoomId = await replace(ctx, caller, roomId, plan)
  await moveNames(ctx, caller, roomId, newRoomId, source)
  if (await isPublicRoom(ctx.registry, roomId)) await moveListing(ctx, caller, roomId, newRoomId)
  await closeRoom(ctx, caller, roomId, source)
  return newRoomId
}

/** Says in the old room what replaces it, and makes that. From version 12 on the ID is known first, before the event that it comes from is. */
async function replace(ctx: RequestContext, caller: Caller, roomId: string, plan: RoomPlan): Promise<string> {
  const announce = async (newRoomId: string): Promise<string> => {
    const content = { body: 'This room has been replaced', replacement_room: newRoomId }
    return sendState(ctx, caller, roomId, 'm.room.tombstone', content)
  }
  if (plan.rules.roomIdIsCreateHash) {
    const create = buildCreateEvent(ctx, plan)
    await announce(create.roomId)
    return makeRoom(ctx, caller, plan, create)
  }
  const newRoomId = randomRoomId(ctx)
  const eventId = await announce(newRoomId)
  const withEvent = { ...plan, creationContent: { ...plan.creationContent, predecessor: { room_id: roomId, event_id: eventId } } }
  return makeRoom(ctx, caller, withEvent, buildCreateEvent(ctx, withEvent, newRoomId))
}

interface NewRoom {
  readonly roomId: string
  readonly creator: string
  readonly profile: MemberProfile
  readonly rules: RoomVersionRules
  readonly additionalCreators: readonly string[]
}

function planOf(source: UpgradeSource, { roomId, creator, profile, rules, additionalCreators }: NewRoom): RoomPlan {
  const oldRules = findRoomVersionRules(source.version) ?? rules
  const oldCreate = { sender: source.createSender, content: source.createContent }
  const levels = { content: source.powerLevels, oldCreate, oldRules, rules, creator, additionalCreators }
  const { first, last } = upgradedPowerLevels(levels)
  const { type, 'm.federate': federate } = source.createContent
  return {
    rules,
    preset: ROOM_PRESETS.private_chat,
    creator,
    creatorProfile: profile,
    invite: [],
    isDirect: false,
    alias: undefined,
    name: undefined,
    topic: undefined,
    initialState: [
      { type: POWER_LEVELS, stateKey: '', content: first },
      ...source.state,
      ...source.banned.map((userId) => ({ type: 'm.room.member', stateKey: userId, content: { membership: 'ban' } })),
    ],
    creationContent: {
      ...(type === undefined ? {} : { type }),
      ...(federate === undefined ? {} : { 'm.federate': federate }),
      ...(rules.privilegedCreators && additionalCreators.length > 0 ? { additional_creators: [...additionalCreators] } : {}),
      predecessor: { room_id: roomId },
    },
    powerLevelOverride: undefined,
    finalPowerLevels: last,
  }
}

/** The old room's names on this server are the new one's. */
async function moveNames(ctx: RequestContext, caller: Caller, roomId: string, newRoomId: string, source: UpgradeSource): Promise<void> {
  const moved = await listAliases(ctx.registry, roomId, MAX_LISTED_ALIASES)
  if (moved.length === 0) return
  await moveAliases(ctx.registry, roomId, newRoomId)
  const canonical = source.state.find(({ type }) => type === CANONICAL_ALIAS)?.content
  if (canonical === undefined) return
  const { alias, alt_aliases: alternatives, ...rest } = canonical
  const others = Array.isArray(alternatives) ? alternatives.filter((name) => typeof name !== 'string' || !moved.includes(name)) : []
  const isMoved = typeof alias === 'string' && moved.includes(alias)
  const left: JsonObject = {
    ...rest,
    ...(isMoved || alias === undefined ? {} : { alias }),
    ...(others.length === 0 ? {} : { alt_aliases: others }),
  }
  await attempt('keeps its names', () => sendState(ctx, caller, roomId, CANONICAL_ALIAS, left))
}

async function moveListing(ctx: RequestContext, caller: Caller, roomId: string, newRoomId: string): Promise<void> {
  await attempt('stays in the directory', async () => {
    unwrap(await ctx.objects.room(newRoomId).setListed(caller, true))
    unwrap(await ctx.objects.room(roomId).setListed(caller, false))
  })
}

/** Nobody but those who run the old room speaks or invites there any more, if the caller may see to that. */
async function closeRoom(ctx: RequestContext, caller: Caller, roomId: string, { powerLevels }: UpgradeSource): Promise<void> {
  const usersDefault = typeof powerLevels.users_default === 'number' ? powerLevels.users_default : 0
  const level = Math.max(CLOSED_LEVEL, usersDefault + 1)
  const atLeast = (value: unknown): number => (typeof value === 'number' ? Math.max(value, level) : level)
  const content = { ...powerLevels, events_default: atLeast(powerLevels.events_default), invite: atLeast(powerLevels.invite) }
  await attempt('stays open', () => sendState(ctx, caller, roomId, POWER_LEVELS, content))
}

async function sendState(ctx: RequestContext, caller: Caller, roomId: string, type: string, content: JsonObject): Promise<string> {
  const request = { type, stateKey: '', content, txn: undefined, redacts: undefined }
  return unwrap(await ctx.objects.room(roomId).send(caller, request)).eventId
}

/** What the new room does not depend on may fail. */
async function attempt(failure: string, body: () => Promise<unknown>): Promise<void> {
  try {
    await body()
  } catch (cause) {
    if (!(cause instanceof MatrixError)) throw cause
    log.info(`a replaced room ${failure}: ${cause.message}`)
  }
}
