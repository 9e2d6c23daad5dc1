import { mintToken, tokenHash } from '../../../runtime/access-token.ts'
import { nowMs } from '../../../runtime/clock.ts'
import { insertOAuthCode, markOAuthCodeUsed, type OAuthCodeRow, readOAuthCode } from '../../../storage/user/oauth-codes.ts'
import { readOAuthGrant, writeOAuthGrant } from '../../../storage/user/oauth-grants.ts'
import { checkDeviceWish, logInDevice, removeDevices } from '../devices.ts'
import { refusalOf } from '../standing.ts'
import type { IssuedTokens } from '../tokens-refresh.ts'
import type { UserCore } from '../user-core.ts'
import { verifierFits } from './pkce.ts'

/** How long a code may be exchanged for tokens (SECURITY A5: ten minutes at most). */
const CODE_LIFETIME_MS = 5 * 60 * 1000
/** Codes remembered per account, used ones included; the oldest make room. */
const MAX_CODES = 64

/** What a user has allowed a client. */
export interface CodeGrant {
  readonly clientId: string
  readonly clientName: string | undefined
  readonly clientUri: string | undefined
  readonly scope: string
  readonly deviceId: string
}

/** An authorization response that the code is for. */
export interface CodeBinding {
  readonly redirectUri: string
  readonly codeChallenge: string
}

/** Issues an authorization code. The caller has checked that the user is there and has agreed. @throws MatrixError M_USER_LOCKED. */
export function issueCode(core: UserCore, grant: CodeGrant, binding: CodeBinding, requestId: string): string {
  const code = mintToken(core.config, 'code', core.localpart)
  storeCode(core, tokenHash(core.config, code), grant, binding, CODE_LIFETIME_MS, requestId)
  return code
}

/** Makes a device code that the user has approved exchangeable, until it expires. */
export function admitDeviceCode(core: UserCore, deviceCodeHash: string, grant: CodeGrant, lifetimeMs: number, requestId: string): void {
  if (readOAuthCode(core.store, deviceCodeHash) !== undefined) return
  storeCode(core, deviceCodeHash, grant, undefined, lifetimeMs, requestId)
}

function storeCode(
  core: UserCore,
  codeHash: string,
  grant: CodeGrant,
  binding: CodeBinding | undefined,
  lifetimeMs: number,
  requestId: string,
): void {
  const locked = refusalOf(core, 'unlocked')
  if (locked !== undefined) throw locked
  const now = nowMs()
  const row: OAuthCodeRow = {
    codeHash,
    ...grant,
    redirectUri: binding?.redirectUri,
    codeChallenge: binding?.codeChallenge,
    createdTs: now,
    expiresTs: now + lifetimeMs,
    used: false,
  }
  core.store.transaction(requestId, () => insertOAuthCode(core.store, row, MAX_CODES))
}

/** An attempt to exchange a code. */
export interface CodeRedemption {
  readonly codeHash: string
  readonly clientId: string
  /** What an authorization code is bound to besides; `undefined` for a device code. */
  readonly proof: { readonly redirectUri: string; readonly codeVerifier: string } | undefined
  readonly clientAddress: string
}

/** Tokens with what they are good for. */
export interface OAuthTokens extends IssuedTokens {
  readonly scope: string
}

/**
 * Exchanges a code for tokens on its device, in one transaction, so that it works once (SECURITY A5). A code that comes back ends the session
 * which the first use began. @returns `undefined` for a code that is unknown, spent, over, or not this client's.
 */
export function redeemCode(core: UserCore, redemption: CodeRedemption, requestId: string): OAuthTokens | undefined {
  const { store } = core
  const row = store.exists() ? readOAuthCode(store, redemption.codeHash) : undefined
  if (row === undefined) return undefined
  if (row.used) {
    if (readOAuthGrant(store, row.deviceId)?.codeHash === row.codeHash) {
      store.transaction(requestId, () => removeDevices(core, [row.deviceId]))
    }
    return undefined
  }
  const now = nowMs()
  if (row.expiresTs <= now || row.clientId !== redemption.clientId || !isProven(row, redemption.proof)) return undefined
  const locked = refusalOf(core, 'unlocked')
  if (locked !== undefined) throw locked
  const { deviceId, scope, clientName, clientUri, clientId, codeHash } = row
  const wish = { deviceId, displayName: clientName, refreshable: true, clientAddress: redemption.clientAddress }
  checkDeviceWish(wish)
  return store.transaction(requestId, () => {
    markOAuthCodeUsed(store, codeHash)
    const tokens = logInDevice(core, wish, now)
    writeOAuthGrant(store, { deviceId, clientId, scope, clientName, clientUri, codeHash }, now)
    return { accessToken: tokens.accessToken, refreshToken: tokens.refreshToken, expiresInMs: tokens.expiresInMs, scope }
  })
}

function isProven(row: OAuthCodeRow, proof: CodeRedemption['proof']): boolean {
  if (row.redirectUri === undefined || row.codeChallenge === undefined) return proof === undefined
  return proof !== undefined && proof.redirectUri === row.redirectUri && verifierFits(proof.codeVerifier, row.codeChallenge)
}
