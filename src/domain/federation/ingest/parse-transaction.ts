import { badJson, MatrixError } from '../../../matrix/errors.ts'
import { computeEventId, roomIdOfCreateEvent } from '../../../matrix/events/event-hashes.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../../matrix/json.ts'
import { findRoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import { MAX_TRANSACTION_EDUS, MAX_TRANSACTION_PDUS } from '../limits.ts'

/** A PDU as it came. */
export interface ReceivedPdu {
  readonly pdu: JsonObject
  /** The room that it says it is of. */
  readonly roomId: string
  /** It holds a number that is not what was sent: its hash cannot be checked. */
  readonly inexact: boolean
}

/** An EDU as it came. */
export interface ReceivedEdu {
  readonly type: string
  readonly content: JsonObject
}

/** A transaction taken apart. */
export interface ReceivedTransaction {
  /** By room, in the order in which the rooms first come up; each room's PDUs in order. */
  readonly rooms: ReadonlyMap<string, readonly ReceivedPdu[]>
  readonly edus: readonly ReceivedEdu[]
}

/**
 * Takes the body of `PUT /send/{txnId}` apart. What is no PDU of any room, and what is no EDU, is left out: it must not hold up the others
 * (SECURITY F16).
 * @param inexact parts of the body with numbers that are not what was sent.
 * @throws MatrixError M_BAD_JSON for a body that is no transaction or has too many PDUs or EDUs.
 */
export function parseTransaction(body: JsonObject, inexact: ReadonlySet<JsonValue>): ReceivedTransaction {
  const pdus = listOf(body.pdus ?? [], 'pdus', MAX_TRANSACTION_PDUS)
  const edus = listOf(body.edus ?? [], 'edus', MAX_TRANSACTION_EDUS)
  const rooms = new Map<string, ReceivedPdu[]>()
  for (const pdu of pdus) {
    const roomId = isJsonObject(pdu) ? roomIdOf(pdu) : undefined
    if (!isJsonObject(pdu) || roomId === undefined) continue
    const received = { pdu, roomId, inexact: inexact.has(pdu) }
    const others = rooms.get(roomId)
    if (others === undefined) rooms.set(roomId, [received])
    else others.push(received)
  }
  return { rooms, edus: edus.flatMap((edu) => (inexact.has(edu) ? [] : (readEdu(edu) ?? []))) }
}

function listOf(value: JsonValue, name: string, max: number): readonly JsonValue[] {
  if (!Array.isArray(value)) throw badJson(`${name} must be a list`)
  if (value.length > max) throw badJson(`A transaction has at most ${max} ${name}`)
  return value
}

function readEdu(edu: JsonValue): ReceivedEdu | undefined {
  if (!isJsonObject(edu) || typeof edu.edu_type !== 'string' || !isJsonObject(edu.content)) return undefined
  return { type: edu.edu_type, content: edu.content }
}

/** The room that a PDU names; a create event that founds its room by its hash names none. */
function roomIdOf(pdu: JsonObject): string | undefined {
  if (typeof pdu.room_id === 'string') return pdu.room_id
  const rules = findRoomVersionRules('12')
  if (pdu.room_id !== undefined || pdu.type !== 'm.room.create' || rules === undefined) return undefined
  try {
    return roomIdOfCreateEvent(computeEventId(pdu, rules))
  } catch (cause) {
    if (cause instanceof MatrixError) return undefined
    throw cause
  }
}
