import fc from 'fast-check'
import { expect, it } from 'vitest'
import { formatSlidingToken, isSlidingToken, parseSlidingToken, type SlidingToken } from '../../../../src/durable/user/sliding-token.ts'
import { parseConfig } from '../../../../src/runtime/config.ts'

const CONFIG = parseConfig({
  MYELIN_SECRET: Buffer.alloc(32, 7).toString('base64'),
  MYELIN_SIGNING_KEY: `ed25519 a ${Buffer.alloc(32, 1).toString('base64').replace(/=+$/, '')}`,
})
const ALICE = '@alice:test.example'
const SYNC = { boot: 'bootBoot12', seq: 41, durable: 40, toDevice: 3, accountData: 12, deviceLists: 0, held: new Map<string, number>() }

it('positions come back as they went, with what lags behind and what does not', () => {
  fc.assert(
    fc.property(
      fc.option(fc.nat(60), { nil: undefined }),
      fc.option(fc.nat(), { nil: undefined }),
      fc.nat(),
      (memberSeq, threads, answer) => {
        const token: SlidingToken = { nonce: 'abcABC123', answer, sync: SYNC, memberSeq, threads }
        const text = formatSlidingToken(CONFIG, ALICE, 'DEVICE', token)
        expect(isSlidingToken(text)).toBe(true)
        const { memberSeq: read, ...rest } = parseSlidingToken(CONFIG, ALICE, 'DEVICE', text)
        expect(rest).toEqual({
          nonce: 'abcABC123',
          answer,
          sync: { ...SYNC, toDevice: answer },
          ...(threads === undefined ? {} : { threads }),
        })
        // Where it does not lag behind, it need not be said.
        expect(read ?? SYNC.seq).toBe(Math.min(memberSeq ?? SYNC.seq, SYNC.seq))
      },
    ),
  )
})

it('R9: nothing in front of the separator can be changed', () => {
  const text = formatSlidingToken(CONFIG, ALICE, 'DEVICE', { nonce: 'abcABC123', answer: 5, sync: SYNC, memberSeq: 7, threads: 2 })
  expect(text.startsWith('abcABC123*7-2~')).toBe(true)
  for (const forged of ['abcABC123*8-2', 'abcABC123-2', 'abcABC123*7-3', 'abcABC124*7-2', 'abcABC123*7', '']) {
    const altered = `${forged}${text.slice(text.indexOf('~'))}`
    expect(() => parseSlidingToken(CONFIG, ALICE, 'DEVICE', altered), forged).toThrow('Unknown position')
  }
  expect(() => parseSlidingToken(CONFIG, ALICE, 'OTHER', text)).toThrow('Unknown position')
  expect(() => parseSlidingToken(CONFIG, '@bob:test.example', 'DEVICE', text)).toThrow('Unknown position')
})
