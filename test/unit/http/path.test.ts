import { describe, expect, it } from 'vitest'
import { checkEncodedPath, pathVariants, rawPathOf } from '../../../src/http/path.ts'
import { parseQuery } from '../../../src/http/query.ts'

describe('the path of a request', () => {
  it.each([
    ['https://hs.example/a/b%2Fc?x=/y', '/a/b%2Fc'],
    ['https://hs.example/', '/'],
    ['https://hs.example/?a=b', '/'],
    ['https://hs.example:8448/a%25%2F', '/a%25%2F'],
    ['https://[::1]:8448/a', '/a'],
  ])('of %s is %s, as it came', (url, path) => {
    expect(rawPathOf(new Request(url))).toBe(path)
  })

  it.each(['https://x/%', 'https://x/%2', 'https://x/%00', 'https://x/%ff', 'https://x/%c0%80'])(
    'is refused when it is badly encoded: %s',
    (url) => {
      expect(() => checkEncodedPath(url)).toThrow()
    },
  )

  it.each(['https://x/%2F', 'https://x/?%', 'https://x/%F0%9F%A6%86', 'https://x/%25%25?%zz'])(
    'passes when it is well encoded: %s',
    (url) => {
      expect(() => checkEncodedPath(url)).not.toThrow()
    },
  )
})

describe('a declared path', () => {
  it('with an optional last segment is routed with it, without it and with an empty one', () => {
    expect(pathVariants('/state/:type/:stateKey?')).toEqual(['/state/:type/:stateKey', '/state/:type', '/state/:type/'])
    expect(pathVariants('/state/:type')).toEqual(['/state/:type'])
  })
})

describe('a query', () => {
  it('gives strings, lists for repeated names, and nothing for nothing', () => {
    expect(parseQuery('https://x/?a=1&b=2&b=3&c&d=%26+x')).toEqual({ a: '1', b: ['2', '3'], c: '', d: '& x' })
    expect(parseQuery('https://x/')).toEqual({})
  })

  it('may have names that objects have by themselves (P7)', () => {
    const query = parseQuery('https://x/?__proto__=1&constructor=2&__proto__=3')
    expect(Object.entries(query)).toEqual([
      ['__proto__', ['1', '3']],
      ['constructor', '2'],
    ])
    expect(Object.getPrototypeOf(query)).toBe(Object.prototype)
  })
})
