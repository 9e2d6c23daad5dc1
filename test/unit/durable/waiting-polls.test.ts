import { describe, expect, it } from 'vitest'
import { WaitingPolls } from '../../../src/durable/waiting-polls.ts'

const ALICE = '@alice:example.org'

describe('polls that wait in memory', () => {
  it('are told once, and are gone then', async () => {
    const polls = new WaitingPolls()
    const { id, told } = polls.request()
    polls.park(ALICE, { id, sinceMs: 0, attachment: { since: 's' } })
    expect(polls.of(ALICE, 1).map(({ attachment }) => attachment)).toEqual([{ since: 's' }])
    polls.tell(ALICE, id, { kind: 'replaced' })
    polls.tell(ALICE, id, { kind: 'again' })
    expect(await told).toEqual({ kind: 'replaced' })
    expect(polls.of(ALICE, 1)).toEqual([])
    expect(polls.leave(ALICE, id)).toBeUndefined()
  })

  it('leave with what was kept of them, and are not kept when they have left', () => {
    const polls = new WaitingPolls()
    const { id } = polls.request()
    polls.park(ALICE, { id, sinceMs: 0, attachment: 'kept' })
    expect(polls.leave(ALICE, id)).toBe('kept')
    polls.park(ALICE, { id, sinceMs: 0, attachment: 'kept' })
    expect(polls.of(ALICE, 1)).toEqual([])
  })

  it('are listed for their own user only, those first that have waited longest', () => {
    const polls = new WaitingPolls()
    for (const [user, sinceMs] of [
      [ALICE, 1],
      ['@bob:example.org', 2],
      [ALICE, 3],
    ] as const) {
      polls.park(user, { id: polls.request().id, sinceMs, attachment: sinceMs })
    }
    expect(polls.of(ALICE, 4).map(({ attachment }) => attachment)).toEqual([1, 3])
  })

  it('are forgotten after a minute, when their end was not seen', () => {
    const polls = new WaitingPolls()
    polls.park(ALICE, { id: polls.request().id, sinceMs: 0, attachment: 'lost' })
    polls.park(ALICE, { id: polls.request().id, sinceMs: 50_000, attachment: 'waits' })
    expect(polls.of(ALICE, 60_001).map(({ attachment }) => attachment)).toEqual(['waits'])
  })
})
