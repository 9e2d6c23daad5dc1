import * as z from 'zod'
import { jsonObject } from '../../../http/schema/json.ts'
import { badJson, invalidParam } from '../../../matrix/errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../../matrix/json.ts'
import type { BackedUpSession } from '../../../storage/user/key-backup-sessions.ts'

/** Backups are uploaded in batches of a few hundred sessions. */
export const MAX_BODY_BYTES = 8 * 1024 * 1024
/** Characters of one session's data, and of its ID. */
const MAX_SESSION_CHARS = 64 * 1024
const MAX_ID_CHARS = 255

/** Which backup a request is about. */
export const versionQuery = z.object({ version: z.string() })

/** One session as clients see it (client-server-api#definition-keybackupdata). */
export const sessionBody = z.object({
  first_message_index: z.number().int().min(0),
  forwarded_count: z.number().int().min(0),
  is_verified: z.boolean(),
  session_data: jsonObject,
})

/** A session to store. @throws MatrixError M_BAD_JSON, M_INVALID_PARAM. */
export function readSession(roomId: string, sessionId: string, value: JsonValue): BackedUpSession {
  const parsed = sessionBody.safeParse(value)
  if (!parsed.success) throw badJson(`The session ${sessionId} has the wrong shape`)
  const sessionData = JSON.stringify(parsed.data.session_data)
  if (sessionData.length > MAX_SESSION_CHARS) throw invalidParam(`The session ${sessionId} is too large`)
  if (roomId.length > MAX_ID_CHARS || sessionId.length > MAX_ID_CHARS) throw invalidParam('An ID is too long')
  const { first_message_index: firstMessageIndex, forwarded_count: forwardedCount, is_verified: isVerified } = parsed.data
  return { roomId, sessionId, firstMessageIndex, forwardedCount, isVerified, sessionData }
}

/** The sessions of one room: `{"sessions": {…}}`. @throws MatrixError M_BAD_JSON, M_INVALID_PARAM. */
export function readRoom(roomId: string, value: JsonValue): BackedUpSession[] {
  const sessions: JsonObject['sessions'] = isJsonObject(value) ? value.sessions : undefined
  if (!isJsonObject(sessions)) throw badJson('sessions must be an object')
  return Object.entries(sessions).map(([sessionId, session]) => readSession(roomId, sessionId, session ?? null))
}

/** A session as clients see it, as JSON. */
export function sessionJson(session: BackedUpSession): string {
  return `{"first_message_index":${session.firstMessageIndex},"forwarded_count":${session.forwardedCount},"is_verified":${session.isVerified},"session_data":${session.sessionData}}`
}
