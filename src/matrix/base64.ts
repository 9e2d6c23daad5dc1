/*
 * Base64 as Matrix uses it (appendices#unpadded-base64): encoded without padding, decoded with or without,
 * in the standard or in the URL-safe alphabet.
 */

const STANDARD = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const URL_SAFE = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

const NOT_BASE64 = 255
const CODE_POINT_LIMIT = 128

/** Six-bit value by character code; both alphabets at once. */
const VALUES = new Uint8Array(CODE_POINT_LIMIT).fill(NOT_BASE64)
for (let value = 0; value < 64; value++) {
  VALUES[STANDARD.charCodeAt(value)] = value
  VALUES[URL_SAFE.charCodeAt(value)] = value
}

/** Bytes as unpadded standard Base64. */
export function encodeBase64(bytes: Uint8Array): string {
  return encode(bytes, STANDARD)
}

/** Bytes as unpadded URL-safe Base64. */
export function encodeBase64Url(bytes: Uint8Array): string {
  return encode(bytes, URL_SAFE)
}

/**
 * Bytes of a Base64 string in either alphabet, padded correctly or not at all; `undefined` for anything else
 * (other characters, whitespace, an impossible length, wrong padding). Unused trailing bits are ignored, as other implementations do.
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  const length = unpaddedLength(text)
  if (length === undefined || length % 4 === 1) return undefined
  const bytes = new Uint8Array(Math.floor((length * 3) / 4))
  let at = 0
  let buffer = 0
  let bits = 0
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index)
    const value = code < CODE_POINT_LIMIT ? (VALUES[code] ?? NOT_BASE64) : NOT_BASE64
    if (value === NOT_BASE64) return undefined
    buffer = ((buffer << 6) | value) & 0xffff
    bits += 6
    if (bits >= 8) {
      bits -= 8
      bytes[at++] = (buffer >> bits) & 0xff
    }
  }
  return bytes
}

/** Length without padding; `undefined` if there is padding that does not complete the last group of four. */
function unpaddedLength(text: string): number | undefined {
  if (!text.endsWith('=')) return text.length
  if (text.length % 4 !== 0) return undefined
  return text.endsWith('==') ? text.length - 2 : text.length - 1
}

function encode(bytes: Uint8Array, alphabet: string): string {
  let text = ''
  const whole = bytes.length - (bytes.length % 3)
  for (let index = 0; index < whole; index += 3) {
    const group = (byteAt(bytes, index) << 16) | (byteAt(bytes, index + 1) << 8) | byteAt(bytes, index + 2)
    text += letter(alphabet, group >> 18) + letter(alphabet, group >> 12) + letter(alphabet, group >> 6) + letter(alphabet, group)
  }
  const left = bytes.length - whole
  if (left === 1) {
    const group = byteAt(bytes, whole) << 4
    text += letter(alphabet, group >> 6) + letter(alphabet, group)
  } else if (left === 2) {
    const group = (byteAt(bytes, whole) << 10) | (byteAt(bytes, whole + 1) << 2)
    text += letter(alphabet, group >> 12) + letter(alphabet, group >> 6) + letter(alphabet, group)
  }
  return text
}

function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0
}

function letter(alphabet: string, value: number): string {
  return alphabet.charAt(value & 63)
}
