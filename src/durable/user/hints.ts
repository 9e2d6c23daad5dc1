import type { Hint, HintReply } from '../protocol.ts'
import type { RoomFacts } from '../room-news.ts'
import { wakeParked } from './parking-wake.ts'
import { isAwake } from './sleep.ts'
import type { TakenNews } from './unread.ts'
import type { UserCore } from './user-core.ts'

/** What became of a hint that was taken. */
type Taken = Pick<HintReply, 'member' | 'durablePos'>

/** Answers a room that rings. A sleeper whose database says that the room is to be asked has nothing to remember, and need not be rung again. */
export function answerHint(core: UserCore, hint: Hint): HintReply {
  const slept = sleptThrough(core, hint)
  if (slept !== undefined) return slept
  const taken = takeHint(core, hint)
  core.push.healing.rang(hint.roomId)
  core.letters.putOut(hint.roomId)
  if (!taken.member || isAwake(core)) return { ...taken, awake: true }
  // The mark is written with the news that this hint was, in a few seconds.
  core.feedKeeper.feed.rooms.askAgain(hint.roomId)
  return { ...taken, awake: true, dozing: true }
}

/** The answer of a user who sleeps and whose dirty mark for the room is durable; `undefined` for all others. */
export function sleptThrough(core: UserCore, { roomId, generation }: Hint): HintReply | undefined {
  if (isAwake(core) || !core.store.exists()) return undefined
  const { feed } = core.feedKeeper
  const row = feed.rooms.find(roomId)
  const marked = row?.dirty && feed.rooms.flushed(roomId)?.dirty
  if (!marked || row.membership !== 'join' || row.generation !== generation) return undefined
  return { member: true, durablePos: feed.durablePos(roomId, generation), awake: false }
}

/**
 * Takes a room's hint in memory and wakes whoever waits for it (docs/design/feed.md, "Hint"). No commit. `unread` stands in for what the hint itself
 * says of unread marks.
 */
export function takeHint(core: UserCore, hint: Hint, unread: TakenNews | undefined = hint.news?.unread): Taken {
  if (!core.store.exists()) return { member: false, durablePos: 0 }
  // What rooms have left comes first, or this would be news of what nobody has heard yet.
  core.letters.takeIn()
  const { feed } = core.feedKeeper
  const { roomId } = hint
  const seqBefore = feed.seq
  const generationBefore = feed.rooms.find(roomId)?.generation
  const effect = feed.hint(hint)
  if (effect === 'stranger') return { member: false, durablePos: 0 }
  if (generationBefore !== hint.generation) core.unread.reset(roomId)
  if (hint.news !== undefined) takeFacts(core, roomId, hint.news.facts)
  core.unread.take(roomId, unread, hint.head)
  // An entry is only extended while no token covers it: whoever is parked was woken when it was appended.
  if (feed.seq !== seqBefore) wakeParked(core)
  if (feed.needsFlush) core.feedKeeper.flushSoon()
  return { member: true, durablePos: feed.durablePos(roomId, hint.generation) }
}

/** What the list keeps of a room. Not worth a write by itself: it comes with a new head. */
function takeFacts(core: UserCore, roomId: string, facts: RoomFacts): void {
  const { rooms } = core.feedKeeper.feed
  const row = rooms.find(roomId)
  if (row !== undefined && row.activityTs <= facts.activityTs) rooms.setInMemory({ ...row, ...facts })
}
