import type { JsonObject } from '../../../../../src/matrix/json.ts'
import { signJson } from '../../../../../src/matrix/signing.ts'
import type { Verdict } from '../../../../../src/state-resolution/auth/check-auth.ts'
import { publicKeyOf, type RoomBranch, signerOf } from '../../../../support/room-builder.ts'
import { CREATOR, INVITE, MEMBER, MODERATOR, member, OTHERWISE_REJECT, type RuleCase, STRANGER, USER } from './case.ts'

const THIRD_PARTY = /has (a )?`third_party_invite` property/
const NOT_JOINED = /`sender`'s current membership state is not `join`/
const IDENTITY_SERVER = 'identity.test'
const TOKEN = 'token'

/** Content of an `m.room.third_party_invite`. */
const ISSUED: JsonObject = {
  display_name: 'stranger',
  key_validity_url: 'https://identity.test/valid',
  public_key: publicKeyOf(IDENTITY_SERVER),
  public_keys: [{ public_key: publicKeyOf('other.test') }],
}

/** The verdict on the redemption of a third-party invite that a moderator issued. */
function redeem(
  room: RoomBranch,
  changes: { sender?: string; issued?: JsonObject | null; invite?: unknown; target?: string } = {},
): Verdict {
  const { sender = MODERATOR, issued = ISSUED, invite = { display_name: 'stranger', signed: proof() }, target = STRANGER } = changes
  if (issued !== null) room.set(MODERATOR, 'm.room.third_party_invite', issued, TOKEN)
  return member(room, sender, target, { membership: 'invite', third_party_invite: invite as JsonObject })
}

function proof(changes: JsonObject = {}, signer = IDENTITY_SERVER): JsonObject {
  return signJson({ mxid: STRANGER, token: TOKEN, ...changes }, signerOf(signer))
}

function without(object: JsonObject, key: string): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key))
}

function invites(room: RoomBranch, sender: string, target = STRANGER): Verdict {
  return member(room, sender, target, { membership: 'invite' })
}

