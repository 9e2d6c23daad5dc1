import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parseJsonc } from '../../../selfhost/jsonc.ts'

it('reads everything that JSON can say', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      expect(parseJsonc(JSON.stringify(value))).toEqual(JSON.parse(JSON.stringify(value)))
    }),
  )
})

it('ignores comments and trailing commas outside strings', () => {
  expect(parseJsonc('// first\n{"a": [1, 2, /* three */], "b": "// no comment, }", /* last */}')).toEqual({
    a: [1, 2],
    b: '// no comment, }',
  })
})

it('refuses what is not JSON', () => {
  for (const text of ['', '{', '{"a" 1}', '{"a": 1} trailing', '"unterminated']) expect(() => parseJsonc(text)).toThrow(SyntaxError)
})
