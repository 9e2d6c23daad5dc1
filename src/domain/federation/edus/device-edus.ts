import { asStreamId } from '../../../durable/remote-server/devices/key-fetch.ts'
import type {
  ReceivedDeviceEdu,
  ReceivedDeviceUpdate,
  ReceivedMessage,
  ReceivedSigningKeys,
} from '../../../durable/remote-server/devices/received-edus.ts'
import type { DeviceMessage } from '../../../durable/user/e2ee/peer-items.ts'
import { parseUserId } from '../../../matrix/ids/user-id.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../../matrix/json.ts'
import type { RequestContext } from '../../context.ts'
import { usersByPlace } from '../../e2ee/local-users.ts'
import type { ReceivedEdu } from '../ingest/parse-transaction.ts'
import type { EduHandler } from './receive-edus.ts'

/** Local users whom the messages of one transaction may address; further ones are left out. */
const MAX_RECIPIENTS = 2_000
/** Messages in one EDU. */
const MAX_MESSAGES = 5_000
/** Characters of one message's content as JSON, of a message ID, of a type and of a device ID. */
const MAX_CONTENT_CHARS = 64 * 1024
const MAX_MESSAGE_ID_CHARS = 255
const MAX_NAME_CHARS = 255
/** Earlier changes that one change may name. */
const MAX_PREV_IDS = 20

/** Messages to devices and changes of devices (server-server-api#send-to-device-messaging, #device-management), in the order in which they came. */
export const receiveDeviceEdus: EduHandler = async (ctx, serverName, edus) => {
  const read = edus.flatMap((edu) => readEdu(serverName, edu) ?? [])
  if (read.length === 0) return true
  const local = await localRecipients(ctx, read)
  const taken = read.map((edu) =>
    edu.kind === 'message' ? { ...edu, recipients: edu.recipients.filter(({ userId }) => local.has(userId)) } : edu,
  )
  return ctx.objects.remoteServer(serverName).takeEdus(taken)
}

/** Users of this server who are addressed and exist. */
async function localRecipients(ctx: RequestContext, edus: readonly ReceivedDeviceEdu[]): Promise<ReadonlySet<string>> {
  const addressed = new Set<string>()
  for (const edu of edus) {
    if (edu.kind !== 'message') continue
    for (const { userId } of edu.recipients) {
      if (addressed.size < MAX_RECIPIENTS && parseUserId(userId)?.serverName === ctx.config.serverName) addressed.add(userId)
    }
  }
  return new Set((await usersByPlace(ctx, [...addressed])).existing)
}

function readEdu(serverName: string, { type, content }: ReceivedEdu): ReceivedDeviceEdu | undefined {
  if (type === 'm.direct_to_device') return readMessage(serverName, content)
  return type === 'm.device_list_update' ? readDeviceUpdate(serverName, content) : readSigningKeys(serverName, content)
}

function isUserOf(serverName: string, userId: JsonValue | undefined): userId is string {
  return typeof userId === 'string' && parseUserId(userId)?.serverName === serverName
}

function readMessage(serverName: string, content: JsonObject): ReceivedMessage | undefined {
  const { sender, type, message_id: messageId, messages } = content
  if (!isUserOf(serverName, sender) || !isName(type, MAX_NAME_CHARS) || !isName(messageId, MAX_MESSAGE_ID_CHARS)) return undefined
  if (!isJsonObject(messages)) return undefined
  let room = MAX_MESSAGES
  const recipients = Object.entries(messages).flatMap(([userId, devices]) => {
    const read = readMessages(devices).slice(0, room)
    room -= read.length
    return read.length === 0 ? [] : [{ userId, messages: read }]
  })
  return { kind: 'message', sender, type, messageId, recipients }
}

function readMessages(devices: JsonValue | undefined): DeviceMessage[] {
  if (!isJsonObject(devices)) return []
  return Object.entries(devices).flatMap(([deviceId, content]): DeviceMessage[] => {
    if (deviceId.length > MAX_NAME_CHARS || !isJsonObject(content)) return []
    const json = JSON.stringify(content)
    return json.length > MAX_CONTENT_CHARS ? [] : [[deviceId, json]]
  })
}

function readDeviceUpdate(serverName: string, content: JsonObject): ReceivedDeviceUpdate | undefined {
  const { user_id: userId, device_id: deviceId, prev_id: prevIds, keys, device_display_name: displayName } = content
  if (!isUserOf(serverName, userId) || !isName(deviceId, MAX_NAME_CHARS)) return undefined
  return {
    kind: 'device',
    userId,
    deviceId,
    streamId: asStreamId(content.stream_id),
    prevIds: Array.isArray(prevIds) ? prevIds.slice(0, MAX_PREV_IDS).map((prev) => asStreamId(prev) ?? -1) : [],
    deleted: content.deleted === true,
    keys: isJsonObject(keys) ? keys : undefined,
    displayName: typeof displayName === 'string' ? displayName : undefined,
  }
}

function readSigningKeys(serverName: string, content: JsonObject): ReceivedSigningKeys | undefined {
  const { user_id: userId, master_key: master, self_signing_key: selfSigning } = content
  if (!isUserOf(serverName, userId)) return undefined
  return {
    kind: 'signing',
    userId,
    master: isJsonObject(master) ? master : undefined,
    selfSigning: isJsonObject(selfSigning) ? selfSigning : undefined,
  }
}

function isName(value: JsonValue | undefined, maxChars: number): value is string {
  return typeof value === 'string' && value !== '' && value.length <= maxChars
}
