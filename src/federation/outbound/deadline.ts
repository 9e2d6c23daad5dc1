import { OutboundError } from './outbound-error.ts'

/** A time by which something must be over, as a signal that ends it. */
export class Deadline {
  readonly #controller = new AbortController()
  readonly #timer: ReturnType<typeof setTimeout>

  constructor(timeoutMs: number) {
    this.#timer = setTimeout(() => this.#controller.abort(new OutboundError('timeout', `no answer within ${timeoutMs} ms`)), timeoutMs)
  }

  /** Aborted when the time is up. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** The time is no longer limited. */
  clear(): void {
    clearTimeout(this.#timer)
  }

  /**
   * The result of some work, if it comes in time. Failures become `unreachable`, except those that are explained already.
   * @throws OutboundError
   */
  async limit<T>(work: Promise<T>): Promise<T> {
    const { signal } = this
    let stop = (): void => undefined
    const late = new Promise<never>((_, reject) => {
      stop = () => reject(timeoutOf(signal))
      if (signal.aborted) stop()
      else signal.addEventListener('abort', stop, { once: true })
    })
    try {
      return await Promise.race([work, late])
    } catch (cause) {
      if (signal.aborted) throw timeoutOf(signal)
      throw cause instanceof OutboundError ? cause : new OutboundError('unreachable', 'the connection failed', cause)
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }
}

function timeoutOf(signal: AbortSignal): OutboundError {
  return signal.reason instanceof OutboundError ? signal.reason : new OutboundError('timeout', 'no answer in time')
}
