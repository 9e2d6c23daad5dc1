/** Longest user ID, in UTF-16 units; format checks bound it in bytes (appendices#user-identifiers). */
const MAX_USER_ID_LENGTH = 255

/**
 * Server name of a user, room or (in room versions 1 and 2) event ID: everything after the first colon, so that ports and IPv6 literals
 * survive. `undefined` if there is no colon.
 */
export function serverNameOf(id: string): string | undefined {
  const colon = id.indexOf(':')
  return colon < 0 ? undefined : id.slice(colon + 1)
}

/** Whether two IDs belong to the same server; IDs without a server belong to none. */
export function onSameServer(left: string, right: string): boolean {
  const server = serverNameOf(left)
  return server !== undefined && server === serverNameOf(right)
}

/**
 * Whether a string can be a user ID in the wide sense that authorization needs: `@`, a localpart, which may be historical, and a server
 * name (appendices#historical-user-ids).
 */
export function isUserId(value: unknown): value is string {
  if (typeof value !== 'string' || !value.startsWith('@') || value.length > MAX_USER_ID_LENGTH) return false
  const colon = value.indexOf(':')
  return colon > 0 && colon < value.length - 1 && !value.includes('\u0000')
}
