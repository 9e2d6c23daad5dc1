import { MediaSession } from './media/media-session.ts'

export type { Admission, Requester } from './session-base.ts'

/**
 * The capability that an admitted credential opens on one account. Every method answers an `Outcome`; with a refused credential each of them
 * answers the refusal, so authorization cannot be forgotten and costs no round trip of its own. One line a method:
 * `run(this.core, this.admission, (core, requester) => …)` of `session-base.ts`, delegating to the concern's file.
 */
export class UserSession extends MediaSession {}
