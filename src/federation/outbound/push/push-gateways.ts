import type { JsonObject } from '../../../matrix/json.ts'
import { log } from '../../../runtime/log.ts'
import {
  MAX_DEVICES_PER_PUSH,
  MAX_PUSH_PAUSE_MS,
  MAX_PUSHES_PER_GATEWAY,
  MAX_WAITING_PUSHES,
  PUSH_GATHER_MS,
  PUSH_LEASE_MS,
} from '../limits.ts'
import { OutboundError, RemoteRefusal } from '../outbound-error.ts'

/** One notification for one device. */
export interface PushMessage {
  readonly url: string
  /** `notification` without `devices`. */
  readonly content: JsonObject
  /** What devices have in common that may share a request: app ID, data and tweaks. */
  readonly device: JsonObject
  readonly pushkey: string
  /** When the pushkey was set, in seconds since the epoch. */
  readonly pushkeyTs: number
}

/** What became of a notification. `rejected`: the gateway wants the pusher gone. */
export type PushVerdict = 'delivered' | 'rejected' | 'failed'

/** Sends one notification; answers the rejected pushkeys. @throws OutboundError. */
export type Notify = (url: string, notification: JsonObject) => Promise<ReadonlySet<string>>

/** A notification that waits. Objects of one isolate share these, and only memory: none may wait for a promise of another. */
interface Waiting {
  readonly message: PushMessage
  /** Messages with the same one say the same to devices of the same kind. */
  readonly kind: string
  /** Somebody is sending it. */
  isTaken: boolean
  /** It must not travel with others any more. */
  isAlone: boolean
  verdict: PushVerdict | undefined
}

interface Gateway {
  readonly waiting: Set<Waiting>
  /** Requests under way, and when each began: one whose object ended in the middle gives its place back after a while. */
  readonly active: Set<{ readonly sinceMs: number }>
}

/**
 * What this isolate has to say to push gateways. Notifications of one event are gathered for a moment: those that say the same to devices of the same kind travel in
 * one request, and each gateway has a bounded number of requests at once. So a message to hundreds of users is a few requests, not hundreds of connections.
 */
export class PushGateways {
  readonly #notify: Notify
  readonly #now: () => number
  readonly #gateways = new Map<string, Gateway>()

  constructor(notify: Notify, now: () => number) {
    this.#notify = notify
    this.#now = now
  }

  /** Delivers a notification. Never throws; answers in bounded time. */
  async deliver(message: PushMessage): Promise<PushVerdict> {
    const gateway = this.#gateway(message.url)
    if (gateway.waiting.size >= MAX_WAITING_PUSHES) return 'failed'
    const kind = JSON.stringify([message.content, message.device])
    const own: Waiting = { message, kind, isTaken: false, isAlone: false, verdict: undefined }
    gateway.waiting.add(own)
    try {
      return await this.#await(gateway, own)
    } finally {
      gateway.waiting.delete(own)
      if (gateway.waiting.size === 0 && gateway.active.size === 0) this.#gateways.delete(message.url)
    }
  }

  #gateway(url: string): Gateway {
    let gateway = this.#gateways.get(url)
    if (gateway === undefined) {
      gateway = { waiting: new Set(), active: new Set() }
      this.#gateways.set(url, gateway)
    }
    return gateway
  }

  /** Looks now and then whether it was sent by somebody; whoever looks first sends it, and those like it. */
  async #await(gateway: Gateway, own: Waiting): Promise<PushVerdict> {
    let pauseMs = PUSH_GATHER_MS
    for (let waitedMs = 0; waitedMs < PUSH_LEASE_MS; waitedMs += pauseMs) {
      if (waitedMs > 0) pauseMs = Math.min(2 * pauseMs, MAX_PUSH_PAUSE_MS)
      await new Promise<void>((resolve) => setTimeout(resolve, pauseMs))
      if (own.verdict === undefined && !own.isTaken && this.#hasPlace(gateway)) await this.#send(gateway, takeAlike(gateway.waiting, own))
      if (own.verdict !== undefined) return own.verdict
    }
    return 'failed'
  }

  #hasPlace({ active }: Gateway): boolean {
    const now = this.#now()
    for (const request of active) if (now - request.sinceMs > PUSH_LEASE_MS) active.delete(request)
    return active.size < MAX_PUSHES_PER_GATEWAY
  }

  async #send({ active }: Gateway, alike: readonly Waiting[]): Promise<void> {
    const request = { sinceMs: this.#now() }
    active.add(request)
    try {
      const rejected = await this.#notify(alike[0]?.message.url ?? '', notificationFor(alike.map(({ message }) => message)))
      for (const one of alike) one.verdict = rejected.has(one.message.pushkey) ? 'rejected' : 'delivered'
    } catch (cause) {
      log.debug(`a push gateway could not be told: ${cause instanceof OutboundError ? cause.failure : 'a defect'}`)
      // What the gateway refuses may be the fault of one of them: each has the right to fail alone.
      const mayBeOne = alike.length > 1 && cause instanceof RemoteRefusal
      for (const one of alike) {
        if (mayBeOne) Object.assign(one, { isTaken: false, isAlone: true })
        else one.verdict = 'failed'
      }
    } finally {
      active.delete(request)
    }
  }
}

/** Takes a notification, and others that may travel with it. */
function takeAlike(waiting: ReadonlySet<Waiting>, own: Waiting): Waiting[] {
  const taken = [own]
  own.isTaken = true
  if (own.isAlone) return taken
  for (const one of waiting) {
    if (taken.length >= MAX_DEVICES_PER_PUSH) break
    if (one.kind !== own.kind || one.isTaken || one.isAlone || one.verdict !== undefined) continue
    one.isTaken = true
    taken.push(one)
  }
  return taken
}

function notificationFor(messages: readonly PushMessage[]): JsonObject {
  const devices = messages.map(({ device, pushkey, pushkeyTs }) => ({ ...device, pushkey, pushkey_ts: pushkeyTs }))
  return { ...messages[0]?.content, devices }
}
