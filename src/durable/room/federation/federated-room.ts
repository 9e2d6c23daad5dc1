import { limitExceeded } from '../../../matrix/errors.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import type { Outcome } from '../../../runtime/outcome.ts'
import type { StagedImport } from '../../../storage/room/import-staging.ts'
import type { Caller } from '../../protocol.ts'
import { GraphRoom } from '../graph/graph-room.ts'
import { JOINING_RETRY_MS } from '../graph/limits.ts'
import { eventNearTimeForServer, type NearTimeAnswer, type NearTimeRequest } from '../read/event-near-time.ts'
import { type AcceptAnswer, type AcceptRequest, acceptMembership } from './accept-membership.ts'
import { type EventsForServer, eventsForServer } from './events-for-server.ts'
import { finishImport, type ImportFinish } from './finish-import.ts'
import { backfillForServer, eventForServer, type MissingEventsRequest, missingEventsForServer } from './graph-reads.ts'
import { abortImport, advanceImport, beginImport, type ImportAdvance, type ImportBegin, stageImport } from './import-room.ts'
import { membershipTemplate, type TemplateAnswer, type TemplateRequest } from './membership-templates.ts'
import { appendInvite, type PreparedInvite, prepareInvite } from './remote-invite.ts'
import { isServerAllowed } from './server-access.ts'
import { eventAuthForServer, pdusById, type StateIds, stateIdsForServer } from './state-reads.ts'

/**
 * What a room does for other servers. `serverName` is always that of an authenticated request, set by the Worker. A thin shell like {@link Room}, which
 * extends it.
 */
export abstract class FederatedRoom extends GraphRoom {
  /** A page of what another server is to receive from this one after a position. */
  eventsForServer(serverName: string, fromPos: number, limit: number): EventsForServer {
    return eventsForServer(this.core, serverName, fromPos, limit)
  }

  /** `GET /event/{eventId}` of another server. */
  eventForServer(serverName: string, eventId: string): Promise<Outcome<JsonObject>> {
    return this.run(() => eventForServer(this.core, serverName, eventId))
  }

  /** `GET /backfill/{roomId}` of another server. */
  backfillForServer(serverName: string, eventIds: readonly string[], limit: number): Promise<Outcome<JsonObject[]>> {
    return this.run(() => backfillForServer(this.core, serverName, eventIds, limit))
  }

  /** `POST /get_missing_events/{roomId}` of another server. */
  missingEventsForServer(serverName: string, request: MissingEventsRequest): Promise<Outcome<JsonObject[]>> {
    return this.run(() => missingEventsForServer(this.core, serverName, request))
  }

  /** `GET /state_ids/{roomId}` of another server. */
  stateIdsForServer(serverName: string, eventId: string): Promise<Outcome<StateIds>> {
    return this.run(() => stateIdsForServer(this.core, serverName, eventId))
  }

  /** `GET /event_auth/{roomId}/{eventId}` of another server, by ID. */
  eventAuthForServer(serverName: string, eventId: string): Promise<Outcome<string[]>> {
    return this.run(() => eventAuthForServer(this.core, serverName, eventId))
  }

  /** `GET /timestamp_to_event/{roomId}` of another server. */
  eventNearTimeForServer(serverName: string, request: NearTimeRequest): Promise<Outcome<NearTimeAnswer>> {
    return this.run(() => eventNearTimeForServer(this.core, serverName, request))
  }

  /** PDUs of IDs that this room has just named to a server, as JSON joined by commas. */
  pdusById(eventIds: readonly string[]): Promise<Outcome<string>> {
    return this.run(() => pdusById(this.core, eventIds))
  }

  /** `make_join`, `make_leave` and `make_knock` of another server. */
  membershipTemplate(serverName: string, request: TemplateRequest): Promise<Outcome<TemplateAnswer>> {
    return this.run(() => membershipTemplate(this.core, serverName, request))
  }

  /** `send_join`, `send_leave` and `send_knock` of another server. */
  acceptMembership(serverName: string, request: AcceptRequest, requestId: string): Promise<Outcome<AcceptAnswer>> {
    return acceptMembership(this.core, this.queue, serverName, request, requestId)
  }

  /** An invitation of a user of another server, for that server to sign. */
  prepareInvite(caller: Caller, target: string, content: JsonObject): Promise<Outcome<PreparedInvite>> {
    return this.run(() => prepareInvite(this.core, caller, target, content))
  }

  /** The invitation, signed by the invited user's server. */
  appendInvite(caller: Caller, pdu: JsonObject): Promise<Outcome<{ readonly eventId: string }>> {
    return appendInvite(this.core, this.queue, caller, pdu)
  }

  /** Whether anybody of this server is in the room. */
  isResident(): boolean {
    return this.core.findHead()?.life === 'active' && this.core.members.hasLocalJoined()
  }

  /** Whether the room's access control list lets a server take part. */
  admitsServer(serverName: string): boolean {
    return this.core.findHead()?.life === 'active' && isServerAllowed(this.core, serverName)
  }

  /** The room's version; M_LIMIT_EXCEEDED while the room is being joined. */
  version(): Promise<Outcome<string>> {
    return this.run(() => {
      if (this.core.findHead()?.life === 'joining') throw limitExceeded(JOINING_RETRY_MS)
      return this.core.rules.version
    })
  }

  /** Whether a user has joined, for a condition of another room; `unknown` where nobody of this server is here to know. */
  isJoinedHere(userId: string): 'joined' | 'not' | 'unknown' {
    const { core } = this
    if (core.findHead()?.life !== 'active' || !core.members.hasLocalJoined()) return 'unknown'
    return core.members.find(userId)?.membership === 'join' ? 'joined' : 'not'
  }

  /** Begins to join a room of other servers; see import-room.ts. */
  beginImport(request: ImportBegin): Promise<Outcome<null>> {
    return this.run(async () => {
      await beginImport(this.core, request)
      this.ctx.waitUntil(this.core.due.arm())
      return null
    })
  }

  /** Brings events of a room that is being joined. */
  stageImport(generation: string, staged: readonly StagedImport[]): Promise<Outcome<null>> {
    return this.run(() => {
      stageImport(this.core, generation, staged)
      return null
    })
  }

  /** Looks at some of the events that were brought; to be called until they all have been. */
  advanceImport(generation: string): Promise<Outcome<ImportAdvance>> {
    return this.run(() => advanceImport(this.core, generation))
  }

  /** Ends joining a room of other servers; answered once the user who joined has committed it. */
  finishImport(request: ImportFinish, requestId: string): Promise<Outcome<null>> {
    return this.run(async () => {
      const committed = finishImport(this.core, request, requestId)
      this.imported()
      await this.afterCommit(committed)
      return null
    })
  }

  /** Takes back an import. */
  abortImport(generation: string): Promise<Outcome<null>> {
    return this.run(async () => {
      await abortImport(this.core, generation)
      return null
    })
  }

  /** The room has begun to exist here. */
  protected abstract imported(): void
}
