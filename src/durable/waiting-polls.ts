import type { ParkedMessage } from './sync-protocol.ts'

/** A poll that waits in memory: what its account keeps of it between its own lives. */
export interface WaitingPoll {
  readonly id: string
  readonly sinceMs: number
  /** Plain data, as it would be attached to a socket. */
  attachment: unknown
}

/** A request that waits: it is told once, and may go before that. */
export interface WaitingRequest {
  readonly id: string
  /** What the account has to say. Never settles where there is nothing. */
  readonly told: Promise<ParkedMessage>
}

/** No request waits for so long: the end of one that is still here was not seen. */
const MAX_WAIT_MS = 60_000

/**
 * Polls that wait where Workers and objects share one isolate (docs/decisions/0013-polls-that-wait-in-memory.md). Memory and nothing else: the account's
 * object comes and goes meanwhile, and finds here who waits; telling a request only settles a promise that the request awaits itself.
 */
export class WaitingPolls {
  readonly #requests = new Map<string, (message: ParkedMessage) => void>()
  readonly #polls = new Map<string, Map<string, WaitingPoll>>()
  #made = 0

  /** For a Worker: a request that is about to ask its account to let it wait. Call {@link leave} when it ends, however that happens. */
  request(): WaitingRequest {
    this.#made += 1
    const id = String(this.#made)
    const { promise: told, resolve } = Promise.withResolvers<ParkedMessage>()
    this.#requests.set(id, resolve)
    return { id, told }
  }

  /** For a Worker: the request has ended. Answers what the account kept of it, if it has not told it anything. */
  leave(userId: string, id: string): unknown {
    this.#requests.delete(id)
    const attachment = this.#polls.get(userId)?.get(id)?.attachment
    this.#remove(userId, id)
    return attachment
  }

  /** For an account: keeps a request waiting. One that has gone is not kept. */
  park(userId: string, poll: WaitingPoll): void {
    if (!this.#requests.has(poll.id)) return
    const polls = this.#polls.get(userId) ?? new Map<string, WaitingPoll>()
    polls.set(poll.id, poll)
    this.#polls.set(userId, polls)
  }

  /** For an account: who waits, those who have waited longest first. */
  of(userId: string, nowMs: number): readonly WaitingPoll[] {
    const polls = [...(this.#polls.get(userId)?.values() ?? [])]
    const lost = polls.filter(({ sinceMs }) => nowMs - sinceMs > MAX_WAIT_MS)
    for (const { id } of lost) this.leave(userId, id)
    return lost.length === 0 ? polls : polls.filter((poll) => !lost.includes(poll))
  }

  /** For an account: says the one thing that a request waits for. */
  tell(userId: string, id: string, message: ParkedMessage): void {
    this.#remove(userId, id)
    this.#requests.get(id)?.(message)
    this.#requests.delete(id)
  }

  #remove(userId: string, id: string): void {
    const polls = this.#polls.get(userId)
    polls?.delete(id)
    if (polls?.size === 0) this.#polls.delete(userId)
  }
}

/** The polls that wait in this isolate. */
export const waitingPolls = new WaitingPolls()
