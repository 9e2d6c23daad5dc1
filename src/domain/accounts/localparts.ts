import { invalidUsername } from '../../matrix/errors.ts'
import { isUserId, isValidNewLocalpart } from '../../matrix/ids/user-id.ts'
import type { Config } from '../../runtime/config.ts'
import { randomString } from '../../runtime/random.ts'

const GENERATED_LOCALPART_CHARS = 12

/** Capitals of ASCII made small. Nothing else: other characters must not turn into letters that are allowed. */
function lowerCase(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
}

/** The full Matrix ID of a local account. */
export function localUserId(config: Config, localpart: string): string {
  return `@${localpart}:${config.serverName}`
}

/**
 * The localpart that a client asks for when it registers: capitals become small, because localparts have none (appendices#user-identifiers).
 * Names that start with an underscore are not for clients to take. @throws MatrixError M_INVALID_USERNAME.
 */
export function newLocalpart(config: Config, username: string): string {
  const localpart = lowerCase(username)
  if (!isValidNewLocalpart(localpart) || !isUserId(localUserId(config, localpart))) {
    throw invalidUsername('A user name consists of a-z, 0-9 and . _ = - / +, and is not too long')
  }
  if (localpart.startsWith('_')) throw invalidUsername('A user name does not start with an underscore')
  return localpart
}

/** A localpart for a client that asks for none. */
export function generatedLocalpart(): string {
  return `u${randomString(GENERATED_LOCALPART_CHARS).toLowerCase()}`
}

/**
 * The localpart that a client means when it logs in: a localpart or the full ID of a local user, in whatever case. `undefined` if it cannot
 * be an account of this server.
 */
export function localpartOfLogin(config: Config, user: string): string | undefined {
  const userId = user.startsWith('@') ? user : `@${user}:${config.serverName}`
  const suffix = `:${config.serverName}`
  if (!userId.endsWith(suffix) || !isUserId(userId)) return undefined
  const localpart = lowerCase(userId.slice(1, -suffix.length))
  return isValidNewLocalpart(localpart) ? localpart : undefined
}
