/** A binary heap of numbers: the least by the given comparison comes out first. */
export class Heap {
  readonly #items: number[]
  readonly #compare: (left: number, right: number) => number

  /** @param items in the order of a heap, as {@link items} gave them; changed in place. */
  constructor(items: number[], compare: (left: number, right: number) => number) {
    this.#items = items
    this.#compare = compare
  }

  get size(): number {
    return this.#items.length
  }

  push(item: number): void {
    const items = this.#items
    let at = items.push(item) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#less(at, parent)) break
      this.#swap(at, parent)
      at = parent
    }
  }

  pop(): number | undefined {
    const items = this.#items
    const least = items[0]
    const last = items.pop()
    if (least === undefined || last === undefined || items.length === 0) return least
    items[0] = last
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= items.length) break
      if (child + 1 < items.length && this.#less(child + 1, child)) child += 1
      if (!this.#less(child, at)) break
      this.#swap(child, at)
      at = child
    }
    return least
  }

  /** A copy of the items, in the order of the heap. */
  items(): number[] {
    return [...this.#items]
  }

  #less(left: number, right: number): boolean {
    return this.#compare(this.#items[left] ?? 0, this.#items[right] ?? 0) < 0
  }

  #swap(left: number, right: number): void {
    const item = this.#items[left] ?? 0
    this.#items[left] = this.#items[right] ?? 0
    this.#items[right] = item
  }
}
