import { createHmac } from 'node:crypto'
import { clientPaths } from '../../../http/path.ts'
import { notFound } from '../../../matrix/errors.ts'
import { nowMs } from '../../../runtime/clock.ts'
import type { TurnConfig } from '../../../runtime/config.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'

/** For how long a password is good. */
const LIFETIME_SECONDS = 24 * 60 * 60

/**
 * `GET /voip/turnServer` (client-server-api#get_matrixclientv3voipturnserver): a name that says until when it is good, and the password that the TURN servers
 * work out from it with the secret that they share (draft-uberti-behave-turn-rest, as coturn has it).
 * @throws MatrixError M_NOT_FOUND where no TURN servers are configured.
 */
export const getTurnServer = endpoint(
  { method: 'GET', path: clientPaths('voip/turnServer'), auth: 'user', rateLimit: 'read' },
  async ({ ctx }) => {
    const { userId } = unwrap(await ctx.session.whoami())
    const { turn } = ctx.config
    if (turn === undefined) throw notFound('This server has no TURN servers')
    return turnAnswer(turn, userId, nowMs())
  },
)

/** What a client is told to use. */
export function turnAnswer({ uris, secret }: TurnConfig, userId: string, atMs: number) {
  const username = `${Math.floor(atMs / 1000) + LIFETIME_SECONDS}:${userId}`
  const password = createHmac('sha1', secret).update(username).digest('base64')
  return { username, password, uris: [...uris], ttl: LIFETIME_SECONDS }
}
