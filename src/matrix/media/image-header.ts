/** Kinds of images that thumbnails are made of. */
export type ImageKind = 'png' | 'jpeg' | 'gif' | 'webp'

/** What an image says of itself before its pixels. */
export interface ImageHeader {
  readonly kind: ImageKind
  /** In pixels, as stored. */
  readonly width: number
  readonly height: number
  readonly animated: boolean
  /** How it is to be turned to be seen upright: 1 to 8 as EXIF has it, 1 for not at all. */
  readonly orientation: number
  /** Some of it may be transparent. */
  readonly transparent: boolean
}

/** Types of images by kind. */
export const IMAGE_TYPES: Readonly<Record<ImageKind, string>> = {
  png: 'image/png',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
}

/**
 * Reads what an image says of itself, by its first bytes and not by what its uploader says it is; `undefined` for everything else
 * (SECURITY M4: this is looked at before anything is decoded). Never reads beyond the given bytes, and never goes back.
 */
export function readImageHeader(bytes: Uint8Array): ImageHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const found = pngHeader(bytes, view) ?? jpegHeader(bytes, view) ?? gifHeader(bytes, view) ?? webpHeader(bytes, view)
  return found !== undefined && found.width > 0 && found.height > 0 ? found : undefined
}

function starts(bytes: Uint8Array, at: number, text: string): boolean {
  if (at < 0 || at + text.length > bytes.length) return false
  for (let index = 0; index < text.length; index += 1) if (bytes[at + index] !== text.charCodeAt(index)) return false
  return true
}

function pngHeader(bytes: Uint8Array, view: DataView): ImageHeader | undefined {
  if (!starts(bytes, 0, '\u0089PNG\r\n\u001a\n') || !starts(bytes, 12, 'IHDR') || bytes.length < 33) return undefined
  const colourType = view.getUint8(25)
  let [animated, transparent] = [false, colourType === 4 || colourType === 6]
  // Chunks before the pixels: their length, name, data and checksum.
  for (let at = 8; at + 8 <= bytes.length && !starts(bytes, at + 4, 'IDAT'); at += 12 + view.getUint32(at)) {
    animated ||= starts(bytes, at + 4, 'acTL')
    transparent ||= starts(bytes, at + 4, 'tRNS')
  }
  return { kind: 'png', width: view.getUint32(16), height: view.getUint32(20), animated, orientation: 1, transparent }
}

/** Markers that begin a frame, whatever its coding. */
function isStartOfFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)
}

function jpegHeader(bytes: Uint8Array, view: DataView): ImageHeader | undefined {
  if (!starts(bytes, 0, '\u00ff\u00d8\u00ff')) return undefined
  let orientation = 1
  for (let at = 2; at + 9 <= bytes.length; ) {
    if (bytes[at] !== 0xff) return undefined
    const marker = view.getUint8(at + 1)
    if (marker === 0xff) {
      at += 1
      continue
    }
    if (isStartOfFrame(marker)) {
      return {
        kind: 'jpeg',
        width: view.getUint16(at + 7),
        height: view.getUint16(at + 5),
        animated: false,
        orientation,
        transparent: false,
      }
    }
    const length = view.getUint16(at + 2)
    if (length < 2) return undefined
    if (marker === 0xe1 && starts(bytes, at + 4, 'Exif\0\0')) orientation = exifOrientation(bytes, view, at + 10, at + 2 + length)
    at += 2 + length
  }
  return undefined
}

const MAX_EXIF_ENTRIES = 100
const ORIENTATION_TAG = 0x0112

/** The orientation in EXIF data; 1 where it says nothing sensible. */
function exifOrientation(bytes: Uint8Array, view: DataView, start: number, end: number): number {
  const isLittle = starts(bytes, start, 'II')
  const limit = Math.min(end, bytes.length)
  if (start + 8 > limit || (!isLittle && !starts(bytes, start, 'MM'))) return 1
  const directory = start + view.getUint32(start + 4, isLittle)
  if (directory + 2 > limit) return 1
  const count = Math.min(view.getUint16(directory, isLittle), MAX_EXIF_ENTRIES)
  for (let index = 0; index < count; index += 1) {
    const entry = directory + 2 + 12 * index
    if (entry + 12 > limit) return 1
    if (view.getUint16(entry, isLittle) !== ORIENTATION_TAG) continue
    const value = view.getUint16(entry + 8, isLittle)
    return value >= 1 && value <= 8 ? value : 1
  }
  return 1
}

function gifHeader(bytes: Uint8Array, view: DataView): ImageHeader | undefined {
  if (!(starts(bytes, 0, 'GIF87a') || starts(bytes, 0, 'GIF89a')) || bytes.length < 13) return undefined
  const flags = view.getUint8(10)
  const at = 13 + ((flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1))
  // What repeats an animation comes first of all extensions, as all that make animations write it.
  const animated = starts(bytes, at, '!\u00ff\u000bNETSCAPE2.0') || starts(bytes, at, '!\u00ff\u000bANIMEXTS1.0')
  return { kind: 'gif', width: view.getUint16(6, true), height: view.getUint16(8, true), animated, orientation: 1, transparent: true }
}

function webpHeader(bytes: Uint8Array, view: DataView): ImageHeader | undefined {
  if (!starts(bytes, 0, 'RIFF') || !starts(bytes, 8, 'WEBP') || bytes.length < 30) return undefined
  const webp = { kind: 'webp', orientation: 1 } as const
  if (starts(bytes, 12, 'VP8X')) {
    const flags = view.getUint8(20)
    const size = (offset: number): number => 1 + (view.getUint16(offset, true) | (view.getUint8(offset + 2) << 16))
    return { ...webp, width: size(24), height: size(27), animated: (flags & 2) !== 0, transparent: (flags & 16) !== 0 }
  }
  if (starts(bytes, 12, 'VP8 ')) {
    const [width, height] = [view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff]
    return { ...webp, width, height, animated: false, transparent: false }
  }
  if (!starts(bytes, 12, 'VP8L')) return undefined
  const bits = view.getUint32(21, true)
  return { ...webp, width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff), animated: false, transparent: true }
}
