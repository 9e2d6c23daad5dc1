import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { downscale, turnUpright } from '../../../src/domain/media/image/downscale.ts'
import type { Pixels } from '../../../src/domain/media/image/photon.ts'

const whole = (image: Pixels, width: number, height: number) => ({
  crop: { x: 0, y: 0, width: image.width, height: image.height },
  width,
  height,
})
const image = (width: number, height: number, at: (x: number, y: number) => readonly number[]): Pixels => ({
  width,
  height,
  data: Uint8Array.from({ length: width * height }, (_, index) => index).reduce<Uint8Array>(
    (data, _, index) => {
      data.set(at(index % width, Math.floor(index / width)), index * 4)
      return data
    },
    new Uint8Array(width * height * 4),
  ),
})
const pixelAt = ({ width, data }: Pixels, x: number, y: number) => Array.from(data.slice((y * width + x) * 4, (y * width + x + 1) * 4))

describe('an image made smaller', () => {
  it('of one colour keeps it, whatever the sizes', () => {
    const side = fc.integer({ min: 1, max: 40 })
    const colour = fc.tuple(...[0, 1, 2].map(() => fc.integer({ min: 0, max: 255 })))
    fc.assert(
      fc.property(side, side, side, side, colour, (width, height, a, b, [red = 0, green = 0, blue = 0]) => {
        const from = image(width, height, () => [red, green, blue, 255])
        const small = downscale(from, whole(from, Math.min(a, width), Math.min(b, height)))
        for (let at = 0; at < small.data.length; at += 4) expect(Array.from(small.data.slice(at, at + 4))).toEqual([red, green, blue, 255])
      }),
      { numRuns: 200 },
    )
  })

  it('is the same where it is made no smaller', () => {
    const from = image(7, 5, (x, y) => [x * 30, y * 50, 9, 255])
    expect(downscale(from, whole(from, 7, 5))).toEqual(from)
  })

  it('has means of what it covers, also where that is part of a pixel', () => {
    const from = image(3, 1, (x) => [x * 90, 0, 0, 255])
    const small = downscale(from, whole(from, 2, 1))
    expect([pixelAt(small, 0, 0)[0], pixelAt(small, 1, 0)[0]]).toEqual([30, 150])
  })

  it('takes no colour from what is transparent', () => {
    const from = image(2, 1, (x) => (x === 0 ? [255, 0, 0, 255] : [0, 255, 0, 0]))
    expect(pixelAt(downscale(from, whole(from, 1, 1)), 0, 0)).toEqual([255, 0, 0, 128])
  })

  it('is of the part that is wanted', () => {
    const from = image(4, 4, (x, y) => [x * 10, y * 10, 0, 255])
    const part = downscale(from, { crop: { x: 1, y: 2, width: 2, height: 2 }, width: 2, height: 2 })
    expect([pixelAt(part, 0, 0), pixelAt(part, 1, 1)]).toEqual([
      [10, 20, 0, 255],
      [20, 30, 0, 255],
    ])
  })
})

describe('an image turned upright (EXIF)', () => {
  // A B C
  // D E F
  const letters = image(3, 2, (x, y) => [y * 3 + x, 0, 0, 255])
  const rows = ({ width, height, ...rest }: Pixels): string[] =>
    Array.from({ length: height }, (_, y) =>
      Array.from({ length: width }, (_, x) => 'ABCDEF'[pixelAt({ width, height, ...rest }, x, y)[0] ?? 0]).join(''),
    )

  it.each([
    [1, ['ABC', 'DEF']],
    [2, ['CBA', 'FED']],
    [3, ['FED', 'CBA']],
    [4, ['DEF', 'ABC']],
    [5, ['AD', 'BE', 'CF']],
    [6, ['DA', 'EB', 'FC']],
    [7, ['FC', 'EB', 'DA']],
    [8, ['CF', 'BE', 'AD']],
    [9, ['ABC', 'DEF']],
  ])('%s', (orientation, expected) => {
    expect(rows(turnUpright(letters, orientation))).toEqual(expected)
  })
})
