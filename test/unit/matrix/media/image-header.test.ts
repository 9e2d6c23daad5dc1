import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readImageHeader } from '../../../../src/matrix/media/image-header.ts'

const bytesOf = (...parts: readonly (string | readonly number[])[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === 'string' ? Array.from(part, (char) => char.charCodeAt(0)) : part)))
const zeros = (count: number): number[] => new Array<number>(count).fill(0)
const PNG = '\u0089PNG\r\n\u001a\n'
const ihdr = (width: number[], height: number[], colour: number) =>
  bytesOf(PNG, [0, 0, 0, 13], 'IHDR', width, height, [8, colour, 0, 0, 0], zeros(4))
const join = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => Array.from(part)))

describe('what an image says of itself (M4)', () => {
  it('PNG: size, transparency and animation', () => {
    const plain = join(ihdr([0, 0, 1, 44], [0, 0, 0, 200], 2), bytesOf([0, 0, 0, 1], 'IDAT'))
    expect(readImageHeader(plain)).toEqual({ kind: 'png', width: 300, height: 200, animated: false, orientation: 1, transparent: false })
    const moving = join(ihdr([0, 0, 0, 1], [0, 0, 0, 1], 6), bytesOf([0, 0, 0, 8], 'acTL', zeros(12), [0, 0, 0, 1], 'IDAT'))
    expect(readImageHeader(moving)).toMatchObject({ animated: true, transparent: true })
    expect(readImageHeader(ihdr([0xff, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0xff], 2))).toMatchObject({ width: 4_294_967_295 })
  })

  it.each([
    ['II', [1, 0], [8, 0, 0, 0], [0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0]],
    ['MM', [0, 1], [0, 0, 0, 8], [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0]],
  ])('JPEG: size, and how it is to be turned (%s)', (order, count, offset, entry) => {
    const tiff = bytesOf(order, order === 'II' ? [42, 0] : [0, 42], offset, count, entry)
    const exif = join(bytesOf([0xff, 0xe1, 0, tiff.length + 8], 'Exif\0\0'), tiff)
    const frame = bytesOf([0xff, 0xc2, 0, 17, 8, 0, 200, 1, 44], zeros(12))
    expect(readImageHeader(join(bytesOf([0xff, 0xd8]), exif, frame))).toEqual({
      ...{ kind: 'jpeg', width: 300, height: 200, animated: false, orientation: 6, transparent: false },
    })
  })

  it('GIF: size and animation', () => {
    const still = bytesOf('GIF89a', [44, 1, 200, 0, 0, 0, 0], ',', zeros(20))
    expect(readImageHeader(still)).toMatchObject({ kind: 'gif', width: 300, height: 200, animated: false })
    expect(readImageHeader(bytesOf('GIF89a', [44, 1, 200, 0, 0x80, 0, 0], zeros(6), '!\u00ff\u000bNETSCAPE2.0'))).toMatchObject({
      animated: true,
    })
  })

  it('WebP: size in each of its three forms', () => {
    const riff = (chunk: string, ...rest: readonly number[][]) => bytesOf('RIFF', zeros(4), 'WEBP', chunk, zeros(4), ...rest, zeros(20))
    expect(readImageHeader(riff('VP8 ', zeros(6), [44, 1, 200, 0]))).toMatchObject({ kind: 'webp', width: 300, height: 200 })
    expect(readImageHeader(riff('VP8L', [0x2f], [0x2b, 0xc1, 0x31, 0]))).toMatchObject({ width: 300, height: 200 })
    expect(readImageHeader(riff('VP8X', [2], zeros(3), [43, 1, 0], [199, 0, 0]))).toMatchObject({ width: 300, height: 200, animated: true })
  })

  it('nothing, of everything else, and it reads no further than there is', () => {
    for (const text of ['', '<svg xmlns="http://www.w3.org/2000/svg"/>', '%PDF-1.7', PNG, 'GIF89a', 'RIFF', '\u00ff\u00d8\u00ff']) {
      expect(readImageHeader(bytesOf(text))).toBeUndefined()
    }
    expect(readImageHeader(ihdr([0, 0, 0, 0], [0, 0, 0, 1], 2))).toBeUndefined()
    const starts = [PNG, '\u00ff\u00d8\u00ff\u00e1\0\u0020Exif\0\0II', 'GIF89a', 'RIFF....WEBPVP8X', '\u00ff\u00d8\u00ff']
    fc.assert(
      fc.property(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 200 }), (start, rest) => {
        expect(() => readImageHeader(join(bytesOf(start), rest))).not.toThrow()
      }),
    )
  })
})
