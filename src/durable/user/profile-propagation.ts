import type { Outcome } from '../../runtime/outcome.ts'
import { readAccount } from '../../storage/user/account.ts'
import { objectsOf } from '../objects.ts'
import { joinedRooms } from './notices.ts'
import { memberProfile } from './profile.ts'
import { RoomsJob } from './rooms-job.ts'
import type { UserCore } from './user-core.ts'

/** Carries a changed profile into the membership events of every joined room (client-server-api#profiles). */
export function profilePropagation(core: UserCore): RoomsJob {
  return new RoomsJob(core, { kind: 'profile', rooms: joinedRooms, tell })
}

async function tell(core: UserCore, roomId: string): Promise<Outcome<boolean> | undefined> {
  if (readAccount(core.store)?.state !== 'active') return undefined
  const caller = { userId: core.userId, deviceId: undefined, requestId: 'profile' }
  // Read again for each room: what is current now is what must end up there.
  return objectsOf(core.env, undefined).room(roomId).updateProfile(caller, memberProfile(core))
}
