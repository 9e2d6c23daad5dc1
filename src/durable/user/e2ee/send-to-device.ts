import { limitExceeded, tooLarge } from '../../../matrix/errors.ts'
import { isTransactionKnown, rememberTransaction } from '../../../storage/user/to-device.ts'
import { wakeParked } from '../parking-wake.ts'
import type { Requester } from '../session-base.ts'
import type { UserCore } from '../user-core.ts'
import { type DeviceMessage, devicesNamed, toDeviceEvent, toDevicePayload } from './peer-items.ts'
import { serverPayloads } from './server-messages.ts'

/** Longest content of one message, in characters of JSON. */
const MAX_CONTENT_CHARS = 64 * 1024
/** Characters of content in one item of the outbox; a row holds 2 MB. */
const MAX_ITEM_CHARS = 512 * 1024
/** Requests of an account that are remembered. */
const KEEP_TRANSACTIONS = 1_000
/** What a client whose outbox is full waits. */
const FULL_RETRY_MS = 30_000

/** Messages of one type for local users whose accounts exist, and for users of other servers that exist. */
export interface ToDeviceRequest {
  readonly type: string
  readonly txnId: string
  readonly recipients: readonly Recipient[]
  /** Users of other servers, by server. */
  readonly remote: readonly { readonly serverName: string; readonly recipients: readonly Recipient[] }[]
}

/** Messages for the devices of one user. */
export interface Recipient {
  readonly userId: string
  readonly messages: readonly DeviceMessage[]
}

/**
 * Sends messages to devices (client-server-api#put_matrixclientv3sendtodeviceeventtypetxnid): one commit, whoever the recipients are; delivery goes on
 * behind it. A request that is repeated sends nothing (SECURITY D9, O7).
 * @throws MatrixError M_TOO_LARGE; M_LIMIT_EXCEEDED while too much waits for recipients that cannot be reached.
 */
export async function sendToDevice(core: UserCore, requester: Requester, request: ToDeviceRequest): Promise<void> {
  const { type, recipients, remote } = request
  const txn = JSON.stringify([type, request.txnId])
  if (isTransactionKnown(core.store, requester.deviceId, txn)) return
  for (const { messages } of [...recipients, ...remote.flatMap((server) => server.recipients)]) {
    if (messages.some(([, content]) => content.length > MAX_CONTENT_CHARS)) throw tooLarge('A message is too large')
  }
  // Recipients must know of this user's devices before they get messages from them.
  await core.e2ee.outbox.announced()
  if (isTransactionKnown(core.store, requester.deviceId, txn)) return
  const { inbox, outbox } = core.e2ee
  if (!outbox.hasRoomFor(recipients.length + remote.length)) throw limitExceeded(FULL_RETRY_MS)
  const peers = recipients.flatMap(({ userId }) => (userId === core.userId ? [] : [userId]))
  core.store.transaction(requester.requestId, () => {
    rememberTransaction(core.store, requester.deviceId, txn, KEEP_TRANSACTIONS)
    for (const { userId, messages } of recipients) {
      if (userId !== core.userId) {
        for (const part of parts(messages)) outbox.add(userId, toDevicePayload(type, part))
        continue
      }
      for (const [deviceId, content] of messages) {
        for (const target of devicesNamed(core, deviceId)) inbox.writeMessage(target, toDeviceEvent(userId, type, content))
      }
    }
    for (const server of remote) for (const payload of serverPayloads(type, server.recipients)) outbox.add(server.serverName, payload)
  })
  outbox.deliver([...peers, ...remote.map(({ serverName }) => serverName)])
  if (peers.length < recipients.length) wakeParked(core)
}

/** Splits messages so that each part fits a row. */
function parts(messages: readonly DeviceMessage[]): DeviceMessage[][] {
  const all: DeviceMessage[][] = []
  let chars = Number.POSITIVE_INFINITY
  for (const message of messages) {
    chars += message[1].length
    if (chars > MAX_ITEM_CHARS) {
      all.push([])
      chars = message[1].length
    }
    all.at(-1)?.push(message)
  }
  return all
}
