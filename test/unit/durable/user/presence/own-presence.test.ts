import { describe, expect, it } from 'vitest'
import { GONE_AFTER_MS, IDLE_AFTER_MS, OwnPresence } from '../../../../../src/durable/user/presence/own-presence.ts'

const START = 1_000_000
const NOBODY: ReadonlySet<string> = new Set()

describe('what others are to see of a user', () => {
  it('is online while a device polls, and offline a while after it stopped', () => {
    const own = new OwnPresence()
    expect(own.state(NOBODY, START)).toBe('offline')
    own.polled('phone', undefined, START)
    expect(own.state(NOBODY, START)).toBe('online')
    expect(own.state(NOBODY, START + GONE_AFTER_MS - 1)).toBe('online')
    expect(own.state(NOBODY, START + GONE_AFTER_MS)).toBe('offline')
    expect(own.state(new Set(['phone']), START + GONE_AFTER_MS)).toBe('online')
  })

  it('is unavailable after five minutes without activity, and online again with the next', () => {
    const own = new OwnPresence()
    for (let at = 0; at <= IDLE_AFTER_MS; at += 30_000) own.polled('phone', undefined, START + at)
    const now = START + IDLE_AFTER_MS
    expect(own.state(NOBODY, now - 1)).toBe('online')
    expect(own.state(NOBODY, now)).toBe('unavailable')
    own.active('phone', now)
    expect(own.state(NOBODY, now)).toBe('online')
  })

  it('does not count polls that ask for that, and believes one that says it is away', () => {
    const own = new OwnPresence()
    own.polled('phone', 'offline', START)
    expect(own.state(NOBODY, START)).toBe('offline')
    own.polled('phone', 'unavailable', START)
    expect(own.state(NOBODY, START)).toBe('unavailable')
    own.polled('desktop', 'online', START)
    expect(own.state(NOBODY, START)).toBe('online')
  })

  it('stays what the user has set until they do something or a poll says otherwise', () => {
    const own = new OwnPresence()
    own.polled('phone', undefined, START)
    own.set('phone', 'unavailable', START)
    own.polled('phone', undefined, START + 1)
    expect(own.state(NOBODY, START + 1)).toBe('unavailable')
    own.active('phone', START + 2)
    expect(own.state(NOBODY, START + 2)).toBe('online')
    own.set('phone', 'offline', START + 3)
    expect(own.state(NOBODY, START + 3)).toBe('offline')
    own.polled('phone', 'online', START + 4)
    expect(own.state(NOBODY, START + 4)).toBe('online')
  })

  it('goes on after hibernation where a waiting poll left it', () => {
    const own = new OwnPresence()
    own.restore('phone', 'online', START, START + GONE_AFTER_MS)
    expect(own.state(new Set(['phone']), START + IDLE_AFTER_MS - 1)).toBe('online')
    expect(own.state(new Set(['phone']), START + IDLE_AFTER_MS)).toBe('unavailable')
  })
})
