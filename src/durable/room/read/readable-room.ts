import type { Presence } from '../../../matrix/presence.ts'
import type { Outcome } from '../../../runtime/outcome.ts'
import type { Caller, MemberChanges } from '../../protocol.ts'
import type { SlidingWindow, SlidingWindowRequest } from '../../sliding-protocol.ts'
import type { RoomWindow, WindowRequest } from '../../sync-protocol.ts'
import { mayChangeDirectory } from '../directory/listing.ts'
import { type SpaceAnswer, spaceAnswer, type Viewer } from '../directory/space-answer.ts'
import { CompletableRoom } from '../partial/completable-room.ts'
import { type PresenceAudience, presenceAudience, takeRemotePresence } from '../presence-audience.ts'
import { joinedAmong, localJoined } from '../sharing.ts'
import { buildSlidingWindow, memberChangesFor, spaceChildren } from '../sync/sliding-window.ts'
import { buildWindow } from '../sync/window.ts'
import { type ContextRequest, readContext } from './context.ts'
import { eventNearTime, type NearTimeFound, type NearTimeRequest } from './event-near-time.ts'
import { type MessagesPage, type MessagesRequest, readMessages } from './messages.ts'
import { type PushDetails, readPushDetails } from './push-details.ts'
import { type RelationsRequest, readRelations } from './relations.ts'
import {
  type MembersRequest,
  readEvent,
  readJoinedMembers,
  readMembers,
  readState,
  readStateEvent,
  type StateEventRequest,
} from './state.ts'
import { type ThreadPlace, type ThreadPlaceRequest, threadPlace } from './thread-place.ts'
import { readThreads, type ThreadsRequest } from './threads.ts'

/** What users read of a room, each method through the one visibility filter (visibility.ts). A thin shell that {@link Room} extends. */
export abstract class ReadableRoom extends CompletableRoom {
  /** The part of a sync response between two positions. */
  async window(caller: Caller, request: WindowRequest): Promise<Outcome<RoomWindow>> {
    return this.run(() => buildWindow(this.core, caller, request))
  }

  /** The part of a response of sliding sync between two positions. */
  async slidingWindow(caller: Caller, request: SlidingWindowRequest): Promise<Outcome<SlidingWindow>> {
    return this.run(() => buildSlidingWindow(this.core, caller, request))
  }

  /** Who came and went between two positions, for whoever is or was in the room. */
  async memberChanges(caller: Caller, from: number | null, to: number): Promise<Outcome<MemberChanges | undefined>> {
    return this.run(() => memberChangesFor(this.core, caller, from, to))
  }

  /** Rooms that this space names, for a member. */
  spaceChildren(caller: Caller): string[] {
    return spaceChildren(this.core, caller)
  }

  /** `GET /rooms/{roomId}/messages`. */
  messages(caller: Caller, request: MessagesRequest): Promise<Outcome<MessagesPage>> {
    return this.run(() => readMessages(this.core, caller, request))
  }

  /** `GET /rooms/{roomId}/context/{eventId}`, as JSON text. */
  context(caller: Caller, request: ContextRequest): Promise<Outcome<string>> {
    return this.run(() => readContext(this.core, caller, request))
  }

  /** `GET /rooms/{roomId}/timestamp_to_event`. */
  eventNearTime(caller: Caller, request: NearTimeRequest): Promise<Outcome<NearTimeFound>> {
    return this.run(() => eventNearTime(this.core, caller, request))
  }

  /** `GET /rooms/{roomId}/event/{eventId}`, as JSON text. */
  event(caller: Caller, request: { readonly eventId: string }): Promise<Outcome<string>> {
    return this.run(() => readEvent(this.core, caller, request.eventId))
  }

  /** `GET /rooms/{roomId}/relations/{eventId}…`, as JSON text. */
  relations(caller: Caller, request: RelationsRequest): Promise<Outcome<string>> {
    return this.run(() => readRelations(this.core, caller, request))
  }

