import type { Caller } from '../../durable/protocol.ts'
import { badJson, invalidParam, invalidRoomState, MatrixError } from '../../matrix/errors.ts'
import { createEvent } from '../../matrix/events/create-event.ts'
import type { RoomEvent } from '../../matrix/events/room-event.ts'
import { createContent } from '../../matrix/room-creation/create-content.ts'
import { initialEvents } from '../../matrix/room-creation/initial-events.ts'
import type { RoomPlan } from '../../matrix/room-creation/room-plan.ts'
import { nowMs } from '../../runtime/clock.ts'
import { chosenEventId, signerOf } from '../../runtime/event-signer.ts'
import { randomString } from '../../runtime/random.ts'
import { claimAlias, confirmAlias, releaseAlias } from '../../storage/d1/aliases.ts'
import { noteRoomExists } from '../../storage/d1/rooms.ts'
import type { RequestContext } from '../context.ts'

/** Characters of the random part of a room ID before version 12, and of a generation. */
const RANDOM_ID_CHARS = 18
/** Attempts at an ID that no other room has. */
const MAX_ATTEMPTS = 5

/**
 * Makes a room; answers its ID once the creator and everybody invited have it on their lists, and its alias stands for it.
 * @param given the create event, where somebody has announced the room already; without it one is made.
 * @throws MatrixError M_ROOM_IN_USE where the alias is taken; M_INVALID_ROOM_STATE where the room's own rules forbid what it is to start with. Nothing
 *   remains then.
 */
export async function makeRoom(ctx: RequestContext, requester: Caller, plan: RoomPlan, given?: RoomEvent): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    const create = given ?? buildCreateEvent(ctx, plan)
    const { roomId } = create
    await claim(ctx, plan, roomId)
    const outcome = await ctx.objects.room(roomId).create(requester, {
      roomId,
      version: plan.rules.version,
      generation: randomString(RANDOM_ID_CHARS),
      createPdu: create.pdu,
      creator: requester.userId,
      initialEvents: initialEvents(plan),
      originServerTs: create.originServerTs,
    })
    if (outcome.ok) {
      noteRoomExists(roomId)
      if (plan.alias !== undefined) await confirmAlias(ctx.registry, plan.alias, roomId)
      return roomId
    }
    if (plan.alias !== undefined) await releaseAlias(ctx.registry, plan.alias, roomId)
    // Somebody made the same room in the same millisecond: its ID is a hash of little more than that.
    if (outcome.error.errcode !== 'M_ROOM_IN_USE' || given !== undefined || attempt >= MAX_ATTEMPTS) {
      throw refusalOf(MatrixError.fromShape(outcome.error))
    }
  }
}

/** Claims the alias before there is a room; the room's own report confirms it even if this Worker ends. */
async function claim(ctx: RequestContext, { alias, creator }: RoomPlan, roomId: string): Promise<void> {
  if (alias === undefined) return
  const isFree = await claimAlias(ctx.registry, { alias, roomId, creator }, true, nowMs())
  if (!isFree) throw new MatrixError(400, 'M_ROOM_IN_USE', 'That room alias is taken')
}

/** A room ID of the form that versions before 12 have. */
export function randomRoomId(ctx: RequestContext): string {
  return `!${randomString(RANDOM_ID_CHARS)}:${ctx.config.serverName}`
}

let lastCreateTs = 0

/**
 * The create event of a room. Two by one user differ in their time at least, so that rooms named by its hash differ too.
 * @param roomId its ID in versions before 12; later it is the event's hash.
 */
export function buildCreateEvent(ctx: RequestContext, plan: RoomPlan, roomId: string = randomRoomId(ctx)): RoomEvent {
  lastCreateTs = Math.max(nowMs(), lastCreateTs + 1)
  const { rules, creator } = plan
  try {
    return createEvent(
      {
        roomId: rules.roomIdIsCreateHash ? undefined : roomId,
        eventId: chosenEventId(ctx.config, rules),
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
  if (error.errcode === 'M_FORBIDDEN' || error.errcode === 'M_BAD_JSON') return invalidRoomState(error.message)
  return error.errcode === 'M_ROOM_IN_USE' ? invalidParam('No free room ID was found; try again') : error
}
