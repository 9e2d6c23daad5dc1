import type { DeviceMessage } from '../../durable/user/e2ee/peer-items.ts'
import type { Recipient } from '../../durable/user/e2ee/send-to-device.ts'
import { unwrap } from '../../runtime/outcome.ts'
import type { RequestContext } from '../context.ts'
import { inParallel } from './in-parallel.ts'
import { usersByPlace } from './local-users.ts'
import { serverAnswers } from './server-answers.ts'

/** Servers that one request may address; users of further ones are left out. */
const MAX_SERVERS = 500
/** Unknown servers that are looked for at once. */
const PARALLEL_LOOKUPS = 8

/**
 * Sends messages to devices (client-server-api#put_matrixclientv3sendtodeviceeventtypetxnid). Users, devices and servers that do not exist are left out.
 * @throws MatrixError whatever the sender's account refuses with.
 */
export async function sendToDevice(
  ctx: RequestContext,
  type: string,
  txnId: string,
  messages: ReadonlyMap<string, readonly DeviceMessage[]>,
): Promise<void> {
  const { existing, remote } = await usersByPlace(ctx, [...messages.keys()])
  const recipient = (userId: string): Recipient => ({ userId, messages: messages.get(userId) ?? [] })
  const servers = await existingServers(ctx, [...remote.keys()].slice(0, MAX_SERVERS))
  const remotes = servers.map((serverName) => ({ serverName, recipients: (remote.get(serverName) ?? []).map(recipient) }))
  unwrap(await ctx.session.sendToDevice({ type, txnId, recipients: existing.map(recipient), remote: remotes }))
}

/** Servers that have to do with the sender's rooms, or at least answer: for others nothing is queued. */
async function existingServers(ctx: RequestContext, serverNames: readonly string[]): Promise<string[]> {
  if (serverNames.length === 0) return []
  const known = new Set(unwrap(await ctx.session.knownServers(serverNames)))
  const unknown = serverNames.filter((serverName) => !known.has(serverName))
  const answers = await inParallel(PARALLEL_LOOKUPS, unknown, (serverName) => serverAnswers(ctx, serverName))
  return [...known, ...unknown.filter((_, index) => answers[index])]
}
