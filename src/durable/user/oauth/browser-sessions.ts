import { forbidden, unknownToken, userDeactivated } from '../../../matrix/errors.ts'
import { mintToken, tokenHash } from '../../../runtime/access-token.ts'
import { nowMs } from '../../../runtime/clock.ts'
import { readAccount } from '../../../storage/user/account.ts'
import {
  type BrowserSessionRow,
  deleteBrowserSession,
  insertBrowserSession,
  readBrowserSession,
  updateBrowserAuthenticated,
} from '../../../storage/user/browser-sessions.ts'
import { wrongCredentials } from '../accounts.ts'
import { isPasswordOfAccount } from '../password.ts'
import { refusalOf } from '../standing.ts'
import type { UserCore } from '../user-core.ts'

/** How long a browser stays logged in at most. */
const SESSION_LIFETIME_MS = 24 * 60 * 60 * 1000
/** Browsers logged in at once; the oldest make room. */
const MAX_SESSIONS = 16
/** For how long after the password was given what matters may be done without giving it again (SECURITY A14). */
const FRESH_FOR_MS = 5 * 60 * 1000

/** Who is at the browser. */
export interface BrowserUser {
  readonly userId: string
  /** The password was given a moment ago. */
  readonly fresh: boolean
}

/** A password given on a page. */
export interface BrowserLogin {
  readonly password: string
  readonly clientAddress: string
  readonly requestId: string
}

/** The same where the password may have been given a moment ago. */
export interface BrowserProof extends Omit<BrowserLogin, 'password'> {
  readonly password: string | undefined
}

/**
 * Logs a browser in; answers its cookie, which is always a new one, so that nobody can have put it there (SECURITY A9).
 * @throws MatrixError M_FORBIDDEN, M_USER_DEACTIVATED, M_USER_LOCKED, M_LIMIT_EXCEEDED.
 */
export async function logInBrowser(core: UserCore, { password, clientAddress, requestId }: BrowserLogin): Promise<string> {
  const right = await isPasswordOfAccount(core, password, clientAddress, requestId)
  if (readAccount(core.store)?.state === 'deactivated') throw userDeactivated()
  if (!right) throw wrongCredentials()
  return beginBrowserSession(core, requestId)
}

/** Begins a session for a user who has just proven who they are. @throws MatrixError M_USER_LOCKED. */
export function beginBrowserSession(core: UserCore, requestId: string): string {
  const locked = refusalOf(core, 'unlocked')
  if (locked !== undefined) throw locked
  const now = nowMs()
  const cookie = mintToken(core.config, 'browser', core.localpart)
  const row = { sessionHash: tokenHash(core.config, cookie), createdTs: now, authenticatedTs: now, expiresTs: now + SESSION_LIFETIME_MS }
  core.store.transaction(requestId, () => insertBrowserSession(core.store, row, MAX_SESSIONS))
  return cookie
}

function validSession(core: UserCore, cookie: string): BrowserSessionRow | undefined {
  if (!core.store.exists()) return undefined
  const row = readBrowserSession(core.store, tokenHash(core.config, cookie))
  if (row === undefined || row.expiresTs <= nowMs()) return undefined
  if (readAccount(core.store)?.state !== 'active' || refusalOf(core, 'unlocked') !== undefined) return undefined
  return row
}

/** Who a cookie is of, or `undefined` where it is of nobody any more. */
export function browserUser(core: UserCore, cookie: string): BrowserUser | undefined {
  const row = validSession(core, cookie)
  return row && { userId: core.userId, fresh: nowMs() - row.authenticatedTs < FRESH_FOR_MS }
}

/** The session of a cookie. @throws MatrixError M_UNKNOWN_TOKEN. */
export function requireBrowser(core: UserCore, cookie: string): BrowserSessionRow {
  const row = validSession(core, cookie)
  if (row === undefined) throw unknownToken()
  return row
}

/**
 * Requires that the user at the browser has given their password just now, or a moment ago. @throws MatrixError M_FORBIDDEN, M_LIMIT_EXCEEDED,
 * M_UNKNOWN_TOKEN.
 */
export async function requirePassword(core: UserCore, cookie: string, login: BrowserProof): Promise<void> {
  const row = requireBrowser(core, cookie)
  if (login.password === undefined || login.password === '') {
    if (nowMs() - row.authenticatedTs < FRESH_FOR_MS) return
    throw forbidden('The password is missing')
  }
  if (!(await isPasswordOfAccount(core, login.password, login.clientAddress, login.requestId))) throw forbidden('Wrong password')
  // Hashing let other requests run.
  requireBrowser(core, cookie)
  core.store.transaction(login.requestId, () => updateBrowserAuthenticated(core.store, row.sessionHash, nowMs()))
}

/** Logs a browser out. One that is not logged in is no error. */
export function logOutBrowser(core: UserCore, cookie: string, requestId: string): void {
  if (!core.store.exists()) return
  core.store.transaction(requestId, () => deleteBrowserSession(core.store, tokenHash(core.config, cookie)))
}
