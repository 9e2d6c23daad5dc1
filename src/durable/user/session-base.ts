import { RpcTarget } from 'cloudflare:workers'
import type { MatrixError } from '../../matrix/errors.ts'
import { type Outcome, refusal, success } from '../../runtime/outcome.ts'
import type { UserCore } from './user-core.ts'

/** Who is behind a session, as its credential proved. */
export interface Requester {
  readonly userId: string
  readonly deviceId: string
  readonly requestId: string
  /** The account is suspended, and the request is one that suspended accounts may make. */
  readonly suspended?: true
}

/** What `User.open` found out about a credential: a requester, or why there is none. */
export type Admission =
  | { readonly admitted: true; readonly requester: Requester }
  | { readonly admitted: false; readonly error: MatrixError }

/**
 * What every session has. Callers reach methods of the prototype only, so neither these properties nor the functions below are part of the
 * capability.
 */
export abstract class SessionBase extends RpcTarget {
  protected readonly core: UserCore
  protected readonly admission: Admission

  constructor(core: UserCore, admission: Admission) {
    super()
    this.core = core
    this.admission = admission
  }
}

/** Runs one synchronous method for the admitted requester; a refused credential is the outcome of every method. */
export function run<T>(core: UserCore, admission: Admission, body: (core: UserCore, requester: Requester) => T): Outcome<T> {
  if (!admission.admitted) return refusal(admission.error)
  core.letters.takeIn()
  try {
    return success(body(core, admission.requester))
  } catch (cause) {
    return refusal(cause)
  }
}

/** Runs one asynchronous method for the admitted requester. */
export async function runAsync<T>(
  core: UserCore,
  admission: Admission,
  body: (core: UserCore, requester: Requester) => T | Promise<T>,
): Promise<Outcome<T>> {
  if (!admission.admitted) return refusal(admission.error)
  core.letters.takeIn()
  try {
    return success(await body(core, admission.requester))
  } catch (cause) {
    return refusal(cause)
  } finally {
    core.letters.takeIn()
  }
}
