import { canonicalJson } from '../../../matrix/canonical-json.ts'
import { MatrixError } from '../../../matrix/errors.ts'
import type { JsonValue } from '../../../matrix/json.ts'
import { log } from '../../../runtime/log.ts'
import type { Recipient } from './send-to-device.ts'

/** Characters of messages in one EDU; a single message may be longer. */
const MAX_EDU_CHARS = 40 * 1024

/**
 * Messages for one other server as payloads of the sender's outbox, each the size of an EDU: `{"messages": {user: {device: content}}, "type": …}`. What
 * has no canonical form cannot be signed and is left out: it must not hold up what follows (F18).
 */
export function serverPayloads(type: string, recipients: readonly Recipient[]): string[] {
  const payloads: string[] = []
  let users = new Map<string, string[]>()
  let chars = 0
  const close = (): void => {
    if (users.size > 0) payloads.push(payloadOf(type, users))
    users = new Map()
    chars = 0
  }
  for (const { userId, messages } of recipients) {
    for (const [deviceId, content] of messages) {
      const canonical = canonicalContent(content)
      if (canonical === undefined) continue
      const entry = `${JSON.stringify(deviceId)}:${canonical}`
      if (chars > 0 && chars + entry.length > MAX_EDU_CHARS) close()
      users.set(userId, [...(users.get(userId) ?? []), entry])
      chars += entry.length
    }
  }
  close()
  return payloads
}

function payloadOf(type: string, users: ReadonlyMap<string, readonly string[]>): string {
  const messages = [...users].map(([userId, entries]) => `${JSON.stringify(userId)}:{${entries.join(',')}}`)
  return `{"type":${JSON.stringify(type)},"messages":{${messages.join(',')}}}`
}

function canonicalContent(content: string): string | undefined {
  try {
    const value: JsonValue = JSON.parse(content)
    return canonicalJson(value)
  } catch (cause) {
    if (!(cause instanceof MatrixError)) throw cause
    log.warn(`a message to a device of another server is not sent: ${cause.message}`)
    return undefined
  }
}
