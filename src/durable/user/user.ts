import type { JsonObject } from '../../matrix/json.ts'
import type { Presence } from '../../matrix/presence.ts'
import type { Outcome } from '../../runtime/outcome.ts'
import { readAccount } from '../../storage/user/account.ts'
import type { Hint, HintReply, MembershipNotice, PeerDelivery, PeerReply, SettleReply, SettleRequest } from '../protocol.ts'
import { AccountObject, outcomeOf } from './account-object.ts'
import { type LoginRequest, logIn, type RegisterRequest, registerAccount } from './accounts.ts'
import type { DelayAction } from './delayed/delayed-events.ts'
import type { LoggedIn } from './devices.ts'
import { presenceOfServer } from './e2ee/acquaintances.ts'
import { type ClaimedKey, claimKeys, type KeyClaim } from './e2ee/claim-keys.ts'
import { takePeerItems } from './e2ee/peer-items.ts'
import { type KeysForServer, keysForServer, type PublishedKeys, publishedKeys } from './e2ee/query-keys.ts'
import { answerHint } from './hints.ts'
import { invitedBy } from './invite-permissions.ts'
import { joinedAmong, takeNotice } from './notices.ts'
import { OAuthObject } from './oauth/oauth-object.ts'
import { type ParkAnswer, type ParkEnvelope, park, parkOnSocket } from './parking.ts'
import { publicProfile } from './profile.ts'
import { removePusher } from './push/pushers.ts'
import { inheritRoomSettings, roomInheritedFrom } from './room-upgrade.ts'
import { settle } from './settle.ts'
import { parkSliding, parkSlidingOnSocket, SLIDING_PARK_HEADER, type SlidingParkAnswer, type SlidingParkEnvelope } from './sliding-park.ts'
import { administerStanding, type Standing } from './standing.ts'
import { takeBackInvitation } from './take-back-invitation.ts'
import { admit, type Credential } from './tokens.ts'
import { type IssuedTokens, refreshTokens } from './tokens-refresh.ts'
import type { UserCore } from './user-core.ts'
import { UserSession } from './user-session.ts'

