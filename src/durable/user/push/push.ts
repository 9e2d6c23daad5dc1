import { PUSH_LEASE_MS } from '../../../federation/outbound/limits.ts'
import { outboundOf } from '../../../federation/outbound/outbound.ts'
import type { PushMessage, PushVerdict } from '../../../federation/outbound/push/push-gateways.ts'
import { nowMs } from '../../../runtime/clock.ts'
import { log } from '../../../runtime/log.ts'
import { randomFraction } from '../../../runtime/random.ts'
import type { DueResult } from '../../../storage/due-table.ts'
import { deletePusher, type PusherStanding, WELL, writePusherStanding } from '../../../storage/user/pushers.ts'
import { standingOf } from '../standing.ts'
import type { UserCore } from '../user-core.ts'
import type { Told } from './letterbox.ts'
import { PushHealing } from './push-healing.ts'
import { type Lane, type LaneItem, PUSH_DUE, PushLanes, targetOf, type Way } from './push-lanes.ts'
import { badgeMessageFor, detailsOf, messageFor, type Notable, namingMessage, queuedPushOf } from './push-message.ts'
import { PusherIndex } from './pusher-index.ts'

/** The first pause after a failure, doubled with each one that follows up to the longest; a quarter of it is left to chance. */
const FIRST_RETRY_MS = 5_000
const LONGEST_RETRY_MS = 60 * 60_000
const JITTER = 0.25
/** Nobody wants to be woken for something older. */
const MAX_AGE_MS = 24 * 60 * 60_000
/** Counts that fall are told after this, once for all that was read meanwhile. */
const BADGE_DELAY_MS = 1_000
/** What became of notifications is looked at after this, before the feed is written. */
const LOOK_MS = 1_000
/** The alarm looks this often, and so many times; then it leaves the rest to the next. */
const DUE_LOOK_MS = 50
const DUE_LOOKS = 400
/** One round tries a gateway that failed, the next sends the rest. */
const DUE_ROUNDS = 2

/**
 * Sends the user's notifications to their push gateways (docs/design/push.md): at once, from memory, without a commit; what was not delivered by the time the feed
 * is written is written with it and tried again by the alarm. At least once: after a crash an event may be told twice, by the same event ID.
 */
export class Push {
  readonly lanes: PushLanes
  readonly index: PusherIndex
  readonly healing: PushHealing
  readonly #core: UserCore
  #badgeTimer: ReturnType<typeof setTimeout> | undefined
  #lookTimer: ReturnType<typeof setTimeout> | undefined

  constructor(core: UserCore) {
    this.#core = core
    this.lanes = new PushLanes(core)
    this.index = new PusherIndex(core)
    this.healing = new PushHealing(core)
    core.feedKeeper.riders.push(this.lanes)
    core.due.handle(PUSH_DUE, () => this.#runDue())
  }

  /** Whether the user has pushers: then rooms keep ringing, however long nobody has polled. */
  get any(): boolean {
    return this.lanes.any
  }

  /** An event counts. Costs nothing without pushers. */
  notify(notable: Notable): void {
    if (!this.lanes.any || standingOf(this.#core).locked) return
    this.lanes.add(queuedPushOf(notable))
    for (const lane of this.lanes.all()) this.#sendWaiting(lane)
  }

  /** Phones were told of an event when its room left it in the letterbox: what has become of that is looked at like of everything else. */
  told(roomId: string, { mark: { eventId, pos, ts }, isEncrypted, verdict, badge, sent }: Told): void {
    const push = queuedPushOf({ roomId, eventId, pos, isEncrypted, verdict, ts })
    for (const lane of this.lanes.all()) {
      const posted = sent.get(lane.pusher)
      lane.toldBadge = badge
      if (posted?.verdict === 'delivered') continue
      this.lanes.addTo(lane, push, posted && { sent: posted, sinceMs: ts, badge })
      this.#lookSoon()
    }
  }

  /** Something was read, here or on another device: phones that show a number are told. */
  badgeFell(): void {
    if (!this.lanes.any) return
    this.#badgeTimer ??= setTimeout(() => {
      this.#badgeTimer = undefined
      this.#core.letters.takeIn()
      this.#tellBadge()
    }, BADGE_DELAY_MS)
  }

  #isPaused({ standing }: Lane): boolean {
    return standing.retryTs !== undefined && standing.retryTs > nowMs()
  }

