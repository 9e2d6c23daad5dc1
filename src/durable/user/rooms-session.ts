import { isJsonObject } from '../../matrix/json.ts'
import type { MemberProfile } from '../../matrix/room-creation/room-plan.ts'
import type { Outcome } from '../../runtime/outcome.ts'
import { readAccountData } from '../../storage/user/account-data.ts'
import { setAccountData } from './account-data.ts'
import { AccountSession } from './account-session.ts'
import { memberProfile } from './profile.ts'
import { type Requester, run } from './session-base.ts'

const READ_MARKER = 'm.fully_read'

/** What rooms need to know of the account that a credential has opened. */
export abstract class RoomsSession extends AccountSession {
  /** Who asks, and what membership events of theirs carry. */
  memberIdentity(): Outcome<{ readonly requester: Requester; readonly profile: MemberProfile }> {
    return run(this.core, this.admission, (core, requester) => ({ requester, profile: memberProfile(core) }))
  }

  /** The event that the user has read a room up to (client-server-api#fully-read-markers). */
  readMarker(roomId: string): Outcome<string | undefined> {
    return run(this.core, this.admission, (core) => {
      const text = readAccountData(core.store, roomId, READ_MARKER)
      const content: unknown = text === undefined ? undefined : JSON.parse(text)
      return isJsonObject(content) && typeof content.event_id === 'string' ? content.event_id : undefined
    })
  }

  /** Moves the read marker of a room; the Worker has asked the room whether that is forwards. */
  setReadMarker(roomId: string, eventId: string): Outcome<void> {
    return run(this.core, this.admission, (core, { requestId }) =>
      setAccountData(core, { roomId, type: READ_MARKER }, { event_id: eventId }, requestId),
    )
  }
}
