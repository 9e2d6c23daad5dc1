import { outboundOf } from '../../../federation/outbound/outbound.ts'
import type { PushVerdict } from '../../../federation/outbound/push/push-gateways.ts'
import type { PushVerdict as RuleVerdict } from '../../../matrix/push-rules/evaluate.ts'
import { tweaksOf } from '../../../matrix/push-rules/tweaks.ts'
import { nowMs } from '../../../runtime/clock.ts'
import { log } from '../../../runtime/log.ts'
import { randomFraction } from '../../../runtime/random.ts'
import type { DueResult } from '../../../storage/due-table.ts'
import { deletePusher, type PusherStanding, WELL, writePusherStanding } from '../../../storage/user/pushers.ts'
import { standingOf } from '../standing.ts'
import { healUnread } from '../unread-heal.ts'
import type { UserCore } from '../user-core.ts'
import { type Lane, type LaneItem, PUSH_DUE, PushLanes } from './push-lanes.ts'
import { badgeMessageFor, messageFor } from './push-message.ts'
import { PusherIndex } from './pusher-index.ts'

/** The first pause after a failure, doubled with each one that follows up to the longest; a quarter of it is left to chance. */
const FIRST_RETRY_MS = 5_000
const LONGEST_RETRY_MS = 60 * 60_000
const JITTER = 0.25
/** Nobody wants to be woken for something older. */
const MAX_AGE_MS = 24 * 60 * 60_000
/** Counts that fall are told after this, once for all that was read meanwhile. */
const BADGE_DELAY_MS = 1_000

/** An event of which the user is to be notified. */
export interface Notable {
  readonly roomId: string
  readonly eventId: string
  /** Position of its unread mark; 0 for an invitation. */
  readonly pos: number
  readonly isEncrypted: boolean
  readonly verdict: RuleVerdict
  readonly ts: number
}

/**
 * Sends the user's notifications to their push gateways (docs/design/push.md): at once, from memory, without a commit; what was not delivered by the time the feed
 * is written is written with it and tried again by the alarm. At least once: after a crash an event may be told twice, by the same event ID.
 */
export class Push {
  readonly lanes: PushLanes
  readonly index: PusherIndex
  readonly #core: UserCore
  #badgeTimer: ReturnType<typeof setTimeout> | undefined
  #healing: Promise<void> | undefined
  #healAgain = false

  constructor(core: UserCore) {
    this.#core = core
    this.lanes = new PushLanes(core)
    this.index = new PusherIndex(core)
    core.feedKeeper.riders.push(this.lanes)
    core.due.handle(PUSH_DUE, () => this.#runDue())
  }

  /** Whether the user has pushers: then rooms keep ringing, however long nobody has polled. */
  get any(): boolean {
    return this.lanes.any
  }

  /** An event counts. Costs nothing without pushers. */
  notify({ roomId, eventId, pos, isEncrypted, verdict, ts }: Notable): void {
    if (!this.lanes.any || standingOf(this.#core).locked) return
    const { tweaks, isLoud } = tweaksOf(verdict.actions)
    this.lanes.add({ roomId, eventId, pos, high: isEncrypted || isLoud, tweaks: JSON.stringify(tweaks), ts })
    for (const lane of this.lanes.all()) this.#start(lane)
  }

  /** Something was read, here or on another device: phones that show a number are told. */
  badgeFell(): void {
    if (!this.lanes.any) return
    this.#badgeTimer ??= setTimeout(() => {
      this.#badgeTimer = undefined
      this.#core.ctx.waitUntil(this.#tellBadge())
    }, BADGE_DELAY_MS)
  }

  /** A room rang without saying everything: with pushers nobody waits for the next sync. */
  healSoon(roomId: string): void {
    if (!this.lanes.any || !this.#core.unread.behind.has(roomId)) return
    this.#healAgain = true
    this.#healing ??= this.#heal().finally(() => {
      this.#healing = undefined
    })
    this.#core.ctx.waitUntil(this.#healing)
  }

  async #heal(): Promise<void> {
    while (this.#healAgain) {
      this.#healAgain = false
      await healUnread(this.#core, 'push')
    }
  }

  #start(lane: Lane): void {
    if (!lane.isRunning && !this.#isPaused(lane)) this.#core.ctx.waitUntil(this.#deliver(lane))
  }

