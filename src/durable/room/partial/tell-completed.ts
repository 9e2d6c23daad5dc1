import { log } from '../../../runtime/log.ts'
import { objectsOf } from '../../objects.ts'
import type { MembershipNotice } from '../../protocol.ts'
import type { RoomCore } from '../room-core.ts'
import { MAX_TOLD_COMPLETED } from './limits.ts'

/**
 * Tells this server's members that all members of the room are known now: servers that were not known to be in it have missed what changed about these users'
 * devices. A crash may swallow it: such servers find a gap with the next change, and ask. Never fails.
 * @param sinceMs when the room was joined without its members.
 */
export async function tellCompleted(core: RoomCore, sinceMs: number): Promise<void> {
  const { roomId, head } = core
  const notice: MembershipNotice = {
    roomId,
    generation: head.generation,
    membership: 'join',
    pos: head.headPos,
    head: head.headPos,
    eventId: '',
    sender: '',
    strippedState: undefined,
    isDirect: false,
    completedSinceMs: sinceMs,
  }
  const objects = objectsOf(core.env, undefined)
  await Promise.all(
    core.members
      .localJoined()
      .slice(0, MAX_TOLD_COMPLETED)
      .map(async (userId) => {
        try {
          await objects.user(userId).membership(notice)
        } catch (cause) {
          log.debug('a member does not know that all members of a room are known', cause)
        }
      }),
  )
}
