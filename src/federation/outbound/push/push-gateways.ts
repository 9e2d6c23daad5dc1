import type { JsonObject } from '../../../matrix/json.ts'
import { log } from '../../../runtime/log.ts'
import {
  MAX_DEVICES_PER_PUSH,
  MAX_PUSHES_PER_GATEWAY,
  MAX_WAITING_PUSHES,
  PUSH_GATHER_MS,
  PUSH_LEASE_MS,
  PUSH_TIMEOUT_MS,
} from '../limits.ts'
import { OutboundError, RemoteRefusal } from '../outbound-error.ts'

/** One notification for one device. What it is made of is never changed, and may be shared with others. */
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

/**
 * A notification on its way. Objects of one isolate share these, and only as memory: none may wait for a promise of another, so whoever wants to know looks.
 * Without a verdict after {@link PUSH_LEASE_MS} whoever carried it has ended, and it counts as failed.
 */
export interface SentPush {
  readonly message: PushMessage
  /** Messages with the same one say the same to devices of the same kind. */
  readonly kind: string
  /** It must not travel with others any more. */
  readonly isAlone: boolean
  verdict: PushVerdict | undefined
}

interface Gateway {
  /** In order. */
  waiting: SentPush[]
  /** Requests under way, and when each began: one whose object ended in the middle gives its place back after a while. */
  readonly active: Set<{ readonly sinceMs: number }>
  /** Since when somebody waits for others to join. */
  gatheringMs: number | undefined
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

  /** Sends a notification. `work` is what the caller's object has to stay for, for its own sake or that of others; it never throws. */
  post(message: PushMessage): { readonly sent: SentPush; readonly work: Promise<void> | undefined } {
    const kind = `[${textOf(message.content)},${textOf(message.device)}]`
    const gateway = this.#gateway(message.url)
    const isFull = gateway.waiting.length >= MAX_WAITING_PUSHES
    const sent: SentPush = { message, kind, isAlone: false, verdict: isFull ? 'failed' : undefined }
    if (isFull) return { sent, work: undefined }
    gateway.waiting.push(sent)
    const now = this.#now()
    if (gateway.gatheringMs !== undefined && Math.abs(now - gateway.gatheringMs) < PUSH_TIMEOUT_MS) return { sent, work: undefined }
    gateway.gatheringMs = now
    return { sent, work: this.#carry(message.url, gateway) }
  }

  #gateway(url: string): Gateway {
    let gateway = this.#gateways.get(url)
    if (gateway === undefined) {
      gateway = { waiting: [], active: new Set(), gatheringMs: undefined }
      this.#gateways.set(url, gateway)
    }
    return gateway
  }

  /** Waits a moment for others who say the same, then sends what waits, as far as the gateway has places. */
  async #carry(url: string, gateway: Gateway): Promise<void> {
    await new Promise<void>((resolve) => setTimeout(resolve, PUSH_GATHER_MS))
    gateway.gatheringMs = undefined
    const now = this.#now()
    for (const request of gateway.active) if (Math.abs(now - request.sinceMs) > PUSH_LEASE_MS) gateway.active.delete(request)
    const lanes: Promise<void>[] = []
    while (gateway.waiting.length > 0 && gateway.active.size < MAX_PUSHES_PER_GATEWAY) lanes.push(this.#sendOn(url, gateway))
    await Promise.all(lanes)
    if (gateway.waiting.length === 0 && gateway.active.size === 0 && gateway.gatheringMs === undefined) this.#gateways.delete(url)
  }

  /** One request after the other until nothing waits. */
  async #sendOn(url: string, gateway: Gateway): Promise<void> {
    const request = { sinceMs: this.#now() }
    gateway.active.add(request)
    try {
      for (let alike = takeAlike(gateway); alike.length > 0; alike = takeAlike(gateway)) await this.#send(url, gateway, alike)
    } finally {
      gateway.active.delete(request)
    }
  }

  async #send(url: string, gateway: Gateway, alike: readonly SentPush[]): Promise<void> {
    try {
      const rejected = await this.#notify(url, notificationFor(alike.map(({ message }) => message)))
      for (const one of alike) one.verdict = rejected.has(one.message.pushkey) ? 'rejected' : 'delivered'
    } catch (cause) {
      log.debug(`a push gateway could not be told: ${cause instanceof OutboundError ? cause.failure : 'a defect'}`)
      // What the gateway refuses may be the fault of one of them: each has the right to fail alone.
      const mayBeOne = alike.length > 1 && cause instanceof RemoteRefusal
      if (mayBeOne) gateway.waiting.push(...alike.map((one) => Object.assign(one, { isAlone: true })))
      else for (const one of alike) one.verdict = 'failed'
    }
  }
}

const texts = new WeakMap<JsonObject, string>()

/** JSON of what many messages share: a pusher has one device for all of them, and what an event is told with is the same for many pushers. */
function textOf(part: JsonObject): string {
  let text = texts.get(part)
  if (text === undefined) {
    text = JSON.stringify(part)
    texts.set(part, text)
  }
  return text
}

/** Takes the notification that has waited longest, and others that may travel with it. */
function takeAlike(gateway: Gateway): SentPush[] {
  const [first] = gateway.waiting
  if (first === undefined) return []
  const taken: SentPush[] = []
  const left: SentPush[] = []
  for (const one of gateway.waiting) {
    const fits = one === first || (one.kind === first.kind && !one.isAlone && !first.isAlone)
    ;(fits && taken.length < MAX_DEVICES_PER_PUSH ? taken : left).push(one)
  }
  gateway.waiting = left
  return taken
}

function notificationFor(messages: readonly PushMessage[]): JsonObject {
  const devices = messages.map(({ device, pushkey, pushkeyTs }) => ({ ...device, pushkey, pushkey_ts: pushkeyTs }))
  return { ...messages[0]?.content, devices }
}
