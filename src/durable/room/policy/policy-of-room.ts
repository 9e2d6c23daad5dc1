import { POLICY_TYPE, type PolicyServer, policyServerNamed } from '../../../matrix/policy-server.ts'
import type { RoomCore } from '../room-core.ts'

/** Whether the room uses a policy server (server-server-api#determining-if-a-policy-server-is-enabled-in-a-room). */
export class PolicyOfRoom {
  readonly #core: RoomCore
  #memo: { readonly group: number; readonly policy: PolicyServer | undefined } | undefined

  constructor(core: RoomCore) {
    this.#core = core
  }

  /** Forgets what a rolled-back transaction may have left. */
  forget(): void {
    this.#memo = undefined
  }

  /**
   * The policy server by current state: it is named, and has a joined user. A server does not ask itself, and this one judges nothing.
   * @param currentGroup the group of current state, also in the middle of a transaction.
   */
  inUse(currentGroup: number): PolicyServer | undefined {
    if (this.#memo?.group === currentGroup) return this.#memo.policy
    const policy = this.#find()
    // While members are not known they become known without current state being another one.
    if (this.#core.partial.current === undefined) this.#memo = { group: currentGroup, policy }
    return policy
  }

  #find(): PolicyServer | undefined {
    const { members, config } = this.#core
    const event = this.#core.currentEvent(POLICY_TYPE, '')
    const named = event === undefined ? undefined : policyServerNamed(this.#core.roomEvent(event, this.#core.roomId).content)
    if (named === undefined || named.serverName === config.serverName) return undefined
    return members.joinedOfServer(named.serverName) > 0 ? named : undefined
  }
}
