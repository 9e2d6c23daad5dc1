import { POSITION_BLOCK } from '../../../storage/room/limits.ts'
import { insertOutbox, type OutboxEntry } from '../../../storage/room/outbox.ts'
import { writeRoomHead } from '../../../storage/room/room-row.ts'
import type { MembershipNotice } from '../../protocol.ts'
import type { RoomCore } from '../room-core.ts'
import type { Draft } from './draft.ts'

/** About when unsettled members are asked to make durable what they heard (docs/design/feed.md). */
export const SETTLE_DELAY_MS = 25_000

/** When notices that a crash or a failure left behind are delivered again. */
export const NOTICE_RETRY_MS = 25_000

/** What a commit made true and what must follow it. */
export interface Committed {
  readonly draft: Draft
  /** Notices to deliver, in order. */
  readonly outbox: readonly OutboxEntry[]
}

/** The end of a room's transaction: outbox, head and due rows. The caller holds the transaction and adopts the head after it. */
export function finishDraft(core: RoomCore, draft: Draft): Committed {
  const { servers } = core
  const federationPos = Math.max(draft.head.federationPos, servers?.toldPos ?? 0)
  const head = { ...draft.head, reservedPos: draft.head.headPos + POSITION_BLOCK, federationPos }
  const outbox = draft.notices.map(({ userId, notice }) =>
    // Whoever joined in this commit may see all of it; for everybody else their own change is the end.
    insertOutbox(core.store, userId, JSON.stringify(notice.membership === 'join' ? joined(draft, userId, notice) : notice)),
  )
  core.due.ensure('settle', '', core.nowMs() + SETTLE_DELAY_MS)
  for (const rider of core.riders) rider.write()
  servers?.plan(draft)
  if (outbox.length > 0) core.due.ensure('notices', '', core.nowMs() + NOTICE_RETRY_MS)
  // Last: whoever looks for a head before this life of the object has adopted one takes what is stored for that of an earlier life.
  writeRoomHead(core.store, head)
  return { draft: { ...draft, head }, outbox }
}

/** The notice of a join covers its whole commit. Whatever others said in it may be unread. */
function joined(draft: Draft, userId: string, notice: MembershipNotice): MembershipNotice {
  const head = draft.head.headPos
  const othersSpoke = draft.appended.some(({ pos, sender }) => pos !== undefined && pos > notice.pos && sender !== userId)
  return { ...notice, head, unreadPos: othersSpoke ? notice.pos : head }
}
