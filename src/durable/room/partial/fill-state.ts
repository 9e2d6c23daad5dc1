import { parseUserId } from '../../../matrix/ids/user-id.ts'
import { isJsonObject } from '../../../matrix/json.ts'
import { toMembership } from '../../../matrix/membership.ts'
import type { StoredEvent } from '../../../storage/room/events.ts'
import { setReplaces } from '../../../storage/room/restate-event.ts'
import { MAX_TOLD_MEMBERS } from '../federation/limits.ts'
import type { RoomCore } from '../room-core.ts'

const MEMBER = 'm.room.member'

/**
 * Writes an event of the state before the join that did not come with it, as of the join: nobody is told that it "happened". Memberships of this server's
 * users are left for the end, because they are told of theirs. The caller holds the transaction.
 */
export function fillKey(core: RoomCore, kid: number, nid: number, statePos: number): void {
  const event = core.events.get(nid)
  const userId = event.type === MEMBER ? event.stateKey : undefined
  if (userId !== undefined && parseUserId(userId)?.serverName === core.config.serverName) return
  const filled = core.state.fillPast(kid, nid, statePos)
  if (filled === 'known') return
  if (filled.replacedBy !== undefined) {
    // It moved since: what it moved from is known now.
    if (filled.replacedBy !== 0) setReplaces(core.store, core.events, filled.replacedBy, nid)
    return
  }
  if (userId === undefined) return
  const content: unknown = JSON.parse(event.content)
  const membership = toMembership(isJsonObject(content) ? content.membership : undefined)
  core.members.set({ userId, membership, local: false, nid, pos: statePos })
  if (membership === 'join' && core.movedRemoteMembers.size < MAX_TOLD_MEMBERS) core.movedRemoteMembers.add(userId)
}

/**
 * Memberships that an event rests on and of which nothing is known become part of current state, so that clients are shown who speaks. Should
 * they turn out to be out of date, they move when the state is whole. The caller holds the transaction.
 */
export function fillFromAuthEvents(core: RoomCore, auth: readonly StoredEvent[]): void {
  const { current } = core.partial
  if (current === undefined) return
  for (const { type, stateKey, nid, status } of auth) {
    if (type !== MEMBER || stateKey === undefined || status === 'rejected') continue
    const kid = core.keys.intern(type, stateKey)
    if (core.state.find(kid) === undefined && core.state.history(kid).length === 0) fillKey(core, kid, nid, current.statePos)
  }
}
