import { type ErrorShape, MatrixError, unknownError } from '../matrix/errors.ts'
import { log } from './log.ts'

/** The answer of an object's method: refusals travel as data because classes do not survive RPC. */
export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: ErrorShape }

/** A successful outcome. */
export function success<T>(value: T): Outcome<T> {
  return { ok: true, value }
}

/** A refusal as an outcome; anything that is not a {@link MatrixError} is a defect, logged here and answered as M_UNKNOWN. */
export function refusal(cause: unknown): { readonly ok: false; readonly error: ErrorShape } {
  if (cause instanceof MatrixError) return { ok: false, error: cause.toShape() }
  log.error('unexpected failure inside an object', cause)
  return { ok: false, error: unknownError().toShape() }
}

/** The value, or the refusal thrown as a {@link MatrixError}. */
export function unwrap<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value
  throw MatrixError.fromShape(outcome.error)
}
