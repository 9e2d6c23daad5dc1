import type { Caller } from '../../durable/protocol.ts'
import { badJson, invalidParam, invalidRoomState, MatrixError, unsupportedRoomVersion } from '../../matrix/errors.ts'
import { createEvent } from '../../matrix/events/create-event.ts'
import type { RoomEvent } from '../../matrix/events/room-event.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { createContent } from '../../matrix/room-creation/create-content.ts'
import { initialEvents } from '../../matrix/room-creation/initial-events.ts'
import { ROOM_PRESETS, type RoomPresetName } from '../../matrix/room-creation/presets.ts'
import type { RoomPlan } from '../../matrix/room-creation/room-plan.ts'
import { findRoomVersionRules, type RoomVersionRules } from '../../matrix/room-versions/rules.ts'
import { nowMs } from '../../runtime/clock.ts'
import { SUPPORTED_ROOM_VERSIONS } from '../../runtime/config.ts'
import { signerOf } from '../../runtime/event-signer.ts'
import { log } from '../../runtime/log.ts'
import { unwrap } from '../../runtime/outcome.ts'
import { randomString } from '../../runtime/random.ts'
import { noteRoomExists } from '../../storage/d1/rooms.ts'
import type { RequestContext } from '../context.ts'
import { inviteRemoteUser } from '../federation/invite-remote-user.ts'
import { invitedProfiles, serverOfUser } from './local-users.ts'

/** Most users invited while a room is created. */
export const MAX_INITIAL_INVITES = 100
/** Most state events that a client may bring into a new room. */
export const MAX_INITIAL_STATE_EVENTS = 100
/** Characters of the random part of a room ID before version 12, and of a generation. */
const RANDOM_ID_CHARS = 18
/** Attempts at an ID that no other room has. */
const MAX_ATTEMPTS = 5

/** A room as a client asks for it (client-server-api#post_matrixclientv3createroom), checked for shape only. */
export interface CreateRoomOptions {
  readonly preset: RoomPresetName | undefined
  readonly visibility: 'public' | 'private'
  readonly roomVersion: string | undefined
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
  const rules = rulesOf(options.roomVersion ?? ctx.config.defaultRoomVersion)
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
    name: options.name,
    topic: options.topic,
    initialState: options.initialState,
    creationContent: options.creationContent,
    powerLevelOverride: options.powerLevelOverride,
  }
  for (let attempt = 1; ; attempt += 1) {
    const create = buildCreateEvent(ctx, plan)
    const outcome = await ctx.objects.room(create.roomId).create(requester, {
      roomId: create.roomId,
      version: rules.version,
      generation: randomString(RANDOM_ID_CHARS),
      createPdu: create.pdu,
      creator: requester.userId,
      initialEvents: initialEvents(plan),
      originServerTs: create.originServerTs,
    })
    if (outcome.ok) {
      noteRoomExists(create.roomId)
      await inviteOthers(ctx, requester, create.roomId, options)
      return create.roomId
    }
    // Somebody made the same room in the same millisecond: its ID is a hash of little more than that.
    if (outcome.error.errcode !== 'M_ROOM_IN_USE' || attempt >= MAX_ATTEMPTS) throw refusalOf(MatrixError.fromShape(outcome.error))
  }
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

function rulesOf(version: string): RoomVersionRules {
  const supported: readonly string[] = SUPPORTED_ROOM_VERSIONS
  const rules = supported.includes(version) ? findRoomVersionRules(version) : undefined
  if (rules === undefined) throw unsupportedRoomVersion()
  return rules
}

let lastCreateTs = 0

/** The create event. Two by one user differ in their time at least, so that rooms named by its hash differ too. */
function buildCreateEvent(ctx: RequestContext, plan: RoomPlan): RoomEvent {
  lastCreateTs = Math.max(nowMs(), lastCreateTs + 1)
  const { rules, creator } = plan
  try {
    return createEvent(
      {
        roomId: rules.roomIdIsCreateHash ? undefined : `!${randomString(RANDOM_ID_CHARS)}:${ctx.config.serverName}`,
        type: 'm.room.create',
        stateKey: '',
        sender: creator,
        content: createContent(plan),
        originServerTs: lastCreateTs,
        depth: 1,
        prevEvents: [],
        authEvents: [],
      },
      rules,
      signerOf(ctx.config),
    )
  } catch (cause) {
    if (cause instanceof MatrixError && cause.errcode === 'M_BAD_JSON') throw badJson(`creation_content: ${cause.message}`)
    throw cause
  }
}

/** What the rules of the new room refuse is the fault of the request, not a lack of power. */
function refusalOf(error: MatrixError): MatrixError {
  if (error.errcode === 'M_FORBIDDEN') return invalidRoomState(error.message)
  return error.errcode === 'M_ROOM_IN_USE' ? invalidParam('No free room ID was found; try again') : error
}
