import type { RoomEvent } from '../../../matrix/events/room-event.ts'
import type { AuthState } from '../../../state-resolution/auth/auth-state.ts'
import type { RoomCore } from '../room-core.ts'

/** A stored state as the authorization rules ask for it. */
export function groupAuthState(core: RoomCore, group: number, roomId: string): AuthState {
  const get = (type: string, stateKey: string): RoomEvent | undefined => {
    const kid = core.keys.find(type, stateKey)
    const nid = kid === undefined ? undefined : core.groups.lookup(group, kid)
    return nid === undefined ? undefined : core.roomEvent(core.events.get(nid), roomId)
  }
  return { get, create: get('m.room.create', '') }
}
