import { canonicalJson } from '../../matrix/canonical-json.ts'
import { userSuspended } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { type Outcome, refusal } from '../../runtime/outcome.ts'
import type { StoredEvent } from '../../storage/room/events.ts'
import type { Caller } from '../protocol.ts'
import { appendLocalEvent } from './append/append-local-event.ts'
import type { CommitQueue } from './append/commit-queue.ts'
import type { Draft } from './append/draft.ts'
import { enqueueLocal } from './policy/policy-round.ts'
import type { RoomCore } from './room-core.ts'

/** Names, in transactions, events that were left with the server to be sent later (MSC4140): the ID of the transaction is that of the delay. */
export const DELAYED_ENDPOINT = 'delayed'

/** Worker or user → room: an event that the caller wants to send. */
export interface SendRequest {
  readonly type: string
  /** Present for state events; the empty string is a state key. */
  readonly stateKey: string | undefined
  readonly content: JsonObject
  /** Makes the request idempotent per device and endpoint. */
  readonly txn: { readonly endpoint: string; readonly id: string } | undefined
  /** Target of an `m.room.redaction`. */
  readonly redacts: string | undefined
}

/** Sends an event in the caller's name. The answer comes when it is durable. */
export function sendEvent(
  core: RoomCore,
  queue: CommitQueue,
  caller: Caller,
  request: SendRequest,
): Promise<Outcome<{ readonly eventId: string }>> {
  if (core.findHead() === undefined) return Promise.resolve(refusal(core.unknownRoom()))
  const txn = request.txn === undefined ? undefined : JSON.stringify([caller.deviceId ?? '', request.txn.endpoint, request.txn.id])
  return enqueueLocal(core, queue, caller.requestId, (draft) => {
    if (caller.suspended) checkSuspended(core, caller, request.redacts)
    const stored = findUnchangedState(core, caller, request) ?? append(core, draft, caller, request, txn)
    return { eventId: stored.eventId }
  })
}

/** Suspended users take their own words back, and no more (client-server-api#account-suspension). */
function checkSuspended(core: RoomCore, caller: Caller, redacts: string | undefined): void {
  const target = redacts === undefined ? undefined : core.events.findById(redacts)
  if (target?.sender !== caller.userId) throw userSuspended()
}

function append(core: RoomCore, draft: Draft, caller: Caller, request: SendRequest, txn: string | undefined): StoredEvent {
  return appendLocalEvent(core, draft, {
    type: request.type,
    stateKey: request.stateKey,
    sender: caller.userId,
    content: request.content,
    redacts: request.redacts,
    txn,
    originServerTs: core.nowMs(),
  })
}

/** A state event that would change nothing is not repeated: clients set the same state again and again. */
function findUnchangedState(core: RoomCore, caller: Caller, request: SendRequest): StoredEvent | undefined {
  if (request.stateKey === undefined) return undefined
  const current = core.currentEvent(request.type, request.stateKey)
  if (current === undefined || current.sender !== caller.userId) return undefined
  return canonicalJson(core.roomEvent(current, core.roomId).content) === canonicalJson(request.content) ? current : undefined
}
