import { DurableObject } from 'cloudflare:workers'
import type { Env } from '../../runtime/bindings.ts'
import { countCost } from '../../runtime/metrics.ts'
import { UserCore } from './user-core.ts'

/** One account: its devices, tokens, account data, room list and feed. A thin shell; each concern has its own file. */
export class User extends DurableObject<Env> {
  readonly #core: UserCore

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    countCost('construct')
    // Objects are only ever addressed by name, and the name is the Matrix ID.
    this.#core = new UserCore(ctx, env, ctx.id.name ?? '')
  }
}
