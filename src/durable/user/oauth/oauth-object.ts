import type { Outcome } from '../../../runtime/outcome.ts'
import { readDevice } from '../../../storage/user/devices.ts'
import { AccountObject, outcomeOf } from '../account-object.ts'
import { type AccountAction, type AccountOnPage, accountOnPage, actOnAccount } from './account-page.ts'
import {
  type BrowserLogin,
  type BrowserProof,
  type BrowserUser,
  browserUser,
  logInBrowser,
  logOutBrowser,
  requireBrowser,
} from './browser-sessions.ts'
import { admitDeviceCode, type CodeBinding, type CodeGrant, type CodeRedemption, issueCode, type OAuthTokens, redeemCode } from './codes.ts'
import { refreshGrant, revokeToken } from './tokens.ts'

/**
 * What the server's own pages and its OAuth endpoints ask of an account. They hold no access token: what they show instead (a cookie, a code,
 * a refresh token) names the account under a MAC that the Worker has checked, and is checked here.
 */
export abstract class OAuthObject extends AccountObject {
  /** Logs a browser in with a password; answers its cookie. */
  browserLogin(login: BrowserLogin): Promise<Outcome<string>> {
    return outcomeOf(() => logInBrowser(AccountObject.coreOf(this), login))
  }

  /** Who a cookie is of. */
  browserUser(cookie: string): Promise<Outcome<BrowserUser | undefined>> {
    return outcomeOf(() => browserUser(AccountObject.coreOf(this), cookie))
  }

  /** Logs a browser out. */
  browserLogout(cookie: string, requestId: string): Promise<Outcome<void>> {
    return outcomeOf(() => logOutBrowser(AccountObject.coreOf(this), cookie, requestId))
  }

  /** Whether the user at the browser has a device of this ID already. */
  browserHasDevice(cookie: string, deviceId: string): Promise<Outcome<boolean>> {
    return outcomeOf(() => {
      const core = AccountObject.coreOf(this)
      requireBrowser(core, cookie)
      return readDevice(core.store, deviceId) !== undefined
    })
  }

  /** The user at the browser lets a client in; answers the authorization code. */
  authorizeClient(cookie: string, grant: CodeGrant, binding: CodeBinding, requestId: string): Promise<Outcome<string>> {
    return outcomeOf(() => {
      const core = AccountObject.coreOf(this)
      requireBrowser(core, cookie)
      return issueCode(core, grant, binding, requestId)
    })
  }

  /** The user at the browser lets a client in that waits with a device code. */
  authorizeDevice(cookie: string, deviceCodeHash: string, grant: CodeGrant, lifetimeMs: number, requestId: string): Promise<Outcome<void>> {
    return outcomeOf(() => {
      const core = AccountObject.coreOf(this)
      requireBrowser(core, cookie)
      admitDeviceCode(core, deviceCodeHash, grant, lifetimeMs, requestId)
    })
  }

  /** Exchanges a code for tokens; `undefined` if it is not good. */
  redeemCode(redemption: CodeRedemption, requestId: string): Promise<Outcome<OAuthTokens | undefined>> {
    return outcomeOf(() => redeemCode(AccountObject.coreOf(this), redemption, requestId))
  }

  /** Exchanges an OAuth client's refresh token for the next pair. */
  refreshGrant(refreshToken: string, clientId: string, requestId: string): Promise<Outcome<OAuthTokens>> {
    return outcomeOf(() => refreshGrant(AccountObject.coreOf(this), refreshToken, clientId, requestId))
  }

  /** Ends the session that a token belongs to. */
  revokeToken(token: string, requestId: string): Promise<Outcome<void>> {
    return outcomeOf(() => revokeToken(AccountObject.coreOf(this), token, requestId))
  }

  /** What the account page shows. */
  accountOnPage(cookie: string): Promise<Outcome<AccountOnPage>> {
    return outcomeOf(() => accountOnPage(AccountObject.coreOf(this), cookie))
  }

  /** What the user does on the account page. */
  actOnAccount(cookie: string, action: AccountAction, proof: BrowserProof): Promise<Outcome<void>> {
    return outcomeOf(() => actOnAccount(AccountObject.coreOf(this), cookie, action, proof))
  }
}
