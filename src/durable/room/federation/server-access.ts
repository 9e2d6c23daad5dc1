import { forbidden } from '../../../matrix/errors.ts'
import { compileServerAcl, OPEN_SERVER_ACL, type ServerAcl } from '../../../matrix/server-acl.ts'
import type { RoomCore } from '../room-core.ts'

/** Compiled access control lists by the event that sets them: compiled once per change (S6). */
const compiled = new WeakMap<RoomCore, { readonly nid: number | undefined; readonly acl: ServerAcl }>()

/** Whether the room's access control list lets a server take part (client-server-api#mroomserver_acl). */
export function isServerAllowed(core: RoomCore, serverName: string): boolean {
  const event = core.currentEvent('m.room.server_acl', '')
  let known = compiled.get(core)
  if (known === undefined || known.nid !== event?.nid) {
    const acl = event === undefined ? OPEN_SERVER_ACL : compileServerAcl(core.roomEvent(event, core.roomId).content)
    known = { nid: event?.nid, acl }
    compiled.set(core, known)
  }
  return known.acl(serverName)
}

/**
 * Refuses servers that the room's access control list denies (F15), and those without a joined user, in the same words whatever they ask for (F13).
 * @throws MatrixError M_FORBIDDEN; M_NOT_FOUND where there is no such room here.
 */
export function requireServerInRoom(core: RoomCore, serverName: string): void {
  requireAllowedServer(core, serverName)
  if (core.members.joinedOfServer(serverName) === 0) throw forbidden('Your server is not in this room')
}

/** Refuses servers that the room's access control list denies (F15). @throws MatrixError M_FORBIDDEN; M_NOT_FOUND. */
export function requireAllowedServer(core: RoomCore, serverName: string): void {
  // Reading the head refuses rooms that are not here.
  const { head } = core
  if (head.life !== 'active') throw core.unknownRoom()
  if (!isServerAllowed(core, serverName)) throw forbidden('Your server is denied access to this room')
}

/** Refuses where nobody of this server is in the room: what is known of it then may be long out of date. @throws MatrixError M_NOT_FOUND. */
export function requireResident(core: RoomCore): void {
  if (core.head.life !== 'active' || !core.members.hasLocalJoined()) throw core.unknownRoom()
}
