import type { MemberProfile } from '../../matrix/room-creation/room-plan.ts'
import type { Env } from '../../runtime/bindings.ts'
import { log } from '../../runtime/log.ts'
import { countCost } from '../../runtime/metrics.ts'
import { type Outcome, success } from '../../runtime/outcome.ts'
import { DUE_RETRY_MS } from '../../storage/due-table.ts'
import { objectsOf } from '../objects.ts'
import type { Caller, PullReply } from '../protocol.ts'
import type { UnreadReply } from '../room-news.ts'
import type { PulledWindow, WindowRequest } from '../sync-protocol.ts'
import type { Committed } from './append/finish-draft.ts'
import { type CreateRoomRequest, createRoom } from './create-room.ts'
import { LISTING_DUE, Listing } from './directory/listing.ts'
import { Ephemeral, type ReceiptsOutcome } from './ephemeral.ts'
import type { MarkerMovement, ReceiptRequest } from './ephemeral-receipts.ts'
import { EVENT_INDEX_DUE, EventIndex } from './event-index.ts'
import { FanOut } from './fan-out.ts'
import { expireImport } from './federation/import-room.ts'
import { IMPORT_DUE } from './federation/import-under-way.ts'
import { RemoteEphemeral, type RemoteReceipt, type RemoteTyping } from './federation/remote-ephemeral.ts'
import { RemoteMembers } from './federation/remote-members.ts'
import { FEDERATION_DUE, type RemoteQueue, ServerFanOut } from './federation/server-fan-out.ts'
import { changeMembership, type MembershipAnswer, type MembershipRequest } from './membership.ts'
import { updateMemberProfile } from './membership-profile.ts'
import { NoticeDelivery } from './notice-delivery.ts'
import { REGISTRY_DUE, RegistryReport } from './registry-report.ts'
import { repeatLeaves } from './repeat-leaves.ts'
import { type SendRequest, sendEvent } from './send.ts'
import { Settlement } from './settle.ts'
import { SharedRoom } from './shared-room.ts'
import { type UpgradeSource, upgradeSource } from './upgrade-source.ts'

