/**
 * Lets others have their turns: the event loop looks for new requests only when nothing is left to do, so work that goes from one call inside the
 * process to the next keeps everybody waiting until it is over.
 */
export function letOthersRun(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0))
}

/**
 * Starts work in groups, with a turn for others after each. Lanes that pause one by one would not do: while one pauses the others work, nothing is
 * ever left undone for as long as a turn needs, and whoever waits outside waits until the last item.
 */
export class Groups {
  readonly #size: number
  #started = 0
  #isResting = false

  /** @param size what may be started before others have a turn. */
  constructor(size: number) {
    this.#size = size
  }

  /**
   * Whether one more piece of work may be started in this turn; it counts as started then.
   * @param goOn called in the next turn if it may not, once for everybody who was turned away.
   * @param stayFor has the caller's object stay until then.
   */
  mayStart(goOn: () => void, stayFor: (rest: Promise<void>) => void): boolean {
    if (this.#isResting) return false
    if (this.#started < this.#size) {
      this.#started += 1
      return true
    }
    this.#isResting = true
    const rest = letOthersRun().then(() => {
      this.#isResting = false
      this.#started = 0
      goOn()
    })
    stayFor(rest)
    return false
  }

  /** Nothing is under way any more: what was started has not kept others waiting, and does not count. */
  allEnded(): void {
    this.#started = 0
  }
}

/**
 * Does something with each item, at most `atOnce` of them at once and in groups of as many, and lets others have their turns in between: what goes to
 * hundreds of objects of this process would keep everybody else waiting until the last of them is done. After a failure nothing more is started; the
 * first one is thrown when all that was started has ended.
 */
export async function inTurns<Item>(items: readonly Item[], atOnce: number, work: (item: Item) => Promise<unknown>): Promise<void> {
  const underWay = new Set<Promise<void>>()
  const failures: unknown[] = []
  const start = async (item: Item): Promise<void> => {
    try {
      await work(item)
    } catch (cause) {
      failures.push(cause)
    }
  }
  for (const [index, item] of items.entries()) {
    if (index > 0 && index % atOnce === 0) await letOthersRun()
    while (underWay.size >= atOnce) await Promise.race(underWay)
    if (failures.length > 0) break
    const done = start(item).finally(() => underWay.delete(done))
    underWay.add(done)
  }
  await Promise.all(underWay)
  if (failures.length > 0) throw failures[0]
}
