import type { Outcome } from '../../runtime/outcome.ts'
import { objectsOf } from '../objects.ts'
import type { MembershipAnswer, MembershipRequest } from '../room/membership.ts'
import { RoomsJob } from './rooms-job.ts'
import type { UserCore } from './user-core.ts'

/** Takes a deactivated user out of every room, and declines their invitations (client-server-api#post_matrixclientv3accountdeactivate). */
export function departure(core: UserCore): RoomsJob {
  return new RoomsJob(core, { kind: 'departure', rooms: presentRooms, tell })
}

function presentRooms(core: UserCore): string[] {
  if (!core.store.exists()) return []
  const present = core.feedKeeper.feed.rooms.all().filter(({ membership }) => membership !== 'leave' && membership !== 'ban')
  return present.map(({ roomId }) => roomId)
}

function tell(core: UserCore, roomId: string): Promise<Outcome<MembershipAnswer>> {
  const caller = { userId: core.userId, deviceId: undefined, requestId: 'departure' }
  const request: MembershipRequest = { action: 'leave', target: core.userId, content: {}, ownContent: false }
  return objectsOf(core.env, undefined).room(roomId).membership(caller, request)
}
