import { USER_LIMITS } from '../../../http/rate-limit.ts'
import { forbidden, invalidParam, limitExceeded, MatrixError, notFound, tooLarge, unknownError } from '../../../matrix/errors.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import { mintToken } from '../../../runtime/access-token.ts'
import { nowMs } from '../../../runtime/clock.ts'
import { log } from '../../../runtime/log.ts'
import { type Outcome, unwrap } from '../../../runtime/outcome.ts'
import type { DueResult } from '../../../storage/due-table.ts'
import * as rows from '../../../storage/user/delayed-events.ts'
import { roomAccess } from '../notices.ts'
import type { Requester } from '../session-base.ts'
import type { UserCore } from '../user-core.ts'
import { describeDelayedEvent } from './describe.ts'
import {
  GIVE_UP_AFTER_MS,
  KEEP_FINALISED,
  KEEP_FINALISED_MS,
  MAX_DELAY_MS,
  MAX_DELAYED_CONTENT_CHARS,
  MAX_SCHEDULED,
  RETRY_MS,
} from './limits.ts'
import { sendDelayed } from './send-delayed.ts'

/** `due` kind of events that wait. */
const DELAYED_DUE = 'delayed'
/** Changes of delayed events count against the user, whoever makes them. */
const MANAGEMENT = 'delayed-event'

/** Worker → user: an event to be sent later. */
export interface DelayRequest {
  readonly roomId: string
  readonly type: string
  readonly stateKey: string | undefined
  readonly content: JsonObject
  readonly redacts: string | undefined
  readonly delayMs: number
  /** Of the request, where it has one. */
  readonly txnId: string | undefined
}

/** What may be done with an event that waits (MSC4140). */
export type DelayAction = 'send' | 'cancel' | 'restart'

/** Events that this user has left with the server to be sent later (docs/design/delayed-events.md). */
export class DelayedEvents {
  readonly #core: UserCore
  /** Being sent right now, by the ID of the delay. */
  readonly #sending = new Map<string, Promise<Outcome<{ readonly eventId: string }>>>()

