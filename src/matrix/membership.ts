/** Membership of a user in a room (client-server-api#mroommember). `leave` also stands for "never a member". */
export type Membership = 'join' | 'invite' | 'knock' | 'leave' | 'ban'

/** Reads a membership word; anything unknown counts as having left. */
export function toMembership(word: unknown): Membership {
  return word === 'join' || word === 'invite' || word === 'knock' || word === 'ban' ? word : 'leave'
}
