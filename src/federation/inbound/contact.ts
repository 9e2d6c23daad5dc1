import type { RequestContext } from '../../domain/context.ts'
import { nowMs } from '../../runtime/clock.ts'

/** A server's queue hears of contact at most this often from one isolate, in milliseconds. */
const CONTACT_PAUSE_MS = 60_000
/** Servers remembered per isolate; the one heard of longest ago is forgotten first. */
const MAX_SERVERS = 2_000

const heardAt = new Map<string, number>()

/** Tells the queue of a server that it is back: whatever pause it was given ends. Costs the request nothing. */
export function noteContact(ctx: RequestContext, serverName: string): void {
  const now = nowMs()
  if (now - (heardAt.get(serverName) ?? Number.NEGATIVE_INFINITY) < CONTACT_PAUSE_MS) return
  heardAt.delete(serverName)
  heardAt.set(serverName, now)
  if (heardAt.size > MAX_SERVERS) {
    const oldest = heardAt.keys().next()
    if (!oldest.done) heardAt.delete(oldest.value)
  }
  ctx.waitUntil(ctx.objects.remoteServer(serverName).contact())
}
