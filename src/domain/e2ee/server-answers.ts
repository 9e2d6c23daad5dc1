import { outboundOf } from '../../federation/outbound/outbound.ts'
import { OutboundError } from '../../federation/outbound/outbound-error.ts'
import { nowMs } from '../../runtime/clock.ts'
import type { RequestContext } from '../context.ts'

/** How long to wait for a server that nobody here has to do with, in milliseconds. */
const TIMEOUT_MS = 5_000
/** How long an answer is believed, in milliseconds. */
const LIFETIME_MS = 60_000
/** Servers remembered per isolate. */
const MAX_REMEMBERED = 2_000

const remembered = new Map<string, { readonly answers: boolean; readonly atMs: number }>()

/** Whether there is a homeserver of that name: it must exist before an object is made for it. */
export async function serverAnswers(ctx: RequestContext, serverName: string): Promise<boolean> {
  const known = remembered.get(serverName)
  if (known !== undefined && nowMs() - known.atMs < LIFETIME_MS) return known.answers
  const answers = await ask(ctx, serverName)
  if (remembered.size >= MAX_REMEMBERED) remembered.clear()
  remembered.set(serverName, { answers, atMs: nowMs() })
  return answers
}

async function ask(ctx: RequestContext, serverName: string): Promise<boolean> {
  try {
    const request = { method: 'GET', path: '/_matrix/federation/v1/version', signed: false, timeoutMs: TIMEOUT_MS } as const
    await outboundOf(ctx.env).client.json(serverName, request, 'any')
    return true
  } catch (cause) {
    if (cause instanceof OutboundError) return false
    throw cause
  }
}
