import { type Objects, objectsOf, type RoomStub } from '../../../durable/objects.ts'
import { OutboundError } from '../../../federation/outbound/outbound-error.ts'
import { MatrixError, unsupportedRoomVersion } from '../../../matrix/errors.ts'
import { findRoomVersionRules, type RoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import type { Env } from '../../../runtime/bindings.ts'
import { log } from '../../../runtime/log.ts'
import { openRegistry } from '../../../storage/d1/open.ts'
import type { KeySource } from '../ingest/verify-room-pdus.ts'

/** What the work of completing one room needs. */
export interface RepairContext extends KeySource {
  readonly roomId: string
  /** The room's object, asked for at each call. */
  room(): RoomStub
}

/** The context of work for a room, outside of any request. */
export function repairContext(env: Env, roomId: string): RepairContext {
  const objects: Objects = objectsOf(env, undefined)
  return { env, registry: openRegistry(env, undefined), roomId, room: () => objects.room(roomId) }
}

/** The rules of a room version that is here. @throws MatrixError. */
export function rulesOfVersion(version: string): RoomVersionRules {
  const rules = findRoomVersionRules(version)
  if (rules === undefined) throw unsupportedRoomVersion()
  return rules
}

/** What asking a server came to, or `undefined` where it, or the room, refused or failed. Defects are thrown. */
export async function attempt<T>(what: string, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask()
  } catch (cause) {
    if (!(cause instanceof OutboundError) && !(cause instanceof MatrixError)) throw cause
    log.info(`${what}: ${cause.message}`)
    return undefined
  }
}
