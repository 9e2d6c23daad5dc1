/**
 * Lets others have their turns: the event loop looks for new requests only when nothing is left to do, so work that goes from one call inside the
 * process to the next keeps everybody waiting until it is over.
 */
export function letOthersRun(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0))
}
