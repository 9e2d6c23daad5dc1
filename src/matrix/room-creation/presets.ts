/** Names of the presets that `POST /createRoom` offers (client-server-api#post_matrixclientv3createroom). */
export type RoomPresetName = 'private_chat' | 'public_chat' | 'trusted_private_chat'

/** What a preset decides. */
export interface RoomPreset {
  readonly joinRule: 'invite' | 'public'
  readonly historyVisibility: 'shared'
  readonly guestAccess: 'can_join' | 'forbidden'
  /** Level needed to invite: in private rooms everybody may, a public room needs no invitations. */
  readonly inviteLevel: number
  /** Those invited at creation have the creator's power. */
  readonly inviteesAreEqual: boolean
}

/** The presets. */
export const ROOM_PRESETS: Readonly<Record<RoomPresetName, RoomPreset>> = {
  private_chat: {
    joinRule: 'invite',
    historyVisibility: 'shared',
    guestAccess: 'can_join',
    inviteLevel: 0,
    inviteesAreEqual: false,
  },
  trusted_private_chat: {
    joinRule: 'invite',
    historyVisibility: 'shared',
    guestAccess: 'can_join',
    inviteLevel: 0,
    inviteesAreEqual: true,
  },
  public_chat: {
    joinRule: 'public',
    historyVisibility: 'shared',
    guestAccess: 'forbidden',
    inviteLevel: 50,
    inviteesAreEqual: false,
  },
}
