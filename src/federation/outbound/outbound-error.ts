import { type Errcode, forbidden, limitExceeded, MatrixError, notFound } from '../../matrix/errors.ts'

/**
 * Why another server gave no usable answer. `blocked`: we do not connect there. `unreachable`: name, connection, certificate. `timeout`,
 * `too_large`, `redirected`: a bound was met. `invalid`: it answered something else than what was asked for. `refused`: an error status.
 */
export type OutboundFailure = 'blocked' | 'unreachable' | 'timeout' | 'too_large' | 'redirected' | 'invalid' | 'refused'

/** A failed request to another server. */
export class OutboundError extends Error {
  readonly failure: OutboundFailure

  constructor(failure: OutboundFailure, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'OutboundError'
    this.failure = failure
  }
}

/** Another server answered with an error status. */
export class RemoteRefusal extends OutboundError {
  readonly status: number
  /** What its body called the error, if it was a string: another server's word, for decisions and logs only. */
  readonly errcode: string | undefined
  /** What its body said to people, shortened: shown only where the specification asks for that, and never logged. */
  readonly words: string | undefined

  constructor(status: number, errcode: string | undefined, message: string, words?: string) {
    super('refused', message)
    this.name = 'RemoteRefusal'
    this.status = status
    this.errcode = errcode
    this.words = words
  }
}

/** Errcodes that mean the same to our client as they did to us. */
const PASSED_ON: readonly Errcode[] = [
  'M_UNSUPPORTED_ROOM_VERSION',
  'M_INCOMPATIBLE_ROOM_VERSION',
  'M_UNABLE_TO_AUTHORISE_JOIN',
  'M_UNABLE_TO_GRANT_JOIN',
]

const BAD_GATEWAY = 502
const GATEWAY_TIMEOUT = 504
/** What a busy server's client should wait, in milliseconds. */
const BUSY_RETRY_MS = 5_000

/**
 * What a client of ours is told when another server failed it. Another server cannot end a session here: its 401 and its token
 * errcodes mean that *we* were refused, and become a 502 (SECURITY F20). Its error text is not repeated.
 */
export function clientError(cause: unknown, subject: string): MatrixError {
  if (cause instanceof MatrixError) return cause
  if (!(cause instanceof OutboundError)) throw cause
  if (cause instanceof RemoteRefusal) {
    const passed = PASSED_ON.find((errcode) => errcode === cause.errcode)
    if (passed !== undefined) return new MatrixError(400, passed, `${subject} refused`)
    if (cause.status === 403 && cause.errcode === 'M_INVITE_BLOCKED') return new MatrixError(403, 'M_INVITE_BLOCKED', `${subject} refused`)
    if (cause.status === 403) return forbidden(`${subject} refused`)
    if (cause.status === 404 && cause.errcode !== 'M_UNRECOGNIZED') return notFound(`${subject} found nothing`)
    if (cause.status === 429) return limitExceeded(BUSY_RETRY_MS)
  }
  const status = cause.failure === 'timeout' ? GATEWAY_TIMEOUT : BAD_GATEWAY
  return new MatrixError(status, 'M_UNKNOWN', `${subject} could not be asked`)
}
