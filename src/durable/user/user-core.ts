import { Buckets } from '../../http/rate-limit.ts'
import type { PushRuleset } from '../../matrix/push-rules/ruleset.ts'
import type { PushSettings } from '../../matrix/push-rules/settings.ts'
import type { MemberProfile } from '../../matrix/room-creation/room-plan.ts'
import type { Env } from '../../runtime/bindings.ts'
import { nowMs } from '../../runtime/clock.ts'
import { type Config, configOf } from '../../runtime/config.ts'
import { log } from '../../runtime/log.ts'
import { DUE_RETRY_MS, DueTable } from '../../storage/due-table.ts'
import { ObjectStore } from '../../storage/object-store.ts'
import { USER_BASELINE } from '../../storage/user/baseline.generated.ts'
import { USER_MIGRATIONS } from '../../storage/user/migrations.generated.ts'
import { DelayedEvents } from './delayed/delayed-events.ts'
import { departure } from './departure.ts'
import { E2ee } from './e2ee/e2ee.ts'
import { FeedKeeper } from './feed-keeper.ts'
import { Uploads } from './media/uploads.ts'
import { parkedCount } from './parked-poll.ts'
import { UserPresence } from './presence/presence.ts'
import { profilePropagation } from './profile-propagation.ts'
import { Letters } from './push/letters.ts'
import { Push } from './push/push.ts'
import { RoomOrder } from './room-order.ts'
import type { RoomsJob } from './rooms-job.ts'
import { Connections } from './sliding-connection.ts'
import { SlidingRequests } from './sliding-requests.ts'
import type { Standing } from './standing.ts'
import { AdmittedTokens } from './tokens-admitted.ts'
import { Unread } from './unread.ts'

/** What every concern of a `User` object works with. One per object, shared by all of its sessions. */
export class UserCore {
  readonly userId: string
  /** The part of the user ID before the server name, without the sigil. */
  readonly localpart: string
  readonly store: ObjectStore
  readonly env: Env
  readonly config: Config
  readonly ctx: DurableObjectState
  /** Room list and feed of this life of the object. */
  readonly feedKeeper: FeedKeeper
  readonly unread: Unread
  #roomOrder: RoomOrder | undefined
  /** Notifications on their way to push gateways. */
  readonly push: Push
  /** What rooms have left here while nobody was looking. */
  readonly letters: Letters
  /** Absent where presence is switched off. */
  readonly presence: UserPresence | undefined
  /** Connections of sliding sync. */
  readonly sliding: Connections
  readonly slidingRequests = new SlidingRequests()
  /** Keys, messages to devices, and what other users must hear of this one's devices. */
  readonly e2ee: E2ee
  readonly due: DueTable
  readonly profilePropagation: RoomsJob
  readonly departure: RoomsJob
  /** Events that are to be sent later. */
  readonly delayed: DelayedEvents
  readonly uploads: Uploads
  /** Tokens that have been looked up since this object woke. */
  readonly admitted = new AdmittedTokens()
  /** Requests of this user by class of limit. */
  readonly buckets = new Buckets()
  /** When and from where each device was last used; written with the device's next change. */
  readonly lastSeen = new Map<string, { readonly seenTs: number; readonly address: string }>()
  /** What an administrator has imposed on the account, once it has been needed. */
  standing: Standing | undefined
  /** Passwords being checked right now; they count as failed attempts until they turn out right. */
  passwordChecks = 0
  /** What the user has set about push rules, and the rules that follow from it, once they have been needed. */
  pushSettings: PushSettings | undefined
  pushRuleset: PushRuleset | undefined
  /** What membership events of this user carry, once it has been needed: every request about a room asks for it. */
  memberProfile: MemberProfile | undefined

  constructor(ctx: DurableObjectState, env: Env, userId: string) {
    this.ctx = ctx
    this.env = env
    this.config = configOf(env)
    this.userId = userId
    this.localpart = userId.slice(1, userId.indexOf(':'))
    this.store = new ObjectStore(ctx.storage, USER_MIGRATIONS, USER_BASELINE)
    this.due = new DueTable(this.store, ctx.storage)
    this.profilePropagation = profilePropagation(this)
    this.departure = departure(this)
    this.delayed = new DelayedEvents(this)
    this.uploads = new Uploads(this)
    this.letters = new Letters(this)
    this.feedKeeper = new FeedKeeper(this.store, ctx, () => parkedCount(this) > 0 || this.push.any, this.letters)
    this.unread = new Unread(this)
    this.push = new Push(this)
    this.presence = this.config.presence ? new UserPresence(this) : undefined
    this.sliding = new Connections(this.store)
    this.feedKeeper.riders.push(this.sliding)
    this.e2ee = new E2ee(this)
  }

  /** The user's rooms as lists have them. */
  get roomOrder(): RoomOrder {
    this.#roomOrder ??= new RoomOrder(this.feedKeeper.feed.rooms, this.userId)
    return this.#roomOrder
  }

  /** Does what is due; what fails is tried again. */
  async runDue(): Promise<void> {
    if (!this.store.exists()) return
    await this.due.run(nowMs(), (kind, cause) => {
      log.warn(`deferred work of an account failed: ${kind}`, cause)
      return nowMs() + DUE_RETRY_MS
    })
  }
}
