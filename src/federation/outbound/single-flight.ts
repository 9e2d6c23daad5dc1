/** Work by key that is done once however many wait for it. */
export class SingleFlight<Value> {
  readonly #flights = new Map<string, Promise<Value>>()

  /** The result of the work that is under way for a key, begun now if there is none. */
  do(key: string, work: () => Promise<Value>): Promise<Value> {
    const known = this.#flights.get(key)
    if (known !== undefined) return known
    const flight = work().finally(() => this.#flights.delete(key))
    this.#flights.set(key, flight)
    return flight
  }
}
