import type { TokenClaims } from '../runtime/access-token.ts'
import type { Env } from '../runtime/bindings.ts'
import type { Config } from '../runtime/config.ts'

/** An access token whose MAC this server made: it names its account, but only the account's object says whether it is still valid. */
export interface PresentedToken extends TokenClaims {
  /** The token itself, for the account's object. Never log it. */
  readonly text: string
  /** Full Matrix ID of the account it names. */
  readonly userId: string
}

/**
 * What an account must be for a request (client-server-api#account-locking, #account-suspension): anything, not locked, or neither locked
 * nor suspended.
 */
export type StandingNeeded = 'any' | 'unlocked' | 'unrestricted'

/** What is known of a request before its handler runs. The context that handlers receive is built from it (`domain/context.ts`). */
export interface RequestFacts {
  readonly env: Env
  readonly config: Config
  readonly requestId: string
  readonly clientAddress: string
  /** Which limit the request counts against, charged to the user when the session opens. */
  readonly rateLimit: RateLimitClass
  readonly standing: StandingNeeded
  readonly token: PresentedToken | undefined
  /** Lets work outlive the answer, within the platform's limits. */
  waitUntil(work: Promise<unknown>): void
}

/** What a context must offer the endpoint wrapper. */
export interface DisposableContext {
  /** Lets go of what the request held; called once, after the answer has been made or has failed. */
  close(): void
}

/**
 * Classes of requests that share a limit (SECURITY O6). `none` is never limited; `federation` counts against the server that signed;
 * `unsigned` are those of servers whose signature turned out to be none; `page`, `oauth` and `oauth-client` are the server's own pages, the token
 * endpoints, and registrations of OAuth clients.
 */
export type RateLimitClass =
  | 'none'
  | 'read'
  | 'write'
  | 'message'
  | 'sync'
  | 'ephemeral'
  | 'create-room'
  | 'join'
  | 'invite'
  | 'media'
  | 'upload'
  | 'account'
  | 'login'
  | 'register'
  | 'federation'
  | 'notary'
  | 'unsigned'
  | 'page'
  | 'oauth'
  | 'oauth-client'

/** What stands for the address of a client that nobody trustworthy has named. */
export const UNKNOWN_ADDRESS = 'unknown'