export const INVITE_CASES: readonly RuleCase[] = [
  {
    rule: [MEMBER, INVITE, THIRD_PARTY, /\*target user\* is banned/],
    reason: 'invite_target_banned',
    passes: { 'a stranger': (room) => redeem(room) },
    fails: { 'who was banned': (room) => redeem(room.banned(CREATOR, STRANGER)) },
  },
  {
    rule: [MEMBER, INVITE, THIRD_PARTY, /does not have a `signed`/],
    reason: 'third_party_invite_malformed',
    passes: { 'a proof': (room) => redeem(room) },
    fails: {
      'no proof': (room) => redeem(room, { invite: { display_name: 'stranger' } }),
      'a proof that is a text': (room) => redeem(room, { invite: { signed: 'yes' } }),
      'an invite that is a list': (room) => redeem(room, { invite: [] }),
      'an invite that is null': (room) => redeem(room, { invite: null }),
    },
  },
  {
    rule: [MEMBER, INVITE, THIRD_PARTY, /does not have `mxid` and `token`/],
    reason: 'third_party_invite_malformed',
    passes: { 'a proof with both': (room) => redeem(room) },
    fails: {
      'a proof without a user': (room) => redeem(room, { invite: { signed: without(proof(), 'mxid') } }),
      'a proof without a token': (room) => redeem(room, { invite: { signed: without(proof(), 'token') } }),
      'a token that is a number': (room) => redeem(room, { invite: { signed: { ...proof(), token: 5 } } }),
    },
  },
  {
    rule: [MEMBER, INVITE, THIRD_PARTY, /`mxid` does not match/],
    reason: 'third_party_invite_for_other_user',
    passes: { 'a proof for the invited user': (room) => redeem(room) },
    fails: { 'a proof for another user': (room) => redeem(room, { target: '@other:three.test' }) },
  },
  {
    rule: [MEMBER, INVITE, THIRD_PARTY, /no `m\.room\.third_party_invite` event/],
    reason: 'third_party_invite_unknown',
    passes: { 'the token of an issued invite': (room) => redeem(room) },
    fails: {
      'nothing was issued': (room) => redeem(room, { issued: null }),
      'another token': (room) => redeem(room, { invite: { signed: proof({ token: 'other' }) } }),
    },
  },
  {
    rule: [MEMBER, INVITE, THIRD_PARTY, /`sender` does not match `sender`/],
    reason: 'third_party_invite_of_other_sender',
    passes: {
      'by who issued it': (room) => redeem(room),
      'by who issued it and left since': (room) => {
        room.set(MODERATOR, 'm.room.third_party_invite', ISSUED, TOKEN).leftBy(MODERATOR)
        return redeem(room, { issued: null })
      },
    },
    fails: { 'by somebody else': (room) => redeem(room, { sender: CREATOR }) },
  },
  {
    rule: [MEMBER, INVITE, THIRD_PARTY, /any signature in `signed` matches/],
    reason: 'third_party_invite_signature_invalid',
    stoppedBy: [MEMBER, INVITE, THIRD_PARTY, OTHERWISE_REJECT],
    passes: {
      'a signature by the single key': (room) => redeem(room),
      'a signature by a key of the list': (room) => redeem(room, { invite: { signed: proof({}, 'other.test') } }),
      'a valid signature after one of a stranger': (room) =>
        redeem(room, { invite: { signed: signJson(proof({}, 'stranger.test'), signerOf(IDENTITY_SERVER)) } }),
      'a level too low for ordinary invites': (room) => redeem(room.powerLevels(CREATOR, { invite: 50 })),
    },
    fails: {
      'a signature by a stranger': (room) => redeem(room, { invite: { signed: proof({}, 'stranger.test') } }),
      'a proof changed after signing': (room) => redeem(room, { invite: { signed: { ...proof(), extra: 1 } } }),
    },
  },
  {
    rule: [MEMBER, INVITE, THIRD_PARTY, OTHERWISE_REJECT],
    reason: 'third_party_invite_signature_invalid',
    passes: { 'a signed proof': (room) => redeem(room) },
    fails: {
      'no signatures': (room) => redeem(room, { invite: { signed: { mxid: STRANGER, token: TOKEN } } }),
      'signatures that are a list': (room) => redeem(room, { invite: { signed: { mxid: STRANGER, token: TOKEN, signatures: [] } } }),
      'an issued invite without keys': (room) => redeem(room, { issued: { display_name: 'x' } }),
      'keys that are no keys': (room) => redeem(room, { issued: { public_key: 5, public_keys: [null, { public_key: '!' }, 'x'] } }),
      'a valid signature behind more than may be tried': (room) => redeem(room, { invite: { signed: manySignatures() } }),
    },
  },
  {
    rule: [MEMBER, INVITE, NOT_JOINED],
    reason: 'sender_not_joined',
    passes: { 'by a member': (room) => invites(room, MODERATOR) },
    fails: {
      'by who left': (room) => invites(room.leftBy(MODERATOR), MODERATOR),
      'by a stranger': (room) => invites(room, '@other:three.test'),
      'by who is invited': (room) => invites(room.invited(CREATOR, '@other:three.test'), '@other:three.test'),
    },
  },
  {
    rule: [MEMBER, INVITE, /\*target user\*'s current membership state is `join` or/],
    reason: 'invite_target_joined',
    passes: {
      'a stranger': (room) => invites(room, MODERATOR),
      'who left': (room) => invites(room.leftBy(USER), MODERATOR, USER),
      'who is invited already': (room) => invites(room.invited(CREATOR, STRANGER), MODERATOR),
    },
    fails: { 'who is in the room': (room) => invites(room, MODERATOR, USER) },
  },
  {
    rule: [MEMBER, INVITE, /\*target user\*'s current membership state is `join` or/],
    reason: 'invite_target_banned',
    passes: { 'a stranger': (room) => invites(room, MODERATOR) },
    fails: { 'who is banned': (room) => invites(room.banned(CREATOR, USER), MODERATOR, USER) },
  },
  {
    rule: [MEMBER, INVITE, /greater than or equal to the \*invite level\*/],
    reason: 'invite_level_too_low',
    stoppedBy: [MEMBER, INVITE, OTHERWISE_REJECT],
    passes: {
      'level 0 by default': (room) => invites(room, USER),
      'exactly the level': (room) => invites(room.powerLevels(CREATOR, { invite: 50 }), MODERATOR),
    },
    fails: { 'below the level': (room) => invites(room.powerLevels(CREATOR, { invite: 51 }), MODERATOR) },
  },
  {
    rule: [MEMBER, INVITE, OTHERWISE_REJECT],
    reason: 'invite_level_too_low',
    passes: { 'the creator': (room) => invites(room.powerLevels(CREATOR, { invite: 100 }), CREATOR) },
    fails: { 'a user without power': (room) => invites(room.powerLevels(CREATOR, { invite: 1 }), USER) },
  },
]

function manySignatures(): JsonObject {
  let signed = proof({}, 'server-0.test')
  for (let server = 1; server < 64; server++) signed = signJson(signed, signerOf(`server-${server}.test`))
  return signJson(signed, signerOf(IDENTITY_SERVER))
}
