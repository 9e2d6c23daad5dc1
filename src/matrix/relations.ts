import type { JsonObject } from './json.ts'
import { isJsonObject } from './json.ts'

/** How an event refers to another (client-server-api#forming-relationships-between-events). */
export interface Relation {
  /** `m.thread`, `m.replace`, `m.annotation`, `m.reference`, or any other text. */
  readonly relType: string
  /** The parent. Nothing says that it exists, or is in the same room. */
  readonly eventId: string
  /** What an annotation says, e.g. an emoji. */
  readonly key: string | undefined
}

/** The relation that an event's content states, if it is well-formed. Encrypted events state theirs in the clear. */
export function relationOf(content: JsonObject): Relation | undefined {
  const relates = relatesTo(content)
  if (relates === undefined) return undefined
  const { rel_type: relType, event_id: eventId, key } = relates
  if (typeof relType !== 'string' || relType === '' || typeof eventId !== 'string' || eventId === '') return undefined
  return { relType, eventId, key: typeof key === 'string' ? key : undefined }
}

/** The root of the thread that an event belongs to directly, if it states one. */
export function threadRootOf(content: JsonObject): string | undefined {
  const relation = relationOf(content)
  return relation?.relType === 'm.thread' ? relation.eventId : undefined
}

/**
 * The event that an event replies to (client-server-api#rich-replies). In a thread, a reply that is only there for clients without
 * threads does not count.
 */
export function replyTargetOf(content: JsonObject): string | undefined {
  const relates = relatesTo(content)
  const reply = relates?.['m.in_reply_to']
  if (!isJsonObject(reply) || typeof reply.event_id !== 'string') return undefined
  const fallback = relates?.rel_type === 'm.thread' && relates.is_falling_back === true
  return fallback ? undefined : reply.event_id
}

/** What the validity of a replacement depends on. */
export interface ReplaceableEvent {
  readonly eventId: string
  readonly roomId: string
  readonly type: string
  readonly stateKey: string | undefined
  readonly sender: string
  readonly content: JsonObject
}

/** Whether one event is a valid replacement of another (client-server-api#validity-of-replacement-events). */
export function isValidReplacement(original: ReplaceableEvent, replacement: ReplaceableEvent): boolean {
  const relation = relationOf(replacement.content)
  if (relation?.relType !== 'm.replace' || relation.eventId !== original.eventId) return false
  const sameOrigin = original.roomId === replacement.roomId && original.sender === replacement.sender && original.type === replacement.type
  const stateless = original.stateKey === undefined && replacement.stateKey === undefined
  // What replaces an encrypted message is inside the ciphertext.
  const hasNewContent = replacement.type === 'm.room.encrypted' || isJsonObject(replacement.content['m.new_content'])
  return sameOrigin && stateless && hasNewContent && relationOf(original.content)?.relType !== 'm.replace'
}

function relatesTo(content: JsonObject): JsonObject | undefined {
  const relates = content['m.relates_to']
  return isJsonObject(relates) ? relates : undefined
}
