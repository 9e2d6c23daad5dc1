import { expect, it } from 'vitest'
import { chargeInvitation } from '../../../../src/durable/user/invite-limits.ts'
import { Buckets } from '../../../../src/http/rate-limit.ts'

const NOW = 1_000_000
const HOUR_MS = 3_600_000

/** How many of so many invitations get through, from senders in turn. */
function allowed(buckets: Buckets, attempts: number, nowMs: number, ...inviters: string[]): number {
  let count = 0
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    try {
      chargeInvitation(buckets, 'here.example', inviters[attempt % inviters.length] ?? '', nowMs)
      count += 1
    } catch (cause) {
      expect(cause).toMatchObject({ status: 429, errcode: 'M_LIMIT_EXCEEDED' })
    }
  }
  return count
}

it('one sender of this server, and all of another server, may invite somebody so often, whatever others have done', () => {
  const buckets = new Buckets()
  expect(allowed(buckets, 50, NOW, '@a:here.example')).toBe(30)
  expect(allowed(buckets, 10, NOW, '@b:here.example')).toBe(10)
  expect(allowed(buckets, 50, NOW, '@a:there.example', '@b:there.example')).toBe(30)
  expect(allowed(buckets, 50, NOW + HOUR_MS, '@a:here.example')).toBe(30)
})

it('somebody gets so many from all together, and excess of one leaves the others their share', () => {
  const buckets = new Buckets()
  expect(allowed(buckets, 1_000, NOW, '@a:one.example')).toBe(30)
  const many = Array.from({ length: 200 }, (_, n) => `@a:server${n}.example`)
  expect(allowed(buckets, 200, NOW, ...many)).toBe(70)
})
