/**
 * Lets others have their turns: the event loop looks for new requests only when nothing is left to do, so work that goes from one call inside the
 * process to the next keeps everybody waiting until it is over.
 */
export function letOthersRun(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0))
}

/**
 * Does something with each item, at most `lanes` of them at once, and lets others have their turns in between: what goes to hundreds of objects of this
 * process would keep everybody else waiting until the last of them is done. A failure ends its lane and is thrown.
 */
export async function inTurns<Item>(items: readonly Item[], lanes: number, work: (item: Item) => Promise<unknown>): Promise<void> {
  const queue = items.values()
  const lane = async (): Promise<void> => {
    let isFirst = true
    for (const item of queue) {
      if (!isFirst) await letOthersRun()
      isFirst = false
      await work(item)
    }
  }
  await Promise.all(Array.from({ length: Math.min(lanes, items.length) }, lane))
}
