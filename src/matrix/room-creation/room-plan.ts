import type { JsonObject } from '../json.ts'
import type { RoomVersionRules } from '../room-versions/rules.ts'
import type { RoomPreset } from './presets.ts'

/** The parts of a global profile that membership events carry, under the names they have there. Absent where the user has not set them. */
export interface MemberProfile {
  readonly displayname?: string
  readonly avatar_url?: string
}

/** A state event that a new room starts with. */
export interface InitialEvent {
  readonly type: string
  readonly stateKey: string
  readonly sender: string
  readonly content: JsonObject
}

/** A room as its creator wants it: a parsed `POST /createRoom`. */
export interface RoomPlan {
  readonly rules: RoomVersionRules
  readonly preset: RoomPreset
  readonly creator: string
  readonly creatorProfile: MemberProfile
  /** Users to invite, without repetitions. */
  readonly invite: readonly { readonly userId: string; readonly profile: MemberProfile }[]
  /** Marks the invitations as direct chats. */
  readonly isDirect: boolean
  /** The room's alias on this server, which becomes the one that it is known by. */
  readonly alias: string | undefined
  readonly name: string | undefined
  readonly topic: string | undefined
  readonly initialState: readonly { readonly type: string; readonly stateKey: string; readonly content: JsonObject }[]
  readonly creationContent: JsonObject
  readonly powerLevelOverride: JsonObject | undefined
  /** Power levels that the room is left with, where it needs others to be set up. */
  readonly finalPowerLevels?: JsonObject | undefined
}
