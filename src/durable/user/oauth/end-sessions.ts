import { tokenHash } from '../../../runtime/access-token.ts'
import { deleteBrowserSessions } from '../../../storage/user/browser-sessions.ts'
import { deleteUnusedOAuthCodes } from '../../../storage/user/oauth-codes.ts'
import type { UserCore } from '../user-core.ts'

/** Logs every browser out but one, and withdraws what was allowed to clients and not taken up yet (SECURITY A3). In a transaction. */
export function endBrowserSessions(core: UserCore, exceptCookie: string | undefined): void {
  deleteBrowserSessions(core.store, exceptCookie === undefined ? undefined : tokenHash(core.config, exceptCookie))
  deleteUnusedOAuthCodes(core.store)
}
