import { type MatrixError, notFound, unsupportedRoomVersion } from '../../matrix/errors.ts'
import type { RoomEvent } from '../../matrix/events/room-event.ts'
import { PowerLevels } from '../../matrix/power-levels.ts'
import { findRoomVersionRules, type RoomVersionRules } from '../../matrix/room-versions/rules.ts'
import type { EventSigner } from '../../matrix/signing.ts'
import type { Env } from '../../runtime/bindings.ts'
import { nowMs } from '../../runtime/clock.ts'
import { type Config, configOf } from '../../runtime/config.ts'
import { signerOf } from '../../runtime/event-signer.ts'
import type { AuthState } from '../../state-resolution/auth/auth-state.ts'
import { DueTable } from '../../storage/due-table.ts'
import { ObjectStore } from '../../storage/object-store.ts'
import { ROOM_BASELINE } from '../../storage/room/baseline.generated.ts'
import { ByteCache } from '../../storage/room/byte-cache.ts'
import { CurrentState } from '../../storage/room/current-state.ts'
import { EventTable, type StoredEvent, toRoomEvent } from '../../storage/room/events.ts'
import { MAX_CACHED_EVENT_BYTES, POSITION_BLOCK } from '../../storage/room/limits.ts'
import { MemberTable } from '../../storage/room/members.ts'
import { ROOM_MIGRATIONS } from '../../storage/room/migrations.generated.ts'
import { type RoomHead, readRoomHead, writeRoomHead } from '../../storage/room/room-row.ts'
import { StateGroups } from '../../storage/room/state-groups.ts'
import { StateKeyTable } from '../../storage/room/state-keys.ts'
import type { Rider } from './append/rider.ts'
import type { EphemeralReads } from './ephemeral-reads.ts'
import type { Listener } from './fan-out.ts'
import type { OtherServers } from './federation/other-servers.ts'
import type { Repairs } from './graph/repairs.ts'
import { INLINE_RESOLUTION_EVENTS, RECEIVING_RESOLUTION_EVENTS } from './graph/resolve-groups.ts'
import { PartialState } from './partial/partial-state.ts'
import { PolicyOfRoom } from './policy/policy-of-room.ts'
import { PastVisibility } from './read/past-visibility.ts'
import { FactsOfRoom } from './room-facts.ts'
import { LazyMembers } from './sync/lazy-members.ts'
import { SlidingMembers } from './sync/sliding-members.ts'
import { RecentUnread } from './unread-items.ts'

/**
 * What every concern of a `Room` object works with: its tables, where the room stands, and the state that the rules ask for.
 * `head` changes only after a commit (see append/commit-queue.ts).
 */
export class RoomCore {
  readonly ctx: DurableObjectState
  readonly env: Env
  readonly config: Config
  readonly signer: EventSigner
  readonly store: ObjectStore
  readonly events: EventTable
  readonly keys: StateKeyTable
  readonly groups: StateGroups
  readonly state: CurrentState
  readonly members: MemberTable
  readonly due: DueTable
  /** The reader-independent part of events in client form, by event number. */
  readonly clientParts = new ByteCache<number, string>(MAX_CACHED_EVENT_BYTES)
  readonly lazyMembers = new LazyMembers()
  /** Who may read the past. */
  readonly past = new PastVisibility(this)
  /** Who is asked whether events are wanted. */
  readonly policy = new PolicyOfRoom(this)
  /** Whether the state is whole. */
  readonly partial = new PartialState(this)
  readonly slidingMembers = new SlidingMembers()
  /** What members' room lists keep of this room. */
  readonly facts = new FactsOfRoom(this)
  /** What moves members' unread marks. */
  readonly recentUnread = new RecentUnread(this)
  /** Typing and receipts; set by the object once, absent in tests that need neither. */
  ephemeral: EphemeralReads | undefined
  /** Tells other servers' queues of commits; set by the object once. */
  servers: OtherServers | undefined
  /** Has missing events fetched; set by the object once. */
  repairs: Pick<Repairs, 'plan' | 'planResolution' | 'planRetry' | 'retried' | 'committed'> | undefined
  /** See {@link Rider}. */
  readonly riders: Rider[] = []
  /** Users of other servers whose joined membership began or ended since this was last told; may name others. */
  readonly movedRemoteMembers = new Set<string>()
  /** Joined local members, as far as they are known; set by the object once. */
  listeners: (() => ReadonlyMap<string, Listener>) | undefined
  readonly #roomEvents = new ByteCache<number, RoomEvent>(MAX_CACHED_EVENT_BYTES)
  /** Read when it is first asked for, with the positions that follow; see {@link findHead}. */
  #head: RoomHead | undefined
  /** Events that resolutions inside a commit may look at, for the sake of local and of received events. */
  readonly resolutionBudgets = { local: INLINE_RESOLUTION_EVENTS, received: RECEIVING_RESOLUTION_EVENTS }
  /** Newest position handed out, committed or in memory. */
  #lastPos = 0
  /** First position of this boot minus one: everything above is of this boot. */
  #bootPos = 0
  #loadedPos = 0

