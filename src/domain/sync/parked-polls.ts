import { isDraining } from '../../runtime/draining.ts'

/** Polls that one isolate keeps waiting at once. A poll above the limit is told to answer at once, which is merely early. */
const MAX_PARKED_POLLS = 20_000

const parked = new Set<() => void>()

/**
 * Registers a waiting poll, so that a server which is told to stop can let it answer at once. `onRelease` is called at most once, from
 * another request's turn: it must only settle a promise that the poll's own request awaits, and do no I/O. It is called before this
 * returns when the server is stopping already. Call the returned function when the poll ends for another reason.
 */
export function parkPoll(onRelease: () => void): () => void {
  if (isDraining() || parked.size >= MAX_PARKED_POLLS) {
    onRelease()
    return () => undefined
  }
  // A function of its own for each poll: two polls may pass the same callback.
  const release = (): void => onRelease()
  parked.add(release)
  return () => {
    parked.delete(release)
  }
}

/** Lets every waiting poll answer at once, with nothing new. Answers how many there were. */
export function releaseParkedPolls(): number {
  const released = [...parked]
  parked.clear()
  for (const release of released) release()
  return released.length
}

/** How many polls are waiting. */
export function parkedPollCount(): number {
  return parked.size
}
