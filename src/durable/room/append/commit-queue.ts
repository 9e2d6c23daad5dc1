import { limitExceeded, MatrixError } from '../../../matrix/errors.ts'
import { type Outcome, refusal, success } from '../../../runtime/outcome.ts'
import { MAX_BATCH, MAX_QUEUED_OPERATIONS } from '../../../storage/room/limits.ts'
import { deleteOutbox } from '../../../storage/room/outbox.ts'
import { beginTurn, noteCommit } from '../graph/resolution-events.ts'
import type { RoomCore } from '../room-core.ts'
import { CommitPacing } from './commit-pacing.ts'
import { copyDraft, type Draft } from './draft.ts'
import { type Committed, finishDraft } from './finish-draft.ts'

interface Operation {
  readonly requestId: string
  /** Decides and writes inside a savepoint; throws a MatrixError to refuse. */
  readonly decide: (draft: Draft) => unknown
  readonly answer: (outcome: Outcome<unknown>) => void
}

interface Verdict {
  readonly outcome: Outcome<unknown>
  /** The operation changed memberships of local users. */
  readonly hasNotices: boolean
}

/**
 * Decisions of a room, several to a commit: operations that arrive while one is being prepared share its transaction, each in its own savepoint
 * with its own verdict. Nothing is awaited between reading and writing. Heads and caches follow only after the transaction.
 */
export class CommitQueue {
  readonly #core: RoomCore
  readonly #onCommitted: (committed: Committed) => Promise<boolean>
  readonly #waiting: Operation[] = []
  readonly #pacing = new CommitPacing()
  #scheduled = false
  /** Notices that users have committed; their rows go with the next commit. */
  readonly #acknowledged: number[] = []

  constructor(core: RoomCore, onCommitted: (committed: Committed) => Promise<boolean>) {
    this.#core = core
    this.#onCommitted = onCommitted
  }

  /** Queues a decision. The answer is sent once it is durable: the platform holds back what leaves an object until its writes are. */
  enqueue<T>(requestId: string, decide: (draft: Draft) => T): Promise<Outcome<T>> {
    if (this.#waiting.length >= MAX_QUEUED_OPERATIONS) return Promise.resolve(refusal(limitExceeded(1000)))
    return new Promise((resolve) => {
      // The queue holds operations of many result types; `answer` is only ever given what this `decide` returned.
      this.#waiting.push({ requestId, decide, answer: (outcome) => resolve(outcome as Outcome<T>) })
      this.#schedule()
    })
  }

  /** Remembers that a notice was committed by its user. */
  acknowledge(outboxId: number): void {
    this.#acknowledged.push(outboxId)
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    const { turns } = this.#pacing
    if (turns === 0) queueMicrotask(() => this.#flush())
    else this.#flushAfter(turns)
  }

  /** Calls that are already on their way in these turns of the event loop join the commit. */
  #flushAfter(turns: number): void {
    setTimeout(() => (turns > 1 && this.#waiting.length < MAX_BATCH ? this.#flushAfter(turns - 1) : this.#flush()), 0)
  }

  #flush(): void {
    this.#scheduled = false
    const batch = this.#waiting.splice(0, MAX_BATCH)
    this.#pacing.committed(batch.length)
    if (this.#waiting.length > 0) this.#schedule()
    const verdicts: Verdict[] = []
    beginTurn(this.#core)
    let committed: Committed | undefined
    try {
      committed = this.#core.store.transaction(batch[0]?.requestId, () => this.#decideAll(batch, verdicts))
    } catch (cause) {
      // Memory and disk may disagree from here on: end this life of the object; the callers see the failure and ask again.
      this.#core.ctx.abort(`room commit failed: ${cause instanceof Error ? cause.message : String(cause)}`)
      return
    }
    let told: Promise<boolean> = Promise.resolve(true)
    if (committed !== undefined) {
      this.#core.adopt(committed.draft.head)
      noteCommit(this.#core)
      told = this.#onCommitted(committed)
    }
    for (const [index, operation] of batch.entries()) {
      const verdict = verdicts[index]
      if (verdict === undefined) continue
      // Whoever changed a membership is answered once its user holds it; a failed delivery is repeated by the alarm.
      if (verdict.hasNotices) this.#core.ctx.waitUntil(told.then(() => operation.answer(verdict.outcome)))
      else operation.answer(verdict.outcome)
    }
  }

  #decideAll(batch: readonly Operation[], verdicts: Verdict[]): Committed | undefined {
    const core = this.#core
    let draft: Draft | undefined
    for (const operation of batch) {
      const statements = core.store.writeStatements
      try {
        draft ??= beginDraft(core)
        const base = draft
        const [result, next] = core.store.transaction(operation.requestId, () => {
          const own = copyDraft(base)
          return [operation.decide(own), own] as const
        })
        draft = next
        verdicts.push({ outcome: success(result), hasNotices: next.notices.length > base.notices.length })
      } catch (cause) {
        if (!(cause instanceof MatrixError)) throw cause
        if (core.store.writeStatements !== statements) core.forgetCaches()
        verdicts.push({ outcome: refusal(cause), hasNotices: false })
      }
    }
    if (draft === undefined || draft.appended.length === 0) return undefined
    deleteOutbox(core.store, this.#acknowledged.splice(0))
    return finishDraft(core, draft)
  }
}

/** A draft that starts where the room stands. */
function beginDraft(core: RoomCore): Draft {
  return {
    head: core.head,
    rules: core.rules,
    nextPos: core.nextPos,
    appended: [],
    notices: [],
    localMembersChanged: new Set(),
    outgoing: false,
    tellsServers: false,
  }
}
