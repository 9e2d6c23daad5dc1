import { timingSafeEqual } from 'node:crypto'

const encoder = new TextEncoder()

/** Whether two strings are equal, in a time that depends on their lengths only. */
export function constantTimeEqual(left: string, right: string): boolean {
  const a = encoder.encode(left)
  const b = encoder.encode(right)
  return a.length === b.length && timingSafeEqual(a, b)
}