/** Single writer of one room: its events, its state and its forward extremities. A thin shell; each concern has its own file. */
export class Room extends SharedRoom {
  readonly #fanOut: FanOut
  readonly #settlement: Settlement
  readonly #notices: NoticeDelivery
  readonly #ephemeral: Ephemeral
  readonly #registry: RegistryReport
  readonly #servers: ServerFanOut
  readonly #remoteMembers: RemoteMembers
  readonly #listing: Listing

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    countCost('construct')
    this.#fanOut = new FanOut(this.core)
    this.core.listeners = () => this.#fanOut.listeners()
    this.#settlement = new Settlement(this.core, this.#fanOut)
    this.#notices = new NoticeDelivery(this.core, this.queue, this.#fanOut)
    this.#listing = new Listing(this.core)
    this.core.due.handle(LISTING_DUE, () => this.#listing.run())
    this.core.due.handle('settle', async () => {
      await this.#listing.catchUp()
      return this.#settlement.run()
    })
    this.core.due.handle('notices', () => this.#notices.run())
    const remoteServer = (serverName: string) => objectsOf(env, undefined).remoteServer(serverName)
    this.#ephemeral = new Ephemeral(this.core, this.#fanOut, new RemoteEphemeral(this.core, remoteServer))
    this.core.ephemeral = this.#ephemeral
    this.#registry = new RegistryReport(this.core)
    this.core.due.handle(REGISTRY_DUE, () => this.#registry.run())
    this.#servers = new ServerFanOut(this.core, (serverName) => queueOf(env, serverName))
    this.core.servers = this.#servers
    this.#remoteMembers = new RemoteMembers(this.core, remoteServer)
    this.core.due.handle(IMPORT_DUE, () => expireImport(this.core))
    this.core.due.handle(FEDERATION_DUE, () => this.#servers.run())
    const index = new EventIndex(this.core)
    this.core.due.handle(EVENT_INDEX_DUE, () => index.run())
  }

  /** Creates the room and answers once every local member and invited user has committed their own membership. */
  async create(caller: Caller, request: CreateRoomRequest): Promise<Outcome<null>> {
    return this.run(async () => {
      const committed = createRoom(this.core, request, caller.requestId)
      if (committed === undefined) return null
      this.ctx.waitUntil(this.#registry.start())
      await this.afterCommit(committed)
      return null
    })
  }

  /** What this room leaves to the one that is to replace it. */
  upgradeSource(caller: Caller): Promise<Outcome<UpgradeSource>> {
    return this.run(() => upgradeSource(this.core, caller))
  }

  /** Sends an event or a state event, a membership included (client-server-api `PUT /rooms/{roomId}/send` and `/state`). */
  send(caller: Caller, request: SendRequest): Promise<Outcome<{ readonly eventId: string }>> {
    return sendEvent(this.core, this.queue, caller, request)
  }

  /** Joins, leaves, invites, kicks, bans, unbans, knocks. Answered once the user concerned has committed it. */
  async membership(caller: Caller, request: MembershipRequest): Promise<Outcome<MembershipAnswer>> {
    const outcome = await changeMembership(this.core, this.queue, caller, request)
    if (outcome.ok) await this.#notices.caughtUp(request.target)
    return outcome
  }

  /** Writes a changed profile into the caller's membership; answers whether there was anything to write. */
  updateProfile(caller: Caller, profile: MemberProfile): Promise<Outcome<boolean>> {
    return updateMemberProfile(this.core, this.queue, caller, profile)
  }

  /** `PUT /rooms/{roomId}/typing/{userId}`; 0 ms: the caller has stopped. */
  setTyping(caller: Caller, timeoutMs: number): Promise<Outcome<null>> {
    return this.run(() => {
      this.#ephemeral.setTyping(caller, timeoutMs)
      return null
    })
  }

  /** `POST /rooms/{roomId}/receipt/…` and `/read_markers`. */
  setReceipts(caller: Caller, receipts: readonly ReceiptRequest[], marker?: MarkerMovement): Promise<Outcome<ReceiptsOutcome>> {
    return this.run(() => this.#ephemeral.setReceipts(caller, receipts, marker))
  }

  /** Puts the room into this server's public directory, or takes it out (client-server-api#put_matrixclientv3directorylistroomroomid). */
  setListed(caller: Caller, listed: boolean): Promise<Outcome<null>> {
    return this.run(async () => {
      await this.#listing.set(caller, listed)
      return null
    })
  }

  /** Another server reports who types there. */
  remoteTyping(serverName: string, changes: readonly RemoteTyping[]): void {
    this.#ephemeral.remoteTyping(serverName, changes)
  }

  /** Another server reports how far its users have read. */
  remoteReceipts(serverName: string, receipts: readonly RemoteReceipt[]): void {
    this.#ephemeral.remoteReceipts(serverName, receipts)
  }

  /** Re-arms hints for a user and answers where the room is. */
  pull(userId: string, unreadFrom?: number): PullReply {
    if (this.core.findHead() === undefined) return { head: 0, generation: '', member: false }
    const unread = unreadFrom === undefined ? undefined : this.#ephemeral.unreadSince(userId, unreadFrom)
    return this.#settlement.pull(userId, { facts: this.core.facts.read(), unread })
  }

  /** Where the room is, with hints re-armed, and everything up to there for somebody to whom it is new. */
  async pulledWindow(caller: Caller, request: WindowRequest, unreadFrom: number): Promise<Outcome<PulledWindow>> {
    const pulled = this.pull(caller.userId, unreadFrom)
    const outcome = await this.window(caller, { ...request, to: pulled.member ? pulled.head : request.to })
    return outcome.ok ? success({ pulled, window: outcome.value }) : outcome
  }

  /** What moves a member's unread marks above a position. */
  unreadSince(userId: string, from: number): Promise<Outcome<UnreadReply>> {
    return this.run(() => this.#ephemeral.unreadSince(userId, from))
  }

  /** Answers once nobody is to be rung any more: the room's own call, which keeps it in memory for that. */
  whileRinging(): Promise<void> {
    return this.#fanOut.whileRinging()
  }

  /** Deferred work: what a crash left in the outbox, members to settle. */
  override async alarm(): Promise<void> {
    const core = this.core
    if (core.findHead() === undefined) return
    await core.due.run(core.nowMs(), (kind, cause) => {
      log.warn(`deferred work of a room failed: ${kind}`, cause)
      return core.nowMs() + DUE_RETRY_MS
    })
  }

  protected override imported(): void {
    this.ctx.waitUntil(this.#registry.start())
    this.#remoteMembers.imported()
  }

  protected override afterCommit(committed: Committed): Promise<boolean> {
    for (const rider of this.core.riders) rider.committed()
    this.core.facts.committed(committed.draft.appended)
    this.core.recentUnread.committed(committed.draft.appended)
    for (const userId of committed.draft.localMembersChanged) {
      this.#fanOut.memberChanged(userId)
      this.#ephemeral.memberChanged(userId)
    }
    for (const userId of this.core.movedRemoteMembers) this.#ephemeral.memberChanged(userId)
    this.#ephemeral.eventsCame(committed.draft.appended)
    this.#settlement.committed()
    this.#listing.committed()
    const delivered = this.#notices.deliver(committed.outbox)
    this.#fanOut.ring()
    this.#servers.committed(committed.draft)
    this.#remoteMembers.committed()
    repeatLeaves(this.core, this.queue, committed.draft)
    return delivered
  }
}

/** Another server's queue: its object is named by servers that have a user in a room of this server. */
function queueOf(env: Env, serverName: string): RemoteQueue {
  const stub: DurableObjectStub = env.REMOTE_SERVER.get(env.REMOTE_SERVER.idFromName(serverName))
  return stub as DurableObjectStub & RemoteQueue
}
