import type { Membership } from '../../durable/protocol.ts'
import type { JsonObject } from '../../matrix/json.ts'
import type { RequestContext } from '../context.ts'

/** A membership in a room that this server is not in, as the user's own list is to have it. */
export interface OutsideMembership {
  readonly userId: string
  readonly roomId: string
  readonly membership: Membership
  readonly eventId: string
  readonly sender: string
  readonly strippedState?: readonly JsonObject[]
  readonly isDirect?: boolean
}

/**
 * Tells a user of this server of a membership in a room that has no object here, or one that everybody here has left. Durable when this answers. The generation is the event's: whatever
 * the room's own object says later is of another life, and counts.
 */
export async function tellUser(ctx: RequestContext, outside: OutsideMembership): Promise<void> {
  const { userId, roomId, membership, eventId, sender, strippedState, isDirect = false } = outside
  await ctx.objects.user(userId).membership({
    roomId,
    generation: `outside ${membership} ${eventId}`,
    membership,
    pos: 1,
    head: 1,
    eventId,
    sender,
    strippedState: strippedState === undefined ? undefined : JSON.stringify(strippedState),
    isDirect,
  })
}
