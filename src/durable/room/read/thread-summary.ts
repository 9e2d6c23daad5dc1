import { relationOf } from '../../../matrix/relations.ts'
import type { StoredEvent } from '../../../storage/room/events.ts'
import type { RoomCore } from '../room-core.ts'
import type { Visibility } from './visibility.ts'

/** Events of a thread read at a time, and looked at to count those that a reader may see; beyond that the count is of all. */
const SCAN_PAGE = 64
const MAX_COUNTED = 2_000
const THREAD = 'm.thread'

/** Whose view of threads it is. */
export interface ThreadReader {
  readonly visibility: Visibility
  readonly ignoredUsers: readonly string[]
}

/** A thread as a reader sees it. */
export interface ThreadSummary {
  readonly latest: StoredEvent
  readonly count: number
  readonly participated: boolean
}

/** Whether an event may be the root of a thread: one that relates to another may not (client-server-api#threading). */
export function mayBeRoot(core: RoomCore, event: StoredEvent): boolean {
  return !event.content.includes('"m.relates_to"') || relationOf(core.roomEvent(event, core.roomId).content) === undefined
}

/** The thread of a root, or `undefined` where the reader sees none (client-server-api#server-side-aggregation-of-mthread-relationships). */
export function summarizeThread(core: RoomCore, reader: ThreadReader, root: StoredEvent): ThreadSummary | undefined {
  if (!mayBeRoot(core, root)) return undefined
  const thread = core.events.relations.threads.find(root.eventId)
  const latest = thread === undefined ? undefined : latestInThread(core, reader, root.eventId)
  if (thread === undefined || latest === undefined) return undefined
  return { latest, count: countOf(core, reader, root.eventId, thread.count), participated: hasParticipated(core, reader, root) }
}

/** The latest event of a thread that the reader may see. */
export function latestInThread(core: RoomCore, reader: ThreadReader, rootId: string): StoredEvent | undefined {
  const thread = core.events.relations.threads.find(rootId)
  if (thread === undefined) return undefined
  const latest = core.events.get(thread.latestNid)
  if (isSeen(reader, latest)) return latest
  for (const event of eventsOfThread(core, rootId)) if (isSeen(reader, event)) return event
  return undefined
}

/** Whether the reader began a thread or said something in it. */
export function hasParticipated(core: RoomCore, { visibility: { userId } }: ThreadReader, root: StoredEvent): boolean {
  return root.sender === userId || core.events.relations.hasFrom(root.eventId, userId, THREAD)
}

function countOf(core: RoomCore, reader: ThreadReader, rootId: string, total: number): number {
  if (reader.visibility.seesEverything) return total - core.events.relations.countFrom(rootId, THREAD, reader.ignoredUsers)
  if (total > MAX_COUNTED) return total
  let count = 0
  for (const event of eventsOfThread(core, rootId)) if (isSeen(reader, event)) count += 1
  return count
}

function isSeen({ visibility, ignoredUsers }: ThreadReader, event: StoredEvent): boolean {
  return !ignoredUsers.includes(event.sender) && visibility.mayRead(event)
}

/** Events of a thread, the latest first, at most {@link MAX_COUNTED}. */
function* eventsOfThread(core: RoomCore, rootId: string): Generator<StoredEvent> {
  let beforeOrd = Number.MAX_SAFE_INTEGER
  for (let looked = 0; looked < MAX_COUNTED; ) {
    const page = core.events.relations.page({
      ...{ parent: rootId, relType: THREAD, eventType: undefined, recurse: false, direction: 'backwards', afterOrd: -1 },
      beforeOrd,
      limit: SCAN_PAGE,
    })
    yield* core.events.getMany(page.map(({ nid }) => nid))
    if (page.length < SCAN_PAGE) return
    looked += page.length
    beforeOrd = page.at(-1)?.ord ?? -1
  }
}
