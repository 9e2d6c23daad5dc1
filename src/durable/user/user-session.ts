import { RpcTarget } from 'cloudflare:workers'
import type { MatrixError } from '../../matrix/errors.ts'
import { type Outcome, refusal, success } from '../../runtime/outcome.ts'
import type { UserCore } from './user-core.ts'

/** Who is behind a session, as its credential proved. */
export interface Requester {
  readonly userId: string
  readonly deviceId: string
  readonly requestId: string
}

/** What `User.open` found out about a credential: a requester, or why there is none. */
export type Admission =
  | { readonly admitted: true; readonly requester: Requester }
  | { readonly admitted: false; readonly error: MatrixError }

/**
 * The capability that an admitted credential opens on one account. Every method answers an {@link Outcome}; with a refused credential each
 * of them answers the refusal, so authorization cannot be forgotten and costs no round trip of its own.
 */
export class UserSession extends RpcTarget {
  readonly #core: UserCore
  readonly #admission: Admission

  constructor(core: UserCore, admission: Admission) {
    super()
    this.#core = core
    this.#admission = admission
  }

  /** Runs one synchronous method for the admitted requester. */
  #run<T>(body: (core: UserCore, requester: Requester) => T): Outcome<T> {
    if (!this.#admission.admitted) return refusal(this.#admission.error)
    try {
      return success(body(this.#core, this.#admission.requester))
    } catch (cause) {
      return refusal(cause)
    }
  }

  /** Runs one asynchronous method for the admitted requester. */
  async #runAsync<T>(body: (core: UserCore, requester: Requester) => Promise<T>): Promise<Outcome<T>> {
    if (!this.#admission.admitted) return refusal(this.#admission.error)
    try {
      return success(await body(this.#core, this.#admission.requester))
    } catch (cause) {
      return refusal(cause)
    }
  }

  /** Who this session belongs to (client-server-api `GET /account/whoami`). */
  whoami(): Outcome<Requester> {
    return this.#run((_core, requester) => requester)
  }
}
