import type { DeviceMessage } from '../../durable/user/e2ee/peer-items.ts'
import { unwrap } from '../../runtime/outcome.ts'
import type { RequestContext } from '../context.ts'
import { usersByPlace } from './local-users.ts'

/**
 * Sends messages to devices (client-server-api#put_matrixclientv3sendtodeviceeventtypetxnid). Users and devices that do not exist are left out; users of other
 * servers cannot be reached.
 * @throws MatrixError whatever the sender's account refuses with.
 */
export async function sendToDevice(
  ctx: RequestContext,
  type: string,
  txnId: string,
  messages: ReadonlyMap<string, readonly DeviceMessage[]>,
): Promise<void> {
  const { existing } = await usersByPlace(ctx, [...messages.keys()])
  const recipients = existing.map((userId) => ({ userId, messages: messages.get(userId) ?? [] }))
  unwrap(await ctx.session.sendToDevice({ type, txnId, recipients }))
}
