import type { JsonObject } from '../../../../../src/matrix/json.ts'
import type { RefusalReason, Verdict } from '../../../../../src/state-resolution/auth/check-auth.ts'
import { aRoom, type EventChoice, type RoomBranch, type RoomOptions } from '../../../../support/room-builder.ts'

/** Created the room: level 100, from version 12 infinite. */
export const CREATOR = '@creator:one.test'
/** Level 50, joined. */
export const MODERATOR = '@moderator:two.test'
/** Level 50, joined: a peer of the moderator. */
export const PEER = '@peer:two.test'
/** Level 0, joined. */
export const USER = '@user:two.test'
/** Never heard of. */
export const STRANGER = '@stranger:three.test'

/** One authorization rule with what passes it and what it stops. */
export interface RuleCase {
  /** Words of the rule, and of those that it stands below, as the specification puts them: how it is found in each version's list. */
  readonly rule: readonly RegExp[]
  readonly reason: RefusalReason
  readonly passes: Readonly<Record<string, Trial>>
  readonly fails: Readonly<Record<string, Trial>>
  /** Where an event that a rule does not allow is stopped in the end, if the rule itself only allows: words as in `rule`. */
  readonly stoppedBy?: readonly RegExp[]
  /** Versions to which the trials apply, among those that have the rule. */
  readonly versions?: (version: number) => boolean
}

/** What the rules say in a room with the cast above. */
export type Trial = (room: RoomBranch) => Verdict

/** A room with the cast above. */
export function castRoom(version: string, options: RoomOptions = {}): RoomBranch {
  const room = aRoom({
    version,
    ...options,
    powerLevels: { ...options.powerLevels, users: { [MODERATOR]: 50, [PEER]: 50, ...(options.powerLevels?.users as JsonObject) } },
  })
  return room.joinedBy(MODERATOR, PEER, USER)
}

/** The verdict on an event in the state at the end of a branch. */
export function sending(room: RoomBranch, choice: EventChoice): Verdict {
  return room.verdictOn(room.draft(choice))
}

/** The verdict on a change of membership. */
export function member(room: RoomBranch, sender: string, target: string, content: JsonObject): Verdict {
  return sending(room, { type: 'm.room.member', sender, stateKey: target, content })
}

export const MEMBER = /type is `m\.room\.member`/
export const JOIN = /`membership` is `join`/
export const INVITE = /`membership` is `invite`/
export const LEAVE = /`membership` is `leave`/
export const BAN = /`membership` is `ban`/
export const KNOCK = /`membership` is `knock`/
export const OTHERWISE_REJECT = /^Otherwise, reject/
