import type { SlidingRequest } from '../sliding-protocol.ts'

/** Requests that are remembered: of parked polls, and of those that are about to park. */
const MAX_REMEMBERED = 64

/** A request, and what the spaces that it names contained. */
export interface RememberedRequest {
  readonly request: SlidingRequest
  readonly spaces: ReadonlyMap<string, ReadonlySet<string>>
}

/** What connections asked for last, in memory: a parked poll whose request has been forgotten is told to ask again. */
export class SlidingRequests {
  readonly #requests = new Map<string, RememberedRequest>()

  /** Remembers a request. */
  set(deviceId: string, remembered: RememberedRequest): void {
    const key = JSON.stringify([deviceId, remembered.request.connectionId])
    this.#requests.delete(key)
    this.#requests.set(key, remembered)
    for (const oldest of this.#requests.keys()) {
      if (this.#requests.size <= MAX_REMEMBERED) break
      this.#requests.delete(oldest)
    }
  }

  /** The request of a connection. */
  find(deviceId: string, connectionId: string): RememberedRequest | undefined {
    return this.#requests.get(JSON.stringify([deviceId, connectionId]))
  }
}
