import type { Caller } from '../../durable/protocol.ts'
import { invalidParam, invalidRoomState, MatrixError, unsupportedRoomVersion } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { ROOM_PRESETS, type RoomPresetName } from '../../matrix/room-creation/presets.ts'
import type { RoomPlan } from '../../matrix/room-creation/room-plan.ts'
import { findRoomVersionRules, type RoomVersionRules } from '../../matrix/room-versions/rules.ts'
import { USABLE_ROOM_VERSIONS } from '../../runtime/config.ts'
import { log } from '../../runtime/log.ts'
import { unwrap } from '../../runtime/outcome.ts'
import type { RequestContext } from '../context.ts'
import { requireOwnAlias } from '../directory/aliases.ts'
import { inviteRemoteUser } from '../federation/invite-remote-user.ts'
import { invitedProfiles, serverOfUser } from './local-users.ts'
import { makeRoom } from './make-room.ts'

/** Most users invited while a room is created. */
export const MAX_INITIAL_INVITES = 100
/** Most state events that a client may bring into a new room. */
export const MAX_INITIAL_STATE_EVENTS = 100

/** A room as a client asks for it (client-server-api#post_matrixclientv3createroom), checked for shape only. */
export interface CreateRoomOptions {
  readonly preset: RoomPresetName | undefined
  readonly visibility: 'public' | 'private'
  readonly roomVersion: string | undefined
  /** Localpart of an alias of this server. */
  readonly aliasName: string | undefined
  readonly name: string | undefined
  readonly topic: string | undefined
  readonly invite: readonly string[]
  readonly isDirect: boolean
  readonly initialState: readonly { readonly type: string; readonly stateKey: string; readonly content: JsonObject }[]
  readonly creationContent: JsonObject
  readonly powerLevelOverride: JsonObject | undefined
}

/** Event types that a room's own history begins with; a client chooses neither. */
const FIXED_TYPES: readonly string[] = ['m.room.create', 'm.room.member']

/**
 * Creates a room; answers its ID once the creator and everybody invited have it on their lists.
 * @throws MatrixError M_UNSUPPORTED_ROOM_VERSION, M_INVALID_ROOM_STATE where the room's own rules forbid what it is to start with, and what
 *   inviting throws. Nothing remains then.
 */
export async function createRoom(ctx: RequestContext, options: CreateRoomOptions): Promise<string> {
  const { requester, profile } = unwrap(await ctx.session.memberIdentity())
  const rules = creatableRules(options.roomVersion ?? ctx.config.defaultRoomVersion)
  if (options.initialState.some(({ type }) => FIXED_TYPES.includes(type))) {
    throw invalidRoomState('initial_state cannot contain create or membership events')
  }
  const preset = ROOM_PRESETS[options.preset ?? (options.visibility === 'public' ? 'public_chat' : 'private_chat')]
  const plan: RoomPlan = {
    rules,
    preset,
    creator: requester.userId,
    creatorProfile: profile,
    invite: await invitedProfiles(
      ctx,
      [...new Set(options.invite)].filter((userId) => !isRemote(ctx, userId)),
    ),
    isDirect: options.isDirect,
    alias: options.aliasName === undefined ? undefined : ownAlias(ctx, options.aliasName),
    name: options.name,
    topic: options.topic,
    initialState: options.initialState,
    creationContent: options.creationContent,
    powerLevelOverride: options.powerLevelOverride,
  }
  const roomId = await makeRoom(ctx, requester, plan)
  await inviteOthers(ctx, requester, roomId, options)
  if (options.visibility === 'public') unwrap(await ctx.objects.room(roomId).setListed(requester, true))
  return roomId
}

/** The alias of a new room. @throws MatrixError M_INVALID_PARAM. */
function ownAlias(ctx: RequestContext, localpart: string): string {
  const alias = `#${localpart}:${ctx.config.serverName}`
  requireOwnAlias(ctx, alias)
  if (localpart.includes(':')) throw invalidParam('The name of an alias has no colon')
  return alias
}

function isRemote(ctx: RequestContext, userId: string): boolean {
  return serverOfUser(userId) !== ctx.config.serverName
}

/** Invites users of other servers, once the room is there; the room stands even if they cannot be reached. */
async function inviteOthers(ctx: RequestContext, caller: Caller, roomId: string, options: CreateRoomOptions): Promise<void> {
  const content = options.isDirect ? { is_direct: true } : {}
  const others = [...new Set(options.invite)].filter((userId) => isRemote(ctx, userId))
  await Promise.all(
    others.map((userId) =>
      inviteRemoteUser(ctx, caller, roomId, userId, content).catch((cause: unknown) => {
        if (!(cause instanceof MatrixError)) throw cause
        log.info(`a user of another server could not be invited to a new room: ${cause.message}`)
      }),
    ),
  )
}

/** The rules of a version that rooms can be created in. @throws MatrixError M_UNSUPPORTED_ROOM_VERSION. */
export function creatableRules(version: string): RoomVersionRules {
  const rules = USABLE_ROOM_VERSIONS.includes(version) ? findRoomVersionRules(version) : undefined
  if (rules === undefined) throw unsupportedRoomVersion()
  return rules
}
