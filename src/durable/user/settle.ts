import type { SettleReply, SettleRequest } from '../protocol.ts'
import { sleptThrough, takeHint } from './hints.ts'
import { isAwake } from './sleep.ts'
import type { UserCore } from './user-core.ts'

/**
 * Makes everything up to the room's head durable (docs/design/feed.md, "Settle"): one commit for all rooms, or none if it was durable already.
 * A sleeping user who lacks something marks the room dirty in the same commit, unless it is, and says so.
 */
export function settle(core: UserCore, request: SettleRequest): SettleReply {
  const slept = sleptThrough(core, request)
  if (slept !== undefined) return slept
  const { roomId, generation, head } = request
  const hinted = takeHint(core, request)
  if (!hinted.member) return { ...hinted, awake: true }
  core.push.healing.rang(roomId)
  const { feedKeeper } = core
  const { feed } = feedKeeper
  // Whoever holds everything already need not fall asleep, which would be a commit: the next news will do.
  if (hinted.durablePos >= head) {
    core.letters.putOut(roomId)
    return { ...hinted, awake: true }
  }
  const awake = isAwake(core)
  if (!awake) feed.markDirty(roomId)
  feedKeeper.flush()
  core.letters.putOut(roomId)
  return { member: true, durablePos: feed.durablePos(roomId, generation), awake }
}