  /** What subscriptions to a thread need to know of the room. */
  threadPlace(caller: Caller, request: ThreadPlaceRequest): Promise<Outcome<ThreadPlace>> {
    return this.run(() => threadPlace(this.core, caller, request))
  }

  /** `GET /rooms/{roomId}/threads`, as JSON text. */
  threads(caller: Caller, request: ThreadsRequest): Promise<Outcome<string>> {
    return this.run(() => readThreads(this.core, caller, request))
  }

  /** Who is to be told how the caller is. */
  presenceAudience(caller: Caller): PresenceAudience {
    return presenceAudience(this.core, caller)
  }

  /** Another server says how users of its own are. */
  remotePresence(serverName: string, presences: readonly Presence[]): Promise<void> {
    return takeRemotePresence(this.core, serverName, presences)
  }

  /** What a notification of an event says besides its ID. */
  pushDetails(caller: Caller, eventId: string): Promise<Outcome<PushDetails>> {
    return this.run(() => readPushDetails(this.core, caller, eventId))
  }

  /** `GET /rooms/{roomId}/state`, as JSON text. */
  fullState(caller: Caller): Promise<Outcome<string>> {
    return this.run(async () => {
      await this.#whole(caller)
      return readState(this.core, caller)
    })
  }

  /** `GET /rooms/{roomId}/state/{eventType}/{stateKey}`, as JSON text. */
  stateEvent(caller: Caller, request: StateEventRequest): Promise<Outcome<string>> {
    return this.run(async () => {
      const isUnknown = request.type === 'm.room.member' && this.core.currentEvent(request.type, request.stateKey) === undefined
      if (isUnknown) await this.#whole(caller)
      return readStateEvent(this.core, caller, request)
    })
  }

  /** `GET /rooms/{roomId}/members`, as JSON text. */
  membersAt(caller: Caller, request: MembersRequest): Promise<Outcome<string>> {
    return this.run(async () => {
      await this.#whole(caller)
      return readMembers(this.core, caller, request)
    })
  }

  /** `GET /rooms/{roomId}/joined_members`, as JSON text. */
  joinedMembers(caller: Caller): Promise<Outcome<string>> {
    return this.run(async () => {
      await this.#whole(caller)
      return readJoinedMembers(this.core, caller)
    })
  }

  /** For members: waits until the state of the room is whole. */
  async #whole(caller: Caller): Promise<void> {
    if (this.core.findHead()?.life !== 'active' || this.core.members.find(caller.userId)?.membership !== 'join') return
    await this.core.partial.whole()
  }

  /** Servers with a joined member, this one first where it has one; at most `limit`. */
  serversInRoom(limit: number): string[] {
    const { core } = this
    if (core.findHead()?.life !== 'active') return []
    const own = core.members.hasLocalJoined() ? [core.config.serverName] : []
    return [...own, ...core.members.joinedServers('', limit)].slice(0, limit)
  }

  /** The room as summaries and hierarchies show it. */
  spaceAnswer(viewer: Viewer): Promise<Outcome<SpaceAnswer>> {
    return this.run(() => spaceAnswer(this.core, viewer))
  }

  /** Whether a user of another server has joined. */
  hasServer(serverName: string): boolean {
    return this.core.findHead()?.life === 'active' && this.core.members.joinedOfServer(serverName) > 0
  }

  /** Whether the caller may change what the directory says of the room. */
  mayChangeDirectory(caller: Caller): boolean {
    return this.core.findHead()?.life === 'active' && mayChangeDirectory(this.core, caller.userId)
  }

  /** Local joined members, for a member. */
  localJoined(caller: Caller): string[] {
    return localJoined(this.core, caller)
  }

  /** Which of some users are joined, for a member. */
  joinedAmong(caller: Caller, userIds: readonly string[]): string[] {
    return joinedAmong(this.core, caller, userIds)
  }
}
