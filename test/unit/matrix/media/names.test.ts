import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isMediaId } from '../../../../src/matrix/ids/media-id.ts'
import { checkedFilename, contentDisposition, filenameOf } from '../../../../src/matrix/media/content-disposition.ts'
import { checkedContentType, essenceOf, isInlineType } from '../../../../src/matrix/media/content-type.ts'

describe('the ID of a file (M2)', () => {
  it('has letters, digits, underscores and hyphens', () => {
    for (const id of ['a', 'AbC_0-9', 'x'.repeat(255)]) expect(isMediaId(id)).toBe(true)
    for (const id of ['', 'a/b', '..', 'a.b', 'a%2Fb', 'ä', 'a b', 'a\n', 'x'.repeat(256)]) expect(isMediaId(id)).toBe(false)
  })
})

describe('the type of a file (M1)', () => {
  it('is kept if it is one', () => {
    for (const type of ['image/png', 'Text/Plain; charset=utf-8', 'application/x-foo+json;a="b c";d=e'])
      expect(checkedContentType(type)).toBe(type)
    for (const type of [null, undefined, '', 'png', 'a/b\r\nx: y', 'a/b; c', 'a/b; c="\r\n"', 'ä/b', `a/${'b'.repeat(300)}`]) {
      expect(checkedContentType(type)).toBe('application/octet-stream')
    }
  })

  it('decides alone whether it is shown where it lies', () => {
    expect([essenceOf('Text/Plain; charset=x'), essenceOf('image/png')]).toEqual(['text/plain', 'image/png'])
    for (const type of ['image/png', 'TEXT/PLAIN;charset=utf-8', 'video/mp4', 'application/json']) expect(isInlineType(type)).toBe(true)
    for (const type of ['text/html', 'image/svg+xml', 'image/svg', 'application/pdf', 'text/xml', 'x/y'])
      expect(isInlineType(type)).toBe(false)
  })
})

describe('the name of a file (M1)', () => {
  it('is quoted if it is plain, and encoded otherwise', () => {
    expect(contentDisposition('image/png', undefined)).toBe('inline')
    expect(contentDisposition('text/html', 'name with;semicolons.html')).toBe('attachment; filename="name with;semicolons.html"')
    expect(contentDisposition('image/png', '\u{1f414}')).toBe("inline; filename*=utf-8''%F0%9F%90%94")
    expect(contentDisposition('image/png', `a"b\\c'(d)*`)).toBe("inline; filename*=utf-8''a%22b%5Cc%27%28d%29%2A")
  })

  it('is read from what other servers write', () => {
    expect(filenameOf('inline; filename="a b.png"')).toBe('a b.png')
    expect(filenameOf('inline; filename=a.png; x=y')).toBe('a.png')
    expect(filenameOf('attachment; filename="a\\"b"')).toBe('a"b')
    expect(filenameOf('inline; filename="x"; filename*=UTF-8\'en\'%e2%98%95')).toBe('\u2615')
    expect(filenameOf('inline; filename="\u00e2\u0098\u0095"')).toBe('\u2615')
    for (const none of [null, undefined, 'inline', 'inline; filename=""', "inline; filename*=utf-8''%ff"])
      expect(filenameOf(none)).toBeUndefined()
  })

  it('never ends a header, and comes back as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        const header = contentDisposition('image/png', name)
        expect(header).toMatch(/^[\x20-\x7e]*$/)
        expect(filenameOf(header)).toBe(checkedFilename(name))
      }),
    )
  })
})
