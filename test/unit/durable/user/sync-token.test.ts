import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatSyncToken, MAX_HELD_ROOMS, parseSyncToken, roomKey, type SyncToken } from '../../../../src/durable/user/sync-token.ts'
import { MatrixError } from '../../../../src/matrix/errors.ts'
import { parseConfig } from '../../../../src/runtime/config.ts'

function configWith(secretByte: number) {
  return parseConfig({
    MYELIN_SECRET: Buffer.alloc(32, secretByte).toString('base64'),
    MYELIN_SIGNING_KEY: `ed25519 a ${Buffer.alloc(32, 1).toString('base64').replace(/=+$/, '')}`,
  })
}

const CONFIG = configWith(7)
const ALICE = '@alice:test.example'
const TOKEN: SyncToken = { boot: 'bootBoot12', seq: 41, durable: 40, toDevice: 3, accountData: 1234, deviceLists: 0, held: new Map() }

function refusalOf(run: () => unknown): { status: number; errcode: string } | undefined {
  try {
    run()
    return undefined
  } catch (cause) {
    return cause instanceof MatrixError ? { status: cause.status, errcode: cause.errcode } : undefined
  }
}

describe('sync tokens', () => {
  it('come back as they went', () => {
    const safe = fc.nat(Number.MAX_SAFE_INTEGER)
    const held = fc.array(fc.tuple(fc.string().map(roomKey), safe), { maxLength: MAX_HELD_ROOMS }).map((entries) => new Map(entries))
    const token = fc.record(
      { presence: safe, seq: safe, durable: safe, toDevice: safe, accountData: safe, deviceLists: safe, held },
      { requiredKeys: ['seq', 'durable', 'toDevice', 'accountData', 'deviceLists', 'held'] },
    )
    fc.assert(
      fc.property(token, fc.string(), fc.string(), (numbers, userId, deviceId) => {
        const given = { ...numbers, boot: 'b' }
        expect(parseSyncToken(CONFIG, userId, deviceId, formatSyncToken(CONFIG, userId, deviceId, given))).toEqual(given)
      }),
    )
  })

  it('stay below 1 KB even when they hold back as many rooms as they can', () => {
    const held = new Map(Array.from({ length: MAX_HELD_ROOMS }, (_, index) => [roomKey(`!room${index}`), Number.MAX_SAFE_INTEGER]))
    const big = Number.MAX_SAFE_INTEGER
    const text = formatSyncToken(CONFIG, ALICE, 'D', {
      ...TOKEN,
      seq: big,
      durable: big,
      toDevice: big,
      accountData: big,
      deviceLists: big,
      presence: big,
      held,
    })
    expect(text.length).toBeLessThan(1024)
    expect(parseSyncToken(CONFIG, ALICE, 'D', text).held).toEqual(held)
  })

  it('are refused as M_UNKNOWN_POS for another user, another device or another server (R9)', () => {
    const text = formatSyncToken(CONFIG, ALICE, 'DEVICE', TOKEN)
    const refused = { status: 400, errcode: 'M_UNKNOWN_POS' }
    expect(refusalOf(() => parseSyncToken(CONFIG, '@bob:test.example', 'DEVICE', text))).toEqual(refused)
    expect(refusalOf(() => parseSyncToken(CONFIG, ALICE, 'OTHER', text))).toEqual(refused)
    expect(refusalOf(() => parseSyncToken(configWith(8), ALICE, 'DEVICE', text))).toEqual(refused)
    expect(refusalOf(() => parseSyncToken(CONFIG, '@alice:test.exampleDEV', 'ICE', text))).toEqual(refused)
  })

  it('are refused after any change of a character, and so is any other text', () => {
    const text = formatSyncToken(CONFIG, ALICE, 'DEVICE', TOKEN)
    for (let index = 0; index < text.length; index += 1) {
      for (const char of ['0', 'z', '.', '~', 'é']) {
        if (text[index] === char) continue
        const changed = text.slice(0, index) + char + text.slice(index + 1)
        expect(refusalOf(() => parseSyncToken(CONFIG, ALICE, 'DEVICE', changed))?.errcode).toBe('M_UNKNOWN_POS')
      }
    }
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((tail) => `s1.b.1.1.1.1.1..${tail}`),
        ),
        (text) => {
          expect(refusalOf(() => parseSyncToken(CONFIG, ALICE, 'DEVICE', text))?.errcode).toBe('M_UNKNOWN_POS')
        },
      ),
    )
    expect(refusalOf(() => parseSyncToken(CONFIG, ALICE, 'DEVICE', 's'.repeat(5000)))?.errcode).toBe('M_UNKNOWN_POS')
  })
})
