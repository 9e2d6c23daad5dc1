import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type JsonPiece, JsonPieceReader } from '../../../../src/federation/outbound/json-pieces.ts'
import { OutboundError } from '../../../../src/federation/outbound/outbound-error.ts'

const OPTIONS = { streamed: new Set(['state', 'auth_chain']), maxElementBytes: 1_000_000, maxMemberBytes: 1_000_000 }
const encoder = new TextEncoder()

/** Reads a text in chunks of the given sizes, over and over. */
function read(text: string, sizes: readonly number[] = [1 << 20], options = OPTIONS): JsonPiece[] {
  const bytes = encoder.encode(text)
  const reader = new JsonPieceReader(options)
  const pieces: JsonPiece[] = []
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = Math.max(1, sizes[turn % sizes.length] ?? 1)
    pieces.push(...reader.push(bytes.subarray(at, at + size)))
    at += size
  }
  reader.end()
  return pieces
}

describe('an answer that is read as it arrives', () => {
  it('comes apart into the elements of its streamed arrays and its other members', () => {
    expect(read('{"origin": "a", "state" : [ {"x":[1,"]}"]} , 5 ], "auth_chain":[],"n":{"a":"\\"}"} }')).toEqual([
      { name: 'origin', text: '"a"', isElement: false },
      { name: 'state', text: '{"x":[1,"]}"]}', isElement: true },
      { name: 'state', text: '5', isElement: true },
      { name: 'n', text: '{"a":"\\"}"}', isElement: false },
    ])
  })

  it('says the same wherever its chunks end, for every object', () => {
    const streamed = fc.array(fc.jsonValue())
    const object = fc.record({ state: streamed, auth_chain: streamed }, { requiredKeys: [] })
    const others = fc.dictionary(
      fc.string().filter((key) => !['state', 'auth_chain', '__proto__'].includes(key)),
      fc.jsonValue(),
      { maxKeys: 10 },
    )
    const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 10 })
    fc.assert(
      fc.property(object, others, sizes, fc.constantFrom(undefined, 1, '\t'), (lists, rest, chunkSizes, indent) => {
        const value = { ...rest, ...lists }
        const expected = Object.entries(value).flatMap(([name, member]) =>
          Array.isArray(member) && OPTIONS.streamed.has(name)
            ? member.map((element) => ({ name, value: element, isElement: true }))
            : [{ name, value: member, isElement: false }],
        )
        const pieces = read(JSON.stringify(value, undefined, indent), chunkSizes)
        const found = pieces.map(({ name, text, isElement }) => ({ name, value: JSON.parse(text), isElement }))
        expect(JSON.stringify(found)).toBe(JSON.stringify(expected))
      }),
    )
  })

  it.each([
    '',
    ' ',
    '[]',
    '{',
    '{"state":[',
    '{"state":[]',
    '{"state":[,]}',
    '{"state":[1,]}',
    '{"state":[1 2]}',
    '{"a":1,}',
    '{,}',
    '{"a"}',
    '{"a":}',
    '{"a":1 "b":2}',
    '{"a":1}{',
    '{"a":1,"a":2}',
    '{"a":1,"\\u0061":2}',
    '\ufeff{}',
    '{"\\x":1}',
  ])('refuses %j', (text) => {
    expect(() => read(text, [3])).toThrow(OutboundError)
  })

  it('refuses what is not UTF-8', () => {
    const reader = new JsonPieceReader(OPTIONS)
    expect(() => reader.push(new Uint8Array([...encoder.encode('{"state":["'), 0xff, 0x22]))).toThrow(OutboundError)
  })

  it('skips elements that are too large and goes on; a member that is too large ends it', () => {
    const small = { ...OPTIONS, maxElementBytes: 10, maxMemberBytes: 20 }
    const names = read(`{"state":["${'x'.repeat(50)}",1,"${'y'.repeat(8)}"],"a":2}`, [7], small).map(({ text }) => text)
    expect(names).toEqual(['1', '"yyyyyyyy"', '2'])
    expect(() => read(`{"a":"${'x'.repeat(50)}"}`, [7], small)).toThrow('too large')
  })

  it('never throws anything but its own refusal, on any bytes', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.string().map((text) => encoder.encode(`{"state":[${text}`)),
    )
    fc.assert(
      fc.property(bytes, (chunk) => {
        try {
          const reader = new JsonPieceReader(OPTIONS)
          reader.push(chunk)
          reader.end()
        } catch (cause) {
          expect(cause).toBeInstanceOf(OutboundError)
        }
      }),
    )
  })
})
