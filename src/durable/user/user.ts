import { DurableObject } from 'cloudflare:workers'
import type { Env } from '../../runtime/bindings.ts'
import { countCost } from '../../runtime/metrics.ts'
import { admit, type Credential } from './tokens.ts'
import { UserCore } from './user-core.ts'
import { UserSession } from './user-session.ts'

/** One account: its devices, tokens, account data, room list and feed. A thin shell; each concern has its own file. */
export class User extends DurableObject<Env> {
  readonly #core: UserCore

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    countCost('construct')
    // Objects are only ever addressed by name, and the name is the Matrix ID.
    this.#core = new UserCore(ctx, env, ctx.id.name ?? '')
  }

  /** Opens a session: the capability through which everything else on this account is done. Never refuses by itself: its methods do. */
  open(credential: Credential): UserSession {
    return new UserSession(this.#core, admit(this.#core, credential))
  }

  /** Ends this life of the object, as a crash would. Reached only through the control routes and tests. */
  abortForTest(): void {
    this.ctx.abort('ended by a test')
  }
}
