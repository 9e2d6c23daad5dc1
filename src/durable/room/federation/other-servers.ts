import type { Draft } from '../append/draft.ts'

/** What a commit does for other servers. */
export interface OtherServers {
  /** Up to here all of them know what there is for them. */
  readonly toldPos: number
  /** Inside the transaction, at its end: plans telling them, and says so in the draft. */
  plan(draft: Draft): void
}