  constructor(ctx: DurableObjectState, env: Env) {
    this.ctx = ctx
    this.env = env
    this.config = configOf(env)
    this.signer = signerOf(this.config)
    this.store = new ObjectStore(ctx.storage, ROOM_MIGRATIONS, ROOM_BASELINE)
    this.events = new EventTable(this.store)
    this.keys = new StateKeyTable(this.store)
    this.groups = new StateGroups(this.store)
    this.state = new CurrentState(this.store)
    this.members = new MemberTable(this.store)
    this.due = new DueTable(this.store, ctx.storage)
  }

  /** Where the room stands, or `undefined` where none was created here. Writes nothing. */
  findHead(): RoomHead | undefined {
    if (this.#head === undefined && this.store.exists()) {
      this.#head = readRoomHead(this.store)
      this.#lastPos = this.#head?.headPos ?? 0
      this.#bootPos = this.#head?.reservedPos ?? 0
      this.#loadedPos = this.#lastPos
    }
    return this.#head
  }

  /** Where the room stands. @throws MatrixError M_NOT_FOUND where there is no active room. */
  get head(): RoomHead {
    const head = this.findHead()
    if (head === undefined || head.life !== 'active') throw this.unknownRoom()
    return head
  }

  /** The refusal for a name that is no room here. */
  unknownRoom(): MatrixError {
    return notFound('Unknown room')
  }

  get roomId(): string {
    return this.head.roomId
  }

  get rules(): RoomVersionRules {
    const rules = findRoomVersionRules(this.head.version)
    if (rules === undefined) throw unsupportedRoomVersion()
    return rules
  }

  /** Newest position that anybody was told of. */
  get lastPos(): number {
    this.findHead()
    return this.#lastPos
  }

  /** Positions up to this one belong to earlier boots, whose typing users are forgotten. */
  get bootPos(): number {
    this.findHead()
    return this.#bootPos
  }

  /** The newest position in the database when this life of the object began. */
  get loadedPos(): number {
    this.findHead()
    return this.#loadedPos
  }

  /** The next position to hand out: above everything that an earlier boot may have handed out in memory. */
  get nextPos(): number {
    this.findHead()
    return Math.max(this.#lastPos, this.#bootPos) + 1
  }

  /** The database holds no room any more. */
  forgetHead(): void {
    this.#head = undefined
  }

  /** Takes over what a commit has made true. */
  adopt(head: RoomHead): void {
    this.#head = head
    this.#lastPos = Math.max(this.#lastPos, head.headPos)
  }

  /** Hands out a position for something that is kept in memory; costs a commit only once per reserved block. */
  takeMemoryPos(requestId: string | undefined): number {
    const pos = this.nextPos
    if (pos > this.head.reservedPos) {
      const head = { ...this.head, reservedPos: pos + POSITION_BLOCK }
      this.store.transaction(requestId, () => writeRoomHead(this.store, head))
      this.#head = head
    }
    this.#lastPos = pos
    return pos
  }

  /** Commits what waits for a commit to ride along with, and how far positions in memory have come. */
  commitRiders(requestId: string | undefined): void {
    const head = { ...this.head, headPos: this.#lastPos, reservedPos: Math.max(this.head.reservedPos, this.#lastPos) }
    this.store.transaction(requestId, () => {
      for (const rider of this.riders) rider.write()
      writeRoomHead(this.store, head)
    })
    this.adopt(head)
    for (const rider of this.riders) rider.committed()
  }

  /** Forgets everything that a rolled-back transaction may have left in caches. */
  forgetCaches(): void {
    this.events.forgetCache()
    this.keys.forgetCache()
    this.groups.forgetCache()
    this.state.forgetCache()
    this.members.forgetCache()
    this.#roomEvents.clear()
    this.clientParts.clear()
    this.past.forget()
    this.policy.forget()
    this.partial.forget()
    this.due.forgetCache()
  }

  /** A stored event as the rules see it. */
  roomEvent(stored: StoredEvent, roomId: string): RoomEvent {
    const cached = this.#roomEvents.get(stored.nid)
    if (cached !== undefined) return cached
    const event = toRoomEvent(stored, roomId)
    this.#roomEvents.set(stored.nid, event, 1000 + 3 * (stored.content.length + stored.envelope.length))
    return event
  }

  /** A redaction changed the event: its parsed form is stale. */
  forgetRoomEvent(nid: number): void {
    this.#roomEvents.delete(nid)
    this.clientParts.delete(nid)
  }

  /** The current state event of a type and state key. */
  currentEvent(type: string, stateKey: string): StoredEvent | undefined {
    const kid = this.keys.find(type, stateKey)
    const nid = kid === undefined ? undefined : this.state.find(kid)
    return nid === undefined ? undefined : this.events.get(nid)
  }

  /** Current state as the authorization rules ask for it. */
  authState(roomId: string): AuthState {
    const get = (type: string, stateKey: string): RoomEvent | undefined => {
      const stored = this.currentEvent(type, stateKey)
      return stored === undefined ? undefined : this.roomEvent(stored, roomId)
    }
    return { get, create: get('m.room.create', '') }
  }

  /** Power levels in force now. */
  powerLevels(): PowerLevels {
    const state = this.authState(this.roomId)
    return new PowerLevels(state.create, state.get('m.room.power_levels', '')?.content, this.rules)
  }

  nowMs(): number {
    return nowMs()
  }
}
