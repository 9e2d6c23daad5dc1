import type { Buckets, Limit } from '../../http/rate-limit.ts'
import { limitExceeded } from '../../matrix/errors.ts'
import { parseUserId } from '../../matrix/ids/user-id.ts'

/** Invitations that one user gets from everybody. What a sender may send is limited besides, over all whom they invite. */
const FROM_ALL: Limit = { burst: 100, perSecond: 0.05 }
/** The same from one user of this server, or from all users of another server. */
const FROM_ONE: Limit = { burst: 30, perSecond: 0.01 }

/**
 * Counts an invitation of a user against whoever sends it, and against what the user may get at all (SECURITY O5). In memory: a limit that is forgotten now and then still is one.
 * @throws MatrixError M_LIMIT_EXCEEDED. Nothing is counted then, so that one sender's excess leaves the others their share.
 */
export function chargeInvitation(buckets: Buckets, ownServer: string, inviter: string, nowMs: number): void {
  const serverName = parseUserId(inviter)?.serverName ?? inviter
  const shares: readonly (readonly [key: string, limit: Limit])[] = [
    [`invited by ${serverName === ownServer ? inviter : serverName}`, FROM_ONE],
    ['invited', FROM_ALL],
  ]
  for (const [key, limit] of shares) {
    const waitMs = buckets.peek(key, limit, nowMs)
    if (waitMs > 0) throw limitExceeded(waitMs)
  }
  for (const [key, limit] of shares) buckets.take(key, limit, nowMs)
}
