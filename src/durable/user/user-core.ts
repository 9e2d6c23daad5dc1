import type { Env } from '../../runtime/bindings.ts'
import { type Config, configOf } from '../../runtime/config.ts'
import { ObjectStore } from '../../storage/object-store.ts'
import { USER_MIGRATIONS } from '../../storage/user/migrations.generated.ts'

/** What every concern of a `User` object works with. One per object, shared by all of its sessions. */
export class UserCore {
  readonly userId: string
  readonly store: ObjectStore
  readonly env: Env
  readonly config: Config
  readonly ctx: DurableObjectState

  constructor(ctx: DurableObjectState, env: Env, userId: string) {
    this.ctx = ctx
    this.env = env
    this.config = configOf(env)
    this.userId = userId
    this.store = new ObjectStore(ctx.storage, USER_MIGRATIONS)
  }
}
