import type { Draft } from '../append/draft.ts'
import { followMember } from '../append/follow-member.ts'
import type { RoomCore } from '../room-core.ts'

/**
 * Moves current state to another group: every key that differs is moved and logged at `pos`, members follow, local users are told of theirs. The
 * only way in which resolution changes what clients see. The caller holds the transaction.
 */
export function moveCurrentState(core: RoomCore, draft: Draft, group: number, pos: number): void {
  const differing = core.groups.differingKeys(draft.head.currentGroup, group)
  draft.head = { ...draft.head, currentGroup: group }
  const pairs = core.keys.pairs(differing)
  for (const kid of differing) {
    const nid = core.groups.lookup(group, kid)
    core.state.move(kid, nid ?? 0, pos)
    const [type, stateKey] = pairs.get(kid) ?? []
    if (type !== 'm.room.member' || stateKey === undefined) continue
    followMember(core, draft, stateKey, nid === undefined ? undefined : core.events.get(nid), pos)
  }
}
