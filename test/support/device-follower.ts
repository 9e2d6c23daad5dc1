import type { DeviceSync, QueriedKeys } from './device-observer.ts'
import type { MatrixClient } from './matrix-client.ts'

/** A client that knows of others' devices only what its syncs make it ask for, as encrypting clients do. */
export class DeviceFollower {
  readonly client: MatrixClient
  /** What it would encrypt to, by user. */
  readonly lists = new Map<string, string>()
  readonly #outdated = new Set<string>()
  #since: string | undefined

  constructor(client: MatrixClient) {
    this.client = client
  }

  /** One sync, and the questions that follow from it. */
  async step(): Promise<void> {
    const query = { timeout: '0', ...(this.#since === undefined ? {} : { since: this.#since }) }
    const { next_batch: next, device_lists: lists } = await this.client.call<DeviceSync>('GET', '/v3/sync', { query })
    if (this.#since === undefined) for (const userId of await this.#everybody()) this.#outdated.add(userId)
    this.#since = next
    for (const userId of lists?.changed ?? []) this.#outdated.add(userId)
    for (const userId of lists?.left ?? []) {
      this.lists.delete(userId)
      this.#outdated.delete(userId)
    }
    await this.#ask()
  }

  async #everybody(): Promise<Set<string>> {
    const members = await Promise.all((await this.client.joinedRooms()).map((roomId) => this.client.joinedMembers(roomId)))
    return new Set(members.flat())
  }

  async #ask(): Promise<void> {
    if (this.#outdated.size === 0) return
    const asked = [...this.#outdated]
    const body = { device_keys: Object.fromEntries(asked.map((userId) => [userId, []])) }
    const { device_keys: keys } = await this.client.call<QueriedKeys>('POST', '/v3/keys/query', { body })
    for (const userId of asked) {
      const devices = keys[userId]
      // Who could not be asked for stays outdated.
      if (devices === undefined) continue
      this.lists.set(userId, Object.keys(devices).sort().join())
      this.#outdated.delete(userId)
    }
  }

  /** What it would encrypt to in the rooms that it is in, apart from itself; `?` for users whom it knows nothing current of. */
  async believed(): Promise<Record<string, string>> {
    const others = [...(await this.#everybody())].filter((userId) => userId !== this.client.userId).sort()
    return Object.fromEntries(others.map((userId) => [userId, this.#outdated.has(userId) ? '?' : (this.lists.get(userId) ?? '?')]))
  }
}
