import { OutboundError } from '../outbound-error.ts'
import type { ByteSource } from './byte-source.ts'
import type { ResponseHead } from './response-head.ts'

/** Bytes asked for at once. */
const PIECE_BYTES = 65_536
/** Longest line that announces a chunk, extensions included; longest trailer. */
const MAX_CHUNK_LINE = 1_024
const MAX_TRAILERS = 64
const NO_BODY: readonly number[] = [204, 304]

/** The pieces of an answer's body, by whichever of the three framings it has (RFC 9112 section 6). */
export function bodyPieces(head: ResponseHead, source: ByteSource): AsyncGenerator<Uint8Array, void, undefined> {
  const coding = head.headers.get('transfer-encoding')
  const length = head.headers.get('content-length')
  if (NO_BODY.includes(head.status)) return counted(source, 0)
  if (coding !== null) {
    if (coding.trim().toLowerCase() !== 'chunked') throw new OutboundError('invalid', 'an unknown transfer coding')
    return chunked(source)
  }
  if (length === null) return untilEnd(source)
  if (!/^\d{1,15}$/.test(length)) throw new OutboundError('invalid', 'a malformed Content-Length')
  return counted(source, Number(length))
}

async function* untilEnd(source: ByteSource): AsyncGenerator<Uint8Array, void, undefined> {
  for (let piece = await source.some(PIECE_BYTES); piece !== undefined; piece = await source.some(PIECE_BYTES)) yield piece
}

async function* counted(source: ByteSource, length: number): AsyncGenerator<Uint8Array, void, undefined> {
  let left = length
  while (left > 0) {
    const piece = await source.some(Math.min(left, PIECE_BYTES))
    if (piece === undefined) throw new OutboundError('invalid', 'the answer ends in the middle')
    left -= piece.length
    yield piece
  }
}

async function* chunked(source: ByteSource): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const size = /^([0-9A-Fa-f]{1,12})[ \t]*(?:;.*)?$/.exec(await source.line(MAX_CHUNK_LINE))?.[1]
    if (size === undefined) throw new OutboundError('invalid', 'a malformed chunk')
    const bytes = Number.parseInt(size, 16)
    if (bytes === 0) break
    yield* counted(source, bytes)
    if ((await source.line(2)) !== '') throw new OutboundError('invalid', 'a malformed chunk')
  }
  for (let trailer = 0; trailer <= MAX_TRAILERS; trailer += 1) if ((await source.line(MAX_CHUNK_LINE)) === '') return
  throw new OutboundError('invalid', 'too many trailers')
}
