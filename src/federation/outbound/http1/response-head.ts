import { MAX_HEAD_BYTES } from '../limits.ts'
import { OutboundError } from '../outbound-error.ts'
import type { ByteSource } from './byte-source.ts'

/** Status line and headers of an answer. */
export interface ResponseHead {
  readonly status: number
  readonly headers: Headers
}

/** How many answers of status 1xx may come before the real one. */
const MAX_INTERIM = 8
const STATUS_LINE = /^HTTP\/1\.[01] ([1-5]\d\d)(?: |$)/
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/

/** Reads the head of the final answer (RFC 9112). @throws OutboundError `invalid` for anything malformed or longer than the bound. */
export async function readHead(source: ByteSource): Promise<ResponseHead> {
  for (let interim = 0; interim <= MAX_INTERIM; interim += 1) {
    const head = await readOneHead(source)
    if (head.status >= 200) return head
  }
  throw new OutboundError('invalid', 'no final answer')
}

async function readOneHead(source: ByteSource): Promise<ResponseHead> {
  const first = await source.line(MAX_HEAD_BYTES)
  const status = STATUS_LINE.exec(first)?.[1]
  if (status === undefined) throw new OutboundError('invalid', 'not an HTTP answer')
  const headers = new Headers()
  let bytesLeft = MAX_HEAD_BYTES - first.length
  for (;;) {
    const line = await source.line(bytesLeft)
    if (line === '') return { status: Number(status), headers }
    bytesLeft -= line.length + 1
    const [, name, value = ''] = FIELD.exec(line) ?? []
    if (name === undefined || value.includes('\0')) throw new OutboundError('invalid', 'a malformed header')
    headers.append(name, value)
  }
}
