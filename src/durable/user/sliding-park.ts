import { Buffer } from 'node:buffer'
import { nowMs } from '../../runtime/clock.ts'
import type { Place } from './parked-poll.ts'
import { acceptParked, onSocket } from './parking.ts'
import { prepareSync } from './resume.ts'
import { parseSlidingToken } from './sliding-token.ts'
import { hasSlidingNews } from './sliding-wake.ts'
import { admit, type Credential } from './tokens.ts'
import type { UserCore } from './user-core.ts'

/** Header of the Worker's upgrade request: {@link SlidingParkEnvelope} as Base64url of JSON. Never reachable from outside. */
export const SLIDING_PARK_HEADER = 'x-myelin-park-sliding'

/** What the Worker sends to park a poll of sliding sync that it has just asked a plan for. */
export interface SlidingParkEnvelope {
  readonly credential: Credential
  readonly connectionId: string
  readonly pos: string
}

/** Whether the poll waits, or something has happened since its plan. */
export type SlidingParkAnswer = 'parked' | 'again'

/** The upgrade header for an envelope. */
export function formatSlidingParkHeader(envelope: SlidingParkEnvelope): string {
  return Buffer.from(JSON.stringify(envelope), 'utf8').toString('base64url')
}

/**
 * Accepts a poll that waits, unless something has happened since its plan.
 * @throws MatrixError what the account refuses with.
 */
export async function parkSliding(core: UserCore, envelope: SlidingParkEnvelope, place: () => Place): Promise<SlidingParkAnswer> {
  const { credential, connectionId, pos } = envelope
  const first = admit(core, credential)
  if (!first.admitted) throw first.error
  await prepareSync(core, parseSlidingToken(core.config, core.userId, first.requester.deviceId, pos).sync, first.requester.requestId)
  // From here on nothing waits any more.
  const admission = admit(core, { ...credential, rateLimit: 'none' })
  if (!admission.admitted) throw admission.error
  const { deviceId } = admission.requester
  if (hasSlidingNews(core, { deviceId, connectionId, pos })) return 'again'
  acceptParked(core, place(), { deviceId, connectionId: `sliding/${connectionId}`, parkedMs: nowMs(), since: pos, sliding: connectionId })
  return 'parked'
}

/** The same for a Worker elsewhere: the poll waits on a socket, which is the answer. Everything else comes as an outcome. */
export async function parkSlidingOnSocket(core: UserCore, header: string): Promise<Response> {
  const envelope: SlidingParkEnvelope = JSON.parse(Buffer.from(header, 'base64url').toString('utf8'))
  return await onSocket(
    (place) => parkSliding(core, envelope, place),
    (answer) => (answer === 'parked' ? {} : undefined),
  )
}
