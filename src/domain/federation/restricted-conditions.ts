import type { ConditionsLookedAt } from '../../durable/room/federation/membership-templates.ts'
import { roomExists } from '../../storage/d1/rooms.ts'
import type { RequestContext } from '../context.ts'

/** Conditions of one join that are looked at; where there are more, this server does not claim to know. */
const MAX_CONDITIONS = 50

/** Which of some rooms a user of another server has joined, as far as this server is in them (F12). */
export async function lookAtConditions(ctx: RequestContext, roomIds: readonly string[], userId: string): Promise<ConditionsLookedAt> {
  const memberOf: string[] = []
  let incomplete = roomIds.length > MAX_CONDITIONS
  for (const roomId of roomIds.slice(0, MAX_CONDITIONS)) {
    const answer = (await roomExists(ctx.registry, roomId)) ? await ctx.objects.room(roomId).isJoinedHere(userId) : 'unknown'
    if (answer === 'unknown') incomplete = true
    else if (answer === 'joined') memberOf.push(roomId)
  }
  return { memberOf, incomplete }
}
