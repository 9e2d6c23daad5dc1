import { MatrixError, notFound, tooLarge } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/json.ts'
import * as rows from '../../storage/user/account-data.ts'
import { onAccountDataChanged } from './hooks.ts'
import { pushRulesContent } from './push-rules.ts'
import type { UserCore } from './user-core.ts'

/** Longest content of one type, in characters of JSON. */
const MAX_CONTENT_CHARS = 256 * 1024
/** Pieces of account data of one user, over all rooms. */
const MAX_PIECES = 20_000
/** Types that have endpoints of their own (SECURITY A20). */
const PROTECTED_TYPES: ReadonlySet<string> = new Set(['m.push_rules', 'm.fully_read'])

/** Where account data is: `roomId` is `''` for global data. */
export interface AccountDataKey {
  readonly roomId: string
  readonly type: string
}

/**
 * Sets account data on behalf of a client. Setting what is there already is no change; an empty object deletes (MSC3391).
 * @throws MatrixError 405 M_BAD_JSON for types that the server controls, M_TOO_LARGE.
 */
export function putAccountData(core: UserCore, key: AccountDataKey, content: JsonObject, requestId: string): void {
  if (PROTECTED_TYPES.has(key.type)) throw new MatrixError(405, 'M_BAD_JSON', `Cannot set ${key.type} through this API`)
  setAccountData(core, key, content, requestId)
}

/** Sets account data of any type, for the endpoints that own one; an empty object deletes it. @throws MatrixError M_TOO_LARGE. */
export function setAccountData(core: UserCore, { roomId, type }: AccountDataKey, content: JsonObject, requestId: string): void {
  const json = JSON.stringify(content)
  if (json.length > MAX_CONTENT_CHARS) throw tooLarge(`Account data has at most ${MAX_CONTENT_CHARS} characters`)
  const stored = rows.readAccountData(core.store, roomId, type)
  if (stored === json) return
  const isFull = stored === undefined && rows.countAccountData(core.store) >= MAX_PIECES
  core.store.transaction(requestId, () => {
    // Where there is no room, what is deleted need not be remembered: clients that come back after long keep it.
    if (isFull && !rows.forgetOldestDeletion(core.store)) throw tooLarge('There is too much account data')
    const streamId = rows.writeAccountData(core.store, roomId, type, json)
    onAccountDataChanged(core, { roomId, type, streamId })
  })
}

/** Account data of one type, as JSON text. @throws MatrixError M_NOT_FOUND, also for what was deleted. */
export function getAccountData(core: UserCore, { roomId, type }: AccountDataKey): string {
  if (isPushRules({ roomId, type })) return JSON.stringify(pushRulesContent(core))
  const content = rows.readAccountData(core.store, roomId, type)
  if (content === undefined || content === rows.DELETED) throw notFound('There is no account data of that type')
  return content
}

/**
 * Account data that changed in `(since, upTo]`, as clients see it, oldest first, at most `limit` pieces. With `since` 0, for an initial sync:
 * everything there is, and always the push rules.
 */
export function accountDataChanges(core: UserCore, since: number, upTo: number, limit: number): rows.AccountDataRow[] {
  const changes = rows.accountDataBetween(core.store, since, upTo, limit)
  const asSeen = changes.map((row) => (isPushRules(row) ? { ...row, content: JSON.stringify(pushRulesContent(core)) } : row))
  if (since > 0 || asSeen.some(isPushRules)) return asSeen
  return [{ roomId: '', type: 'm.push_rules', content: JSON.stringify(pushRulesContent(core)), streamId: 0 }, ...asSeen]
}

function isPushRules({ roomId, type }: AccountDataKey): boolean {
  return roomId === '' && type === 'm.push_rules'
}
