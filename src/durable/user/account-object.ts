import { DurableObject } from 'cloudflare:workers'
import type { Env } from '../../runtime/bindings.ts'
import { countCost } from '../../runtime/metrics.ts'
import { type Outcome, refusal, success } from '../../runtime/outcome.ts'
import { UserCore } from './user-core.ts'

/** What the classes that make up an account's object share: the account itself, out of reach of callers. */
export abstract class AccountObject extends DurableObject<Env> {
  readonly #account: UserCore

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    countCost('construct')
    // Objects are only ever addressed by name, and the name is the Matrix ID.
    this.#account = new UserCore(ctx, env, ctx.id.name ?? '')
  }

  /** The account as it is, with what rooms have left for it. Nothing but this is used. */
  static coreOf(object: AccountObject): UserCore {
    object.#account.letters.takeIn()
    return object.#account
  }
}

/** Runs a method that needs no session; a refusal is its outcome. */
export async function outcomeOf<T>(body: () => T | Promise<T>): Promise<Outcome<T>> {
  try {
    return success(await body())
  } catch (cause) {
    return refusal(cause)
  }
}
