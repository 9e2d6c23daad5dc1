import type { StoredEvent } from '../../../storage/room/events.ts'
import type { Caller } from '../../protocol.ts'
import type { RoomCore } from '../room-core.ts'
import { bundling } from './bundle.ts'
import { clientEvent, clientEventRedacted } from './client-event.ts'
import { formatPositionToken, parsePositionToken } from './position-token.ts'
import { hasParticipated, latestInThread, mayBeRoot, type ThreadReader } from './thread-summary.ts'
import { Visibility } from './visibility.ts'

/** Threads in one page. */
const MAX_THREADS = 100
/** Threads read at a time, and looked at for one page while they are hidden or not the reader's. */
const SCAN_PAGE = 64
const MAX_LOOKED_AT = 2_000

/** Worker → room: the threads of the room. */
export interface ThreadsRequest {
  readonly include: 'all' | 'participated'
  readonly limit: number
  readonly from: string | undefined
}

/** A root and the place of the latest event that the reader sees in its thread. */
interface SeenThread {
  readonly root: StoredEvent
  readonly latestOrd: number
}

interface ThreadsPage {
  readonly threads: readonly SeenThread[]
  /** Threads before this place come next; `undefined` where there are none. */
  readonly nextOrd: number | undefined
}

/** `GET /rooms/{roomId}/threads` (client-server-api#get_matrixclientv1roomsroomidthreads): roots by what is latest in their threads, as JSON text. */
export function readThreads(core: RoomCore, caller: Caller, request: ThreadsRequest): string {
  const visibility = new Visibility(core, caller.userId)
  visibility.requireReadable()
  const ignoredUsers = caller.ignoredUsers ?? []
  const from = request.from === undefined ? Number.MAX_SAFE_INTEGER : parsePositionToken(core, request.from)
  const page = readPage(core, { visibility, ignoredUsers }, request, from)
  const roots = page.threads.map(({ root }) => root)
  const reader = bundling(core, { visibility, deviceId: caller.deviceId, nowMs: core.nowMs() }, roots, ignoredUsers, true)
  // What ignored users said is not shown; threads that others continued are.
  const chunk = roots.map((root) => (ignoredUsers.includes(root.sender) ? clientEventRedacted : clientEvent)(core, root, reader, true))
  const next = page.nextOrd === undefined ? '' : `,"next_batch":${JSON.stringify(formatPositionToken(core, page.nextOrd))}`
  return `{"chunk":[${chunk.join(',')}]${next}}`
}

/**
 * Threads by the place of what the reader sees last in them. Storage knows the place of what is last for anybody, which is never before that: a thread
 * may be shown once no thread further down can come before it. For readers who may not see everything that begins at the top for each page, and ends with
 * the latest {@link MAX_LOOKED_AT} threads.
 */
function readPage(core: RoomCore, reader: ThreadReader, { include, limit }: ThreadsRequest, from: number): ThreadsPage {
  const wanted = Math.max(1, Math.min(limit, MAX_THREADS))
  const isExact = reader.visibility.seesEverything && reader.ignoredUsers.length === 0
  const held: SeenThread[] = []
  const isFull = (bound: number): boolean => held.filter(({ latestOrd }) => latestOrd >= bound).length > wanted
  let beforeOrd = isExact ? from : Number.MAX_SAFE_INTEGER
  for (let looked = 0; looked < MAX_LOOKED_AT && !isFull(beforeOrd); ) {
    const rows = core.events.relations.threads.before(beforeOrd, Math.min(SCAN_PAGE, isExact ? wanted + 1 : SCAN_PAGE))
    for (const { root: rootId, latestOrd } of rows) {
      beforeOrd = latestOrd
      const seen = seenThread(core, reader, rootId)
      if (seen === undefined || seen.latestOrd >= from) continue
      if (include === 'all' || hasParticipated(core, reader, seen.root)) held.push(seen)
    }
    if (rows.length === 0) return pageOf(held, wanted, undefined)
    looked += rows.length
  }
  return pageOf(held, wanted, isExact || isFull(beforeOrd) ? beforeOrd : undefined)
}

/** The first of the threads found. Where storage was not read to its end, those that another may come before wait for the next page. */
function pageOf(held: readonly SeenThread[], wanted: number, readTo: number | undefined): ThreadsPage {
  const certain = [...held]
    .sort((left, right) => right.latestOrd - left.latestOrd)
    .filter(({ latestOrd }) => readTo === undefined || latestOrd >= readTo)
  const threads = certain.slice(0, wanted)
  if (certain.length > wanted) return { threads, nextOrd: threads.at(-1)?.latestOrd }
  return { threads, nextOrd: readTo }
}

/** A thread whose root may be one and is seen by the reader, with something in it that is. */
function seenThread(core: RoomCore, reader: ThreadReader, rootId: string): SeenThread | undefined {
  const root = core.events.findById(rootId)
  if (root === undefined || !reader.visibility.mayRead(root) || !mayBeRoot(core, root)) return undefined
  const latestOrd = latestInThread(core, reader, rootId)?.ord
  return latestOrd === undefined ? undefined : { root, latestOrd }
}
