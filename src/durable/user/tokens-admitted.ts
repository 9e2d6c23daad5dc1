/** What is remembered of a valid token. */
export interface AdmittedToken {
  readonly deviceId: string
  readonly expiresTs: number | undefined
}

/** Tokens remembered per object; the one looked up longest ago is forgotten first. */
const MAX_TOKENS = 64

/**
 * Valid access tokens of the account, so that a request costs no query. Held in memory only. The object is the only writer of its tokens, and
 * forgets here whatever it revokes there, so nothing goes stale.
 */
export class AdmittedTokens {
  readonly #tokens = new Map<string, AdmittedToken>()

  get(token: string): AdmittedToken | undefined {
    return this.#tokens.get(token)
  }

  set(token: string, admitted: AdmittedToken): void {
    this.#tokens.set(token, admitted)
    if (this.#tokens.size <= MAX_TOKENS) return
    const oldest = this.#tokens.keys().next()
    if (!oldest.done) this.#tokens.delete(oldest.value)
  }

  /** Forgets everything, after any revocation. Looking up again costs one query a token. */
  clear(): void {
    this.#tokens.clear()
  }
}