/** One account: its devices, tokens, account data, room list and feed. A thin shell; each concern has its own file. */
export class User extends OAuthObject {
  get #core(): UserCore {
    return AccountObject.coreOf(this)
  }

  /** Opens a session: the capability through which everything else on this account is done. Never refuses by itself: its methods do. */
  open(credential: Credential): UserSession {
    return new UserSession(this.#core, admit(this.#core, credential))
  }

  /** What {@link UserSession.roomAccess} answers: all that most requests about a room ask of the account, without a capability to be let go of. */
  roomAccess(credential: Credential, roomId: string): ReturnType<UserSession['roomAccess']> {
    return this.open(credential).roomAccess(roomId)
  }

  /** Creates the account. The caller has reserved its name in the registry. */
  register(request: RegisterRequest): Promise<Outcome<LoggedIn | undefined>> {
    return outcomeOf(() => registerAccount(this.#core, request))
  }

  /** Whether an account was ever created here, whatever the registry says. */
  accountExists(): boolean {
    return readAccount(this.#core.store) !== undefined
  }

  /** Logs in with a password. */
  login(request: LoginRequest): Promise<Outcome<LoggedIn>> {
    return outcomeOf(() => logIn(this.#core, request))
  }

  /** Exchanges a refresh token, whose MAC the Worker has checked, for the next pair of tokens. */
  refresh(refreshToken: string, requestId: string): Promise<Outcome<IssuedTokens>> {
    return outcomeOf(() => refreshTokens(this.#core, refreshToken, requestId))
  }

  /** For an administrator: what is imposed on the account, after a change if one is wanted. */
  standing(change: Partial<Standing>, requestId: string): Promise<Outcome<Standing>> {
    return outcomeOf(() => administerStanding(this.#core, change, requestId))
  }

  /** Sends, cancels or restarts a delayed event, for whoever knows its ID; the Worker has checked its MAC. */
  manageDelayed(delayId: string, action: DelayAction, requestId: string): Promise<Outcome<void>> {
    return outcomeOf(() => this.#core.delayed.manage(delayId, action, requestId))
  }

  /** The profile as everybody may see it. */
  profile(): Promise<Outcome<JsonObject>> {
    return outcomeOf(() => publicProfile(this.#core))
  }

  /** Somebody is about to invite the user; answers the profile that the invitation shows. */
  invitedBy(inviter: string): Promise<Outcome<JsonObject>> {
    return outcomeOf(() => invitedBy(this.#core, inviter))
  }

  /** A room's hint: there is something up to its head. */
  hint(hint: Hint): HintReply {
    return answerHint(this.#core, hint)
  }

  /** A room wants everything up to its head to be durable. */
  settle(request: SettleRequest): SettleReply {
    return settle(this.#core, request)
  }

  /** A room's word on the user's own membership; durable when this answers. */
  membership(notice: MembershipNotice): void {
    const inherited = roomInheritedFrom(this.#core, notice)
    takeNotice(this.#core, notice)
    if (inherited !== undefined) inheritRoomSettings(this.#core, inherited, notice.roomId)
  }

  /** Whoever invited this user to a room which is not here takes the invitation back; the Worker knows the event to be of their server. */
  invitationTakenBack(roomId: string, pdu: JsonObject): void {
    takeBackInvitation(this.#core, roomId, pdu)
  }

  /** What another local user has to tell: messages to devices, changes of devices. */
  peerItems(delivery: PeerDelivery): PeerReply {
    return takePeerItems(this.#core, delivery)
  }

  /** The keys that this user publishes, for other users. */
  publishedKeys(deviceIds: readonly string[]): PublishedKeys {
    return publishedKeys(this.#core, deviceIds, 'user')
  }

  /** The same for another server, with the number of the latest change (server-server-api#get_matrixfederationv1userdevicesuserid). */
  keysForServer(deviceIds: readonly string[]): KeysForServer {
    return keysForServer(this.#core, deviceIds)
  }

  /** Whether a server has a user in a room of this one. */
  async sharesRoomWith(serverName: string): Promise<boolean> {
    return (await presenceOfServer(this.#core, serverName)) === 'joined'
  }

  /** Those of some rooms that this user is joined to as well. */
  joinedAmong(roomIds: readonly string[]): string[] {
    return joinedAmong(this.#core, roomIds)
  }

  /** Hands out keys of this user's devices to another user. */
  claimKeys(claims: readonly KeyClaim[], requestId: string): ClaimedKey[] {
    return claimKeys(this.#core, claims, requestId)
  }

  /** Another user of this server has set a pusher with the same pushkey. */
  losePusher(appId: string, pushkey: string): void {
    removePusher(this.#core, appId, pushkey, undefined)
  }

  /** Files that the user had uploaded are gone, together so large. */
  uploadsRemoved(bytes: number, requestId: string): void {
    this.#core.uploads.removed(bytes, requestId)
  }

  /** Others say how they are; answers how this user is, unless nobody need know. */
  takePresence(presences: readonly Presence[], anew: boolean): Presence | undefined {
    return this.#core.store.exists() ? this.#core.presence?.take(presences, anew) : undefined
  }

  /** How this user is, for those who may know. */
  currentPresence(): Presence | undefined {
    return this.#core.presence?.current()
  }

  /** Parks a poll of a Worker in the same isolate, which waits there under an ID. */
  park(envelope: ParkEnvelope, pollId: string): Promise<Outcome<ParkAnswer>> {
    return outcomeOf(() => park(this.#core, envelope, () => pollId))
  }

  /** The same for sliding sync. */
  parkSliding(envelope: SlidingParkEnvelope, pollId: string): Promise<Outcome<SlidingParkAnswer>> {
    return outcomeOf(() => parkSliding(this.#core, envelope, () => pollId))
  }

  /** Such a poll has ended without an answer; with what was kept of it. */
  pollEnded(attachment: unknown): void {
    this.#core.presence?.closed(attachment)
  }

  /** Parks a poll on a socket: only Workers reach this. */
  override fetch(upgrade: Request): Promise<Response> {
    const sliding = upgrade.headers.get(SLIDING_PARK_HEADER)
    return sliding === null ? parkOnSocket(this.#core, upgrade) : parkSlidingOnSocket(this.#core, sliding)
  }

  /** The other side of a parked poll went. */
  override webSocketClose(socket: WebSocket): void {
    this.#core.presence?.closed(socket.deserializeAttachment())
  }

  /** A parked poll's connection broke. */
  override webSocketError(): void {}

  /** Deferred work of the account. */
  override alarm(): Promise<void> {
    return this.#core.runDue()
  }

  /** Ends this life of the object, as a crash would. Reached only through the control routes and tests. */
  abortForTest(): void {
    this.ctx.abort('ended by a test')
  }
}
