import { invalidParam } from '../../matrix/errors.ts'
import { log } from '../../runtime/log.ts'
import { unwrap } from '../../runtime/outcome.ts'
import { inTurns } from '../../runtime/turns.ts'
import { accountExists } from '../../storage/d1/accounts.ts'
import type { RequestContext } from '../context.ts'

/** Rooms of a page where rooms have to be asked, which wakes them. */
const ROOMS_PER_PAGE = 100
/** Rooms asked before others have a turn. */
const ROOMS_AT_ONCE = 25

/** Rooms that two users are joined to. */
export interface MutualRooms {
  readonly joined: readonly string[]
  /** What the next page begins after, where there is one. */
  readonly next: string | undefined
}

/**
 * Rooms that the caller shares with another user. Of a user of this server the account says so; of others the caller's rooms do, a page of them at a time.
 * @param after `next` of the page before.
 * @throws MatrixError M_INVALID_PARAM for the caller's own ID.
 */
export async function mutualRooms(ctx: RequestContext, userId: string, after: string | undefined): Promise<MutualRooms> {
  // The answer proves that the token is the named account's.
  const own = unwrap(await ctx.session.joinedRooms()).toSorted()
  const me = ctx.claimedUserId ?? ''
  if (userId === me) throw invalidParam('That is your own user ID')
  const suffix = `:${ctx.config.serverName}`
  if (userId.endsWith(suffix)) {
    if (!(await accountExists(ctx.registry, userId.slice(1, -suffix.length)))) return { joined: [], next: undefined }
    return { joined: await ctx.objects.user(userId).joinedAmong(own), next: undefined }
  }
  const left = after === undefined ? own : own.filter((roomId) => roomId > after)
  const page = left.slice(0, ROOMS_PER_PAGE)
  const joined = new Set<string>()
  await inTurns(page, ROOMS_AT_ONCE, async (roomId) => {
    try {
      const found = await ctx.objects.room(roomId).acquaintances({ userId: me, deviceId: undefined, requestId: ctx.requestId }, [userId])
      if (found !== undefined && found.joined.length > 0) joined.add(roomId)
    } catch (cause) {
      log.warn('a room did not say who is in it', cause)
    }
  })
  return { joined: page.filter((roomId) => joined.has(roomId)), next: left.length > page.length ? page.at(-1) : undefined }
}
