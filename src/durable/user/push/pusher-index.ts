import { createHmac } from 'node:crypto'
import { deriveKey } from '../../../runtime/access-token.ts'
import { nowMs } from '../../../runtime/clock.ts'
import { log } from '../../../runtime/log.ts'
import { openRegistry } from '../../../storage/d1/open.ts'
import { otherOwnersOf, registerPushers } from '../../../storage/d1/pushers.ts'
import type { DueResult } from '../../../storage/due-table.ts'
import { type Pusher, readPushers } from '../../../storage/user/pushers.ts'
import { objectsOf } from '../../objects.ts'
import type { UserCore } from '../user-core.ts'

const DUE = 'push-index'
/** When the alarm looks whether the registry was told; the first attempt does not wait for it. */
const RETRY_MS = 30_000

type PusherKey = Pick<Pusher, 'appId' | 'pushkey'>

/**
 * Tells the registry which pushkeys this user has, as keyed hashes, so that others who have them can be found. Planned in the commit of the change, done at once,
 * repeated by the alarm after a crash or a failure.
 */
export class PusherIndex {
  readonly #core: UserCore
  #running: Promise<void> | undefined
  #requests = 0
  #told = 0

  constructor(core: UserCore) {
    this.#core = core
    core.due.handle(DUE, () => this.#repeat())
  }

  /** The pushers are changing. To be called inside the transaction. */
  plan(): void {
    this.#requests += 1
    this.#core.due.ensure(DUE, '', nowMs() + RETRY_MS)
    this.#core.ctx.waitUntil(this.#start())
  }

  /** Resolves when the registry knows of every change up to now. @throws whatever the registry throws. */
  async upToDate(): Promise<void> {
    const { store } = this.#core
    while (this.#told < this.#requests) {
      this.#running ??= this.#tell(this.#requests).finally(() => {
        this.#running = undefined
      })
      await this.#running
      if (!store.exists()) return
    }
  }

  /** Other users of this server with the same pushkey lose it. */
  async takeFromOthers(key: PusherKey): Promise<void> {
    const { env, localpart, config } = this.#core
    const others = await otherOwnersOf(openRegistry(env, undefined), this.#hashOf(key), localpart)
    const objects = objectsOf(env, undefined)
    await Promise.all(others.map((other) => objects.user(`@${other}:${config.serverName}`).losePusher(key.appId, key.pushkey)))
  }

  async #start(): Promise<void> {
    // After the transaction, but in its turn: the alarm and the plan are one commit.
    await Promise.resolve()
    await this.#core.due.arm()
    try {
      await this.upToDate()
    } catch (cause) {
      log.warn('the registry will hear of pushers later', cause)
    }
  }

  async #repeat(): Promise<DueResult> {
    if (this.#requests === 0) this.#requests = 1
    await this.upToDate()
    return 'settled'
  }

  async #tell(requests: number): Promise<void> {
    const { env, store, localpart } = this.#core
    const hashes = readPushers(store).map(({ pusher }) => this.#hashOf(pusher))
    await registerPushers(openRegistry(env, undefined), localpart, hashes)
    this.#told = requests
  }

  #hashOf({ appId, pushkey }: PusherKey): string {
    return createHmac('sha256', deriveKey(this.#core.config, 'pusher-index/1'))
      .update(JSON.stringify([appId, pushkey]))
      .digest('base64url')
  }
}