  constructor(core: UserCore) {
    this.#core = core
    core.due.handle(DELAYED_DUE, (delayId) => this.#isDue(delayId), { punctual: true })
  }

  /** Leaves an event with the server; answers the delay's ID. Durable when it answers. @throws MatrixError M_FORBIDDEN, M_LIMIT_EXCEEDED, M_TOO_LARGE, M_INVALID_PARAM. */
  async schedule({ deviceId, requestId }: Requester, request: DelayRequest): Promise<string> {
    const core = this.#core
    const { roomId, type, delayMs, txnId } = request
    const txn = txnId === undefined ? undefined : JSON.stringify([deviceId, roomId, type, txnId])
    const known = txn === undefined ? undefined : rows.findDelayedEvent(core.store, txn)
    if (known !== undefined) return known.delayId
    const content = JSON.stringify(request.content)
    const now = nowMs()
    this.#check(request, content, now)
    const delayId = mintToken(core.config, 'delay', core.localpart)
    core.store.transaction(requestId, () => {
      rows.pruneDelayedEvents(core.store, now - KEEP_FINALISED_MS, KEEP_FINALISED)
      const { stateKey, redacts } = request
      rows.insertDelayedEvent(core.store, { delayId, txn, roomId, type, stateKey, content, redacts, delayMs, scheduledTs: now })
      core.due.ensure(DELAYED_DUE, delayId, now + delayMs)
    })
    await core.due.arm()
    return delayId
  }

  #check({ roomId, delayMs }: DelayRequest, content: string, now: number): void {
    if (!Number.isSafeInteger(delayMs) || delayMs < 1) throw invalidParam('A delay is a positive number of milliseconds')
    if (delayMs > MAX_DELAY_MS) throw forbidden(`Events can be delayed by ${MAX_DELAY_MS} ms at most`)
    if (content.length > MAX_DELAYED_CONTENT_CHARS) throw tooLarge('The content fits into no event')
    if (roomAccess(this.#core, roomId) === undefined) throw forbidden('You are not in this room')
    const { count, firstTs } = rows.countDelayedEvents(this.#core.store)
    if (count >= MAX_SCHEDULED) throw limitExceeded(Math.max(1, firstTs - now))
  }

  /**
   * Sends, cancels or restarts one, for whoever knows its ID. Repeating what has been done is no error.
   * @throws MatrixError M_NOT_FOUND, 409 M_UNKNOWN where something else became of it, M_LIMIT_EXCEEDED, and why it cannot be sent: then it goes on waiting.
   */
  async manage(delayId: string, action: DelayAction, requestId: string): Promise<void> {
    const { store } = this.#core
    this.#charge()
    if (!store.exists()) throw notFound('There is no such delayed event')
    // Whatever is under way first: whether it was sent decides what can be done.
    await this.#sending.get(delayId)?.catch(() => undefined)
    const row = rows.readDelayedEvent(store, delayId)
    if (row === undefined) throw notFound('There is no such delayed event')
    if (row.final !== undefined) {
      if (action === (row.final.eventId === undefined ? 'cancel' : 'send')) return
      throw new MatrixError(409, 'M_UNKNOWN', row.final.eventId === undefined ? 'It has been cancelled' : 'It has been sent')
    }
    if (action === 'send') unwrap(await this.#send(row))
    else if (action === 'cancel') this.#finalise(delayId, { ts: nowMs() }, requestId)
    else await this.#restart(row, requestId)
  }

  /** What waits, in the order in which it is due, as clients see it. */
  list(): JsonObject[] {
    return rows.scheduledDelayedEvents(this.#core.store).map(describeDelayedEvent)
  }

  /** One that waits, or what became of it, as clients see it. @throws MatrixError M_NOT_FOUND. */
  describe(delayId: string): JsonObject {
    const row = rows.readDelayedEvent(this.#core.store, delayId)
    if (row === undefined) throw notFound('There is no such delayed event')
    return describeDelayedEvent(row)
  }

  async #restart({ delayId, delayMs }: rows.DelayedEventRow, requestId: string): Promise<void> {
    const { store, due } = this.#core
    const now = nowMs()
    store.transaction(requestId, () => {
      rows.restartDelayedEvent(store, delayId, now)
      due.clear(DELAYED_DUE, delayId)
      due.ensure(DELAYED_DUE, delayId, now + delayMs)
    })
    await due.arm()
  }

  #charge(): void {
    const { config, buckets } = this.#core
    const limit = config.rateLimits ? USER_LIMITS.write : undefined
    const waitMs = limit === undefined ? 0 : buckets.take(MANAGEMENT, limit, nowMs())
    if (waitMs > 0) throw limitExceeded(waitMs)
  }

  /** Sends one; it is sent once, however many ask for it. */
  #send(row: rows.DelayedEventRow): Promise<Outcome<{ readonly eventId: string }>> {
    const { delayId } = row
    let sending = this.#sending.get(delayId)
    if (sending === undefined) {
      sending = this.#attempt(row).finally(() => this.#sending.delete(delayId))
      this.#sending.set(delayId, sending)
    }
    return sending
  }

  async #attempt(row: rows.DelayedEventRow): Promise<Outcome<{ readonly eventId: string }>> {
    const outcome = await sendDelayed(this.#core, row)
    if (outcome.ok) this.#finalise(row.delayId, { ts: nowMs(), eventId: outcome.value.eventId })
    return outcome
  }

  #finalise(delayId: string, outcome: rows.DelayedOutcome, requestId?: string): void {
    const { store, due } = this.#core
    store.transaction(requestId, () => {
      rows.finaliseDelayedEvent(store, delayId, outcome)
      due.clear(DELAYED_DUE, delayId)
    })
  }

  /** The alarm: its time has come. */
  async #isDue(delayId: string): Promise<DueResult> {
    const row = rows.readDelayedEvent(this.#core.store, delayId)
    if (row === undefined || row.final !== undefined) return 'done'
    const dueMs = row.scheduledTs + row.delayMs
    if (dueMs > nowMs()) return { again: dueMs }
    const outcome = await this.#send(row).catch((cause: unknown): Outcome<never> => {
      log.warn('a delayed event could not be sent', cause)
      return { ok: false, error: unknownError().toShape() }
    })
    // Its row of deferred work went with what was written of the outcome.
    if (outcome.ok) return 'settled'
    if (outcome.error.errcode === 'M_UNKNOWN' && nowMs() < dueMs + GIVE_UP_AFTER_MS) return { again: nowMs() + RETRY_MS }
    this.#finalise(delayId, { ts: nowMs(), error: JSON.stringify(MatrixError.fromShape(outcome.error).toBody()) })
    return 'settled'
  }
}
