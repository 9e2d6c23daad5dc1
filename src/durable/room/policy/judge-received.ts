import { MatrixError } from '../../../matrix/errors.ts'
import { computeEventId } from '../../../matrix/events/event-hashes.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import { isForPolicyServer, isRecommended, type PolicyServer } from '../../../matrix/policy-server.ts'
import { log } from '../../../runtime/log.ts'
import { inTurns } from '../../../runtime/turns.ts'
import { isPlaced } from '../../../storage/room/events.ts'
import type { RoomCore } from '../room-core.ts'
import { askPolicyServer } from './ask-policy-server.ts'
import { POLICY_PARALLEL } from './limits.ts'

/**
 * Events of other servers, with the policy server's signature where they lacked it and it was given: it is asked once. What it does not sign is soft-failed when it
 * is taken in (append-remote-event.ts). Answers the same list where the room uses no policy server, and nothing is awaited then.
 * @param eventIds of the events, where the caller knows them.
 */
export function judgeReceived(
  core: RoomCore,
  pdus: readonly JsonObject[],
  eventIds?: readonly string[],
): readonly JsonObject[] | Promise<readonly JsonObject[]> {
  const policy = core.policy.inUse(core.head.currentGroup)
  if (policy === undefined) return pdus
  const unsigned = pdus.filter((pdu, index) => isToBeAsked(core, policy, pdu, eventIds?.[index]))
  return unsigned.length === 0 ? pdus : askAll(core, policy, pdus, unsigned)
}

function isToBeAsked(core: RoomCore, policy: PolicyServer, pdu: JsonObject, knownId: string | undefined): boolean {
  const { type, state_key: stateKey } = pdu
  if (typeof type !== 'string' || !isForPolicyServer({ type, stateKey: typeof stateKey === 'string' ? stateKey : undefined })) return false
  if (isRecommended(pdu, core.rules, policy)) return false
  try {
    const stored = core.events.findById(knownId ?? computeEventId(pdu, core.rules))
    return stored === undefined || !isPlaced(stored)
  } catch (cause) {
    // It has no ID, and will be dropped.
    if (cause instanceof MatrixError) return false
    throw cause
  }
}

async function askAll(
  core: RoomCore,
  policy: PolicyServer,
  pdus: readonly JsonObject[],
  unsigned: readonly JsonObject[],
): Promise<readonly JsonObject[]> {
  const signed = new Map<JsonObject, JsonObject>()
  await inTurns(unsigned, POLICY_PARALLEL, async (pdu) => {
    try {
      signed.set(pdu, await askPolicyServer(core, policy, pdu))
    } catch (cause) {
      if (!(cause instanceof MatrixError)) throw cause
      log.debug(`a policy server has not signed an event: ${cause.errcode}`)
    }
  })
  return pdus.map((pdu) => signed.get(pdu) ?? pdu)
}
