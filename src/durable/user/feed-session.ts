import type { Membership } from '../../matrix/membership.ts'
import type { MemberProfile } from '../../matrix/room-creation/room-plan.ts'
import type { Outcome } from '../../runtime/outcome.ts'
import type { Caller } from '../protocol.ts'
import type { SyncPlan, SyncRequest } from '../sync-protocol.ts'
import { forgetRoom, joinedRooms, roomAccess } from './notices.ts'
import { memberProfile } from './profile.ts'
import { RoomsSession } from './rooms-session.ts'
import { run, runAsync } from './session-base.ts'
import { positionIn, syncNow } from './sync.ts'

/** Room list and feed of the account that a credential has opened. */
export abstract class FeedSession extends RoomsSession {
  /** What a client must be told after its token; to wait where that is nothing, park. */
  sync(request: SyncRequest): Promise<Outcome<SyncPlan>> {
    return runAsync(this.core, this.admission, (core, requester) => syncNow(core, requester, request))
  }

  /** Who asks, and what their own list says of a room: `undefined` where they never had to do with it, or forgot it. */
  roomAccess(roomId: string): Outcome<{
    readonly caller: Caller
    readonly membership: Membership | undefined
    /** Who set the membership. */
    readonly setBy: string | undefined
    readonly profile: MemberProfile
  }> {
    return run(this.core, this.admission, (core, requester) => ({
      caller: { ...requester, ignoredUsers: core.store.exists() ? core.feedKeeper.ownData.ignoredUsers(core) : [] },
      membership: roomAccess(core, roomId),
      setBy: core.store.exists() ? core.feedKeeper.feed.rooms.find(roomId)?.sender : undefined,
      profile: memberProfile(core),
    }))
  }

  /** Rooms that the user is joined to. */
  joinedRooms(): Outcome<string[]> {
    return run(this.core, this.admission, (core) => joinedRooms(core))
  }

  /** Which of some rooms the user is joined to. */
  joinedAmong(roomIds: readonly string[]): Outcome<string[]> {
    return run(this.core, this.admission, (core) => roomIds.filter((roomId) => roomAccess(core, roomId) === 'join'))
  }

  /** Forgets a room that the user has left. */
  forgetRoom(roomId: string): Outcome<void> {
    return run(this.core, this.admission, (core, { requestId }) => forgetRoom(core, roomId, requestId))
  }

  /** The position in a room that a sync token of this device stands for. */
  resolveSyncToken(token: string, roomId: string): Outcome<number> {
    return run(this.core, this.admission, (core, { deviceId }) => positionIn(core, deviceId, token, roomId))
  }
}
