import type { ThumbnailPlan } from '../../../matrix/media/thumbnail-variants.ts'
import type { Pixels } from './photon.ts'

const CHANNELS = 4
const OPAQUE = 255

/**
 * A part of an image made smaller: each pixel of the result is the mean of what it covers, weighted by how much of it that is and by opacity, so that
 * what is transparent lends no colour. Reads each source row once and holds one row of sums.
 */
export function downscale(image: Pixels, { crop, width, height }: ThumbnailPlan): Pixels {
  const data = new Uint8Array(width * height * CHANNELS)
  const columns = spans(crop.width, width)
  const line = new Float64Array(width * CHANNELS)
  const sums = new Float64Array(width * CHANNELS)
  for (const [y, { first, last, firstPart, lastPart }] of spans(crop.height, height).entries()) {
    sums.fill(0)
    let weights = 0
    for (let row = first; row <= last; row += 1) {
      const part = row === first ? firstPart : row === last ? lastPart : 1
      if (part <= 0) continue
      weights += part
      sumRow(image, crop.x, crop.y + row, columns, line)
      for (let at = 0; at < line.length; at += 1) sums[at] = (sums[at] ?? 0) + (line[at] ?? 0) * part
    }
    writeRow(sums, weights, data, y * width * CHANNELS)
  }
  return { width, height, data }
}

interface Span {
  readonly first: number
  readonly last: number
  /** How much of the first and of the last is covered. */
  readonly firstPart: number
  readonly lastPart: number
}

/** Which source pixels each pixel of the result covers, along one side. */
function spans(from: number, to: number): Span[] {
  const step = from / to
  return Array.from({ length: to }, (_, index) => {
    const [start, end] = [index * step, Math.min(from, (index + 1) * step)]
    const first = Math.min(from - 1, Math.floor(start))
    const last = Math.max(first, Math.min(from - 1, Math.ceil(end) - 1))
    if (first === last) return { first, last, firstPart: end - start, lastPart: end - start }
    return { first, last, firstPart: first + 1 - start, lastPart: end - last }
  })
}

/** Means of one source row, colours multiplied by opacity. */
function sumRow(image: Pixels, x: number, y: number, columns: readonly Span[], line: Float64Array): void {
  const { data } = image
  const start = (y * image.width + x) * CHANNELS
  for (const [column, { first, last, firstPart, lastPart }] of columns.entries()) {
    let [red, green, blue, opacity, weights] = [0, 0, 0, 0, 0]
    for (let pixel = first; pixel <= last; pixel += 1) {
      const part = pixel === first ? firstPart : pixel === last ? lastPart : 1
      const at = start + pixel * CHANNELS
      const weight = part * (data[at + 3] ?? 0)
      red += (data[at] ?? 0) * weight
      green += (data[at + 1] ?? 0) * weight
      blue += (data[at + 2] ?? 0) * weight
      opacity += weight
      weights += part
    }
    const at = column * CHANNELS
    line[at] = red / weights
    line[at + 1] = green / weights
    line[at + 2] = blue / weights
    line[at + 3] = opacity / weights
  }
}

function writeRow(sums: Float64Array, weights: number, data: Uint8Array, start: number): void {
  for (let at = 0; at < sums.length; at += CHANNELS) {
    const opacity = sums[at + 3] ?? 0
    for (let channel = 0; channel < 3; channel += 1) {
      data[start + at + channel] = opacity === 0 ? 0 : Math.min(OPAQUE, Math.round((sums[at + channel] ?? 0) / opacity))
    }
    data[start + at + 3] = Math.min(OPAQUE, Math.round(opacity / weights))
  }
}

/** An image turned as its camera says (EXIF: 1 to 8). */
export function turnUpright(image: Pixels, orientation: number): Pixels {
  if (orientation <= 1 || orientation > 8) return image
  const { width, height, data } = image
  const isSwapped = orientation >= 5
  const turned = { width: isSwapped ? height : width, height: isSwapped ? width : height, data: new Uint8Array(data.length) }
  for (let y = 0; y < turned.height; y += 1) {
    for (let x = 0; x < turned.width; x += 1) {
      const [fromX, fromY] = sourceOf(x, y, turned, orientation)
      const [from, to] = [(fromY * width + fromX) * CHANNELS, (y * turned.width + x) * CHANNELS]
      turned.data.set(data.subarray(from, from + CHANNELS), to)
    }
  }
  return turned
}

/** Where a pixel of an upright image is in the image as stored. */
function sourceOf(x: number, y: number, { width, height }: Pixels, orientation: number): readonly [number, number] {
  const [right, below] = [width - 1 - x, height - 1 - y]
  switch (orientation) {
    case 2:
      return [right, y]
    case 3:
      return [right, below]
    case 4:
      return [x, below]
    case 5:
      return [y, x]
    case 6:
      return [y, right]
    case 7:
      return [below, right]
    default:
      return [below, x]
  }
}
