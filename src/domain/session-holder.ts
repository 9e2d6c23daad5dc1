import type { OpeningSession, SessionStub } from '../durable/objects.ts'

/** Holds a session that is used before it has arrived, and lets go of it whether it has or not. */
export class SessionHolder {
  readonly stub: SessionStub
  #arrived: Disposable | undefined
  #released = false

  constructor(opening: OpeningSession) {
    this.stub = opening
    // A session that cannot be opened is the failure of each method called on it; here it is only kept from being nobody's.
    opening.then(
      (session) => this.#take(session),
      () => undefined,
    )
  }

  #take(session: Disposable): void {
    if (this.#released) session[Symbol.dispose]()
    else this.#arrived = session
  }

  /** Lets go. What is under way comes to its end. */
  release(): void {
    this.#released = true
    this.#arrived?.[Symbol.dispose]()
    this.stub[Symbol.dispose]()
  }
}