  #isPaused({ standing }: Lane): boolean {
    return standing.retryTs !== undefined && standing.retryTs > nowMs()
  }

  /** Delivers what waits in a lane, in order, until there is nothing left or the gateway fails. Never throws. */
  async #deliver(lane: Lane): Promise<void> {
    if (lane.isRunning) return
    lane.isRunning = true
    // What is being written in this turn is there in the next.
    await Promise.resolve()
    try {
      for (let item = lane.items[0]; item !== undefined && !lane.isGone && !this.#isPaused(lane); item = lane.items[0]) {
        await this.#deliverOne(lane, item)
      }
    } catch (cause) {
      log.error('a notification could not be delivered', cause)
    } finally {
      lane.isRunning = false
    }
  }

  async #deliverOne(lane: Lane, item: LaneItem): Promise<void> {
    const message = this.#isWanted(item) ? await messageFor(this.#core, lane, item.push) : undefined
    if (message === undefined) return this.lanes.drop(lane, item)
    const badge = this.#core.unread.badge
    const verdict = await outboundOf(this.#core.env).pushGateways.deliver(message)
    if (lane.isGone) return
    if (verdict === 'failed') return this.#failed(lane)
    this.lanes.drop(lane, item)
    lane.toldBadge = badge
    this.#answered(lane, verdict)
  }

  /** Whether it is still worth telling: unread, or an invitation that stands. */
  #isWanted({ push }: LaneItem): boolean {
    const { feedKeeper, unread } = this.#core
    if (nowMs() - push.ts > MAX_AGE_MS) return false
    return push.pos === 0 ? feedKeeper.feed.rooms.find(push.roomId)?.membership === 'invite' : unread.isUnread(push.roomId, push.eventId)
  }

  #answered(lane: Lane, verdict: Exclude<PushVerdict, 'failed'>): void {
    const { store } = this.#core
    if (verdict === 'rejected') {
      store.transaction(undefined, () => {
        deletePusher(store, lane.pusher)
        this.index.plan()
      })
      this.lanes.reload()
    } else if (lane.standing.failures > 0) this.#setStanding(lane, WELL)
  }

  #failed(lane: Lane): void {
    const { due, ctx, feedKeeper } = this.#core
    const now = nowMs()
    const failures = lane.standing.failures + 1
    const pauseMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 20)) * (1 - JITTER * randomFraction())
    const retryTs = Math.round(now + pauseMs)
    this.#setStanding(lane, { failures, failingSinceTs: lane.standing.failingSinceTs ?? now, retryTs }, () =>
      due.ensure(PUSH_DUE, '', retryTs),
    )
    ctx.waitUntil(due.arm())
    feedKeeper.flushSoon()
  }

  #setStanding(lane: Lane, standing: PusherStanding, also: () => void = () => undefined): void {
    const { store } = this.#core
    store.transaction(undefined, () => {
      writePusherStanding(store, lane.pusher, standing)
      also()
    })
    lane.standing = standing
  }

  async #tellBadge(): Promise<void> {
    const badge = this.#core.unread.badge
    const { pushGateways } = outboundOf(this.#core.env)
    const lanes = this.lanes.all().filter((lane) => lane.toldBadge !== badge && lane.items.length === 0 && !this.#isPaused(lane))
    await Promise.all(
      lanes.map(async (lane) => {
        lane.toldBadge = badge
        const verdict = await pushGateways.deliver(badgeMessageFor(lane, badge))
        // A number that did not arrive comes with the next one.
        if (lane.isGone) return
        if (verdict === 'failed') lane.toldBadge = undefined
        else this.#answered(lane, verdict)
      }),
    )
  }

  /** Due work: what waits is delivered, and rows of what was delivered go. */
  async #runDue(): Promise<DueResult> {
    await Promise.all(this.lanes.all().map((lane) => this.#deliver(lane)))
    const retries = this.lanes
      .all()
      .flatMap(({ items, standing }) => (items.length > 0 ? [standing.retryTs ?? nowMs() + FIRST_RETRY_MS] : []))
    if (retries.length > 0) return { again: Math.min(...retries) }
    this.#core.feedKeeper.flush()
    return 'done'
  }
}
