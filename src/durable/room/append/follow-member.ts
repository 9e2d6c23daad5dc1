import { parseUserId } from '../../../matrix/ids/user-id.ts'
import { toMembership } from '../../../matrix/membership.ts'
import type { StoredEvent } from '../../../storage/room/events.ts'
import { membershipNotice } from '../notices.ts'
import { hadLeftSince } from '../repeat-leaves.ts'
import type { RoomCore } from '../room-core.ts'
import type { Draft } from './draft.ts'

/**
 * Makes the member table follow current state after a membership moved at `pos`, and prepares the notice of a local user whose membership it is.
 * @param event the membership event in force now; `undefined` where resolution left none.
 */
export function followMember(core: RoomCore, draft: Draft, userId: string, event: StoredEvent | undefined, pos: number): void {
  const before = core.members.find(userId)
  const membership = event === undefined ? 'leave' : toMembership(core.roomEvent(event, draft.head.roomId).content.membership)
  const local = parseUserId(userId)?.serverName === core.config.serverName
  // A profile change (join → join) does not move the position since which the user is a member.
  const since = before?.membership === membership ? before.pos : pos
  if (event === undefined) core.members.delete(userId)
  else core.members.set({ userId, membership, local, nid: event.nid, pos: since })
  if (before?.membership === membership) return
  if (!local) {
    if (before?.membership === 'join' || membership === 'join') core.movedRemoteMembers.add(userId)
    return
  }
  if (before?.membership === 'join' || membership === 'join') draft.localMembersChanged.add(userId)
  const isStale = event !== undefined && membership === 'join' && hadLeftSince(core, userId, event, pos)
  if (isStale) draft.leftBefore = [...(draft.leftBefore ?? []), userId]
  if (event !== undefined) draft.notices.push({ userId, notice: membershipNotice(core, draft, event, userId, membership) })
}
