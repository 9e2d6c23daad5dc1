import { log } from '../../runtime/log.ts'
import { type ParkedPoll, parkedPolls, readAttachment } from './parked-poll.ts'
import { hasSlidingNews } from './sliding-wake.ts'
import { planSync } from './sync-plan.ts'
import { parseSyncToken } from './sync-token.ts'
import type { UserCore } from './user-core.ts'

/** Something happened: answers every parked poll whose token is older. */
export function wakeParked(core: UserCore): void {
  for (const poll of parkedPolls(core)) {
    try {
      wake(core, poll)
    } catch (cause) {
      log.error('a parked poll could not be answered', cause)
      poll.drop()
    }
  }
}

/** The same after the current transaction, for changes whose transaction somebody else holds. */
export function wakeParkedSoon(core: UserCore): void {
  queueMicrotask(() => wakeParked(core))
}

/** The device is going: whoever waits for it must ask again, and will be refused. Called inside the transaction. */
export function closeParkedOf(core: UserCore, deviceId: string): void {
  queueMicrotask(() => {
    for (const poll of parkedPolls(core, deviceId)) poll.answer({ kind: 'again' })
  })
}

function wake(core: UserCore, poll: ParkedPoll): void {
  const attachment = readAttachment(poll.attachment)
  if (attachment === undefined) throw new Error('a parked poll without its attachment')
  const { deviceId, since: text, filter, sliding } = attachment
  if (sliding !== undefined) {
    if (hasSlidingNews(core, { deviceId, connectionId: sliding, pos: text })) poll.answer({ kind: 'again' })
    return
  }
  const since = parseSyncToken(core.config, core.userId, deviceId, text)
  if (attachment.again || core.feedKeeper.mustResume(since)) {
    poll.answer({ kind: 'again' })
    return
  }
  const plan = planSync(core, deviceId, since, { since: text, fullState: false, filter }, false)
  if (plan.empty) return
  // Counts must come with the events that they count.
  const isBehind = plan.rooms.some(({ roomId }) => core.unread.behind.has(roomId))
  poll.answer(isBehind ? { kind: 'again' } : { kind: 'plan', plan })
}

/** Answers polls of one connection whose client has gone on without them. */
export function replaceParked(core: UserCore, deviceId: string, connectionId: string): void {
  for (const poll of parkedPolls(core, deviceId)) {
    if (readAttachment(poll.attachment)?.connectionId === connectionId) poll.answer({ kind: 'replaced' })
  }
}
