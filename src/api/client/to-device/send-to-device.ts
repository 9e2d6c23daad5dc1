import * as z from 'zod'
import { sendToDevice } from '../../../domain/e2ee/send-to-device.ts'
import type { DeviceMessage } from '../../../durable/user/e2ee/peer-items.ts'
import { clientPaths } from '../../../http/path.ts'
import { jsonObject } from '../../../http/schema/json.ts'
import { badJson } from '../../../matrix/errors.ts'
import { isJsonObject, type JsonValue } from '../../../matrix/json.ts'
import { endpoint } from '../../endpoint.ts'
import { byUser, entriesOf } from '../keys/schema.ts'

/** Keys for a large room are sent in few requests. */
const MAX_BODY_BYTES = 8 * 1024 * 1024

/** `PUT /sendToDevice/{eventType}/{txnId}` (client-server-api#put_matrixclientv3sendtodeviceeventtypetxnid). */
export const putSendToDevice = endpoint(
  {
    method: 'PUT',
    path: clientPaths('sendToDevice/:eventType/:txnId'),
    auth: 'user',
    standing: 'unlocked',
    rateLimit: 'message',
    params: z.object({ eventType: z.string().min(1).max(255), txnId: z.string().min(1).max(255) }),
    body: z.object({ messages: jsonObject }),
    maxBodyBytes: MAX_BODY_BYTES,
  },
  async ({ params, body, ctx }) => {
    await sendToDevice(ctx, params.eventType, params.txnId, byUser(body.messages, readMessages))
    return {}
  },
)

function readMessages(value: JsonValue): DeviceMessage[] {
  return entriesOf(value, 'messages').map(([deviceId, content]): DeviceMessage => {
    if (!isJsonObject(content)) throw badJson('A message must be an object')
    return [deviceId, JSON.stringify(content)]
  })
}
