import { Buffer } from 'node:buffer'
import { nowMs } from '../../runtime/clock.ts'
import { refusal, success } from '../../runtime/outcome.ts'
import { acceptParked } from './parking.ts'
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

/** The upgrade header for an envelope. */
export function formatSlidingParkHeader(envelope: SlidingParkEnvelope): string {
  return Buffer.from(JSON.stringify(envelope), 'utf8').toString('base64url')
}

/** Accepts a poll that waits. Answers `success('again')` where something has happened since its plan, or a refusal. */
export async function parkSliding(core: UserCore, header: string): Promise<Response> {
  try {
    const { credential, connectionId, pos }: SlidingParkEnvelope = JSON.parse(Buffer.from(header, 'base64url').toString('utf8'))
    const first = admit(core, credential)
    if (!first.admitted) throw first.error
    await prepareSync(core, parseSlidingToken(core.config, core.userId, first.requester.deviceId, pos).sync, first.requester.requestId)
    // From here on nothing waits any more.
    const admission = admit(core, { ...credential, rateLimit: 'none' })
    if (!admission.admitted) throw admission.error
    const { deviceId } = admission.requester
    if (hasSlidingNews(core, { deviceId, connectionId, pos })) return Response.json(success('again'))
    const { 0: client, 1: server } = new WebSocketPair()
    const attachment = { deviceId, connectionId: `sliding/${connectionId}`, parkedMs: nowMs(), since: pos, sliding: connectionId }
    acceptParked(core, server, attachment)
    return new Response(null, { status: 101, webSocket: client })
  } catch (cause) {
    return Response.json(refusal(cause))
  }
}