  /** Sends a notification on its way. What becomes of it is seen by {@link #look}. */
  #send(lane: Lane, item: LaneItem): void {
    const way: Way = { sent: undefined, sinceMs: nowMs(), badge: 0 }
    item.way = way
    this.#lookSoon()
    if (targetOf(lane.pusher).namesOnly) this.#post(way, lane, (badge) => namingMessage(lane.pusher, item.push, badge))
    else this.#core.ctx.waitUntil(this.#sendDetails(lane, item, way))
  }

  async #sendDetails(lane: Lane, item: LaneItem, way: Way): Promise<void> {
    // What is being written in this turn is there in the next.
    await Promise.resolve()
    try {
      const details = await detailsOf(this.#core, item.push)
      if (lane.isGone) return
      if (details === undefined) this.lanes.drop(lane, item)
      else this.#post(way, lane, (badge) => messageFor(lane, item.push, badge, details))
    } catch (cause) {
      log.error('a notification could not be made', cause)
      this.lanes.drop(lane, item)
    }
  }

  #post(way: Way, lane: Lane, message: (badge: number) => PushMessage): void {
    way.badge = this.#core.unread.badge
    const { sent, work } = outboundOf(this.#core.env).pushGateways.post(message(way.badge))
    way.sent = sent
    lane.toldBadge = way.badge
    if (work !== undefined) this.#core.ctx.waitUntil(work)
  }

  #lookSoon(): void {
    this.#lookTimer ??= setTimeout(() => {
      this.#lookTimer = undefined
      try {
        this.#look()
      } catch (cause) {
        log.error('what became of notifications could not be noted', cause)
      }
    }, LOOK_MS)
  }

  /** Notes what has become of notifications; answers whether any are still on their way. */
  #look(): boolean {
    let underWay = false
    for (const lane of this.lanes.all()) {
      for (const item of [...lane.items]) if (item.way !== undefined) underWay = this.#lookAt(lane, item, item.way) || underWay
      if (lane.badgeWay !== undefined) underWay = this.#lookAt(lane, undefined, lane.badgeWay) || underWay
    }
    if (underWay) this.#lookSoon()
    return underWay
  }

  #lookAt(lane: Lane, item: LaneItem | undefined, way: Way): boolean {
    const isLate = nowMs() - way.sinceMs > PUSH_LEASE_MS
    const verdict = way.sent?.verdict ?? (isLate ? 'failed' : undefined)
    if (verdict === undefined || lane.isGone) return verdict === undefined && !lane.isGone
    if (item === undefined) lane.badgeWay = undefined
    else item.way = undefined
    if (verdict === 'failed') {
      lane.toldBadge = undefined
      if (item !== undefined) this.#failed(lane, way)
    } else {
      if (item !== undefined) this.lanes.drop(lane, item)
      this.#answered(lane, verdict)
    }
    return false
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

  #failed(lane: Lane, { sinceMs }: Way): void {
    this.#core.letters.takeIn()
    const { due, ctx, feedKeeper } = this.#core
    const now = nowMs()
    // Several that were under way together are one failure.
    if (lane.failedMs !== undefined && sinceMs <= lane.failedMs) return
    lane.failedMs = now
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

  #tellBadge(): void {
    const { badge } = this.#core.unread
    for (const lane of this.lanes.all()) {
      // A number that does not arrive comes with the next one.
      if (lane.toldBadge === badge || lane.items.length > 0 || lane.badgeWay !== undefined || lane.standing.failures > 0) continue
      lane.badgeWay = { sent: undefined, sinceMs: nowMs(), badge }
      this.#post(lane.badgeWay, lane, () => badgeMessageFor(lane, badge))
      this.#lookSoon()
    }
  }

  /** Due work: what waits is sent, a gateway that failed being tried with one first; rows of what was delivered go. */
  async #runDue(): Promise<DueResult> {
    for (let round = 0; round < DUE_ROUNDS; round += 1) {
      for (const lane of this.lanes.all()) this.#sendWaiting(lane)
      for (let looks = 0; this.#look() && looks < DUE_LOOKS; looks += 1)
        await new Promise<void>((resolve) => setTimeout(resolve, DUE_LOOK_MS))
    }
    const retries = this.lanes
      .all()
      .flatMap(({ items, standing }) => (items.length > 0 ? [standing.retryTs ?? nowMs() + FIRST_RETRY_MS] : []))
    if (retries.length > 0) return { again: Math.min(...retries) }
    this.#core.feedKeeper.flush()
    return 'done'
  }

  /** Sends what waits and is still worth it; to a gateway that failed one at a time. */
  #sendWaiting(lane: Lane): void {
    for (const item of [...lane.items]) {
      const isFailing = lane.standing.failures > 0
      if (this.#isPaused(lane) || (isFailing && lane.items.some(({ way }) => way !== undefined))) return
      if (item.way !== undefined) continue
      if (this.#isWanted(item)) this.#send(lane, item)
      else this.lanes.drop(lane, item)
    }
  }
}
