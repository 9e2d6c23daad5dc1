import { isJsonObject, type JsonObject, type JsonValue } from './json.ts'

/** Whether somebody is there (client-server-api#presence). */
export type PresenceState = 'online' | 'unavailable' | 'offline'

/** The states, as clients and servers name them. */
export const PRESENCE_STATES: readonly PresenceState[] = ['online', 'unavailable', 'offline']

/** Longest status message, in characters. */
export const MAX_STATUS_CHARS = 1_000
/** The longest that somebody is said to have been away. */
const MAX_AGO_MS = 10 * 365 * 24 * 3_600_000

/** What is known of somebody's presence. */
export interface Presence {
  readonly userId: string
  readonly presence: PresenceState
  readonly statusMsg: string | undefined
  /** When they did something last, in milliseconds since the epoch. */
  readonly lastActiveTs: number
}

/** Content of an `m.presence` event, or the answer to who asks. */
export function presenceContent({ presence, statusMsg, lastActiveTs }: Presence, nowMs: number): JsonObject {
  return {
    presence,
    last_active_ago: Math.min(Math.max(0, nowMs - lastActiveTs), MAX_AGO_MS),
    ...(presence === 'online' ? { currently_active: true } : {}),
    ...(statusMsg === undefined ? {} : { status_msg: statusMsg }),
  }
}

/** The same as one of the updates of an `m.presence` EDU (server-server-api#presence). */
export function presenceUpdate(presence: Presence, nowMs: number): JsonObject {
  return { ...presenceContent(presence, nowMs), user_id: presence.userId }
}

/** Reads one update of an EDU; `undefined` for what is none. Whose it is must be checked. */
export function parsePresenceUpdate(json: JsonValue, nowMs: number): Presence | undefined {
  if (!isJsonObject(json)) return undefined
  const { user_id: userId, presence: state, status_msg: statusMsg, last_active_ago: ago } = json
  const presence = PRESENCE_STATES.find((known) => known === state)
  if (typeof userId !== 'string' || presence === undefined) return undefined
  const agoMs = typeof ago === 'number' && ago >= 0 ? Math.min(ago, MAX_AGO_MS) : 0
  return {
    userId,
    presence,
    statusMsg: typeof statusMsg === 'string' && statusMsg.length <= MAX_STATUS_CHARS ? statusMsg : undefined,
    lastActiveTs: Math.round(nowMs - agoMs),
  }
}
