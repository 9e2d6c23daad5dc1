import { eventually } from './federation-pair.ts'
import type { MatrixClient } from './matrix-client.ts'

/** What a sync says of devices and to them. */
export interface DeviceSync {
  readonly next_batch: string
  readonly device_lists?: { readonly changed?: readonly string[]; readonly left?: readonly string[] }
  readonly to_device?: { readonly events: readonly { readonly sender: string; readonly type: string; readonly content: unknown }[] }
  readonly rooms?: {
    readonly join?: Readonly<
      Record<string, { readonly ephemeral?: { readonly events: readonly { readonly type: string; readonly content: unknown }[] } }>
    >
  }
}

/** Keys as `/keys/query` answers them. */
export interface QueriedKeys {
  readonly failures: Readonly<Record<string, unknown>>
  readonly device_keys: Readonly<Record<string, Readonly<Record<string, { readonly keys: Readonly<Record<string, string>> }>>>>
  readonly master_keys: Readonly<Record<string, { readonly keys: Readonly<Record<string, string>> }>>
  readonly self_signing_keys: Readonly<Record<string, unknown>>
}

/** Follows a device's syncs, and keeps what they said of devices. */
export class DeviceObserver {
  readonly client: MatrixClient
  readonly messages: { readonly sender: string; readonly type: string; readonly content: unknown }[] = []
  #since: string | undefined

  constructor(client: MatrixClient) {
    this.client = client
  }

  /** One sync, without waiting. */
  async sync(): Promise<DeviceSync> {
    const query = { timeout: '0', ...(this.#since === undefined ? {} : { since: this.#since }) }
    const synced = await this.client.call<DeviceSync>('GET', '/v3/sync', { query })
    this.#since = synced.next_batch
    this.messages.push(...(synced.to_device?.events ?? []))
    return synced
  }

  /** Syncs until one says that a user's devices changed. */
  async untilChanged(userId: string, timeoutMs?: number): Promise<void> {
    await eventually(
      () => this.sync(),
      ({ device_lists: lists }) => lists?.changed?.includes(userId) === true,
      timeoutMs,
    )
  }

  /** Syncs until so many messages have come in all. */
  async untilMessages(count: number, timeoutMs?: number): Promise<void> {
    await eventually(
      async () => {
        await this.sync()
        return this.messages.length
      },
      (found) => found >= count,
      timeoutMs,
    )
  }

  /** Asks for the keys of users. */
  query(...userIds: readonly string[]): Promise<QueriedKeys> {
    const body = { device_keys: Object.fromEntries(userIds.map((userId) => [userId, []])) }
    return this.client.call<QueriedKeys>('POST', '/v3/keys/query', { body })
  }

  /** IDs of the devices that a query shows. */
  async devices(userId: string): Promise<string[]> {
    return Object.keys((await this.query(userId)).device_keys[userId] ?? {}).sort()
  }
}
