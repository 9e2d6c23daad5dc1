import { forbidden, invalidParam, MatrixError, notFound } from '../../matrix/errors.ts'
import type { JsonObject, JsonValue } from '../../matrix/json.ts'
import { readAccount } from '../../storage/user/account.ts'
import * as rows from '../../storage/user/profile.ts'
import { onProfileChanged } from './hooks.ts'
import type { UserCore } from './user-core.ts'

/** The whole profile, in bytes (client-server-api#put_matrixclientv3profileuseridkeyname, SECURITY A20). */
const MAX_PROFILE_BYTES = 64 * 1024
/** Longest name of a field, in bytes; the grammar allows ASCII only. */
const MAX_FIELD_NAME_BYTES = 255
const MAX_DISPLAY_NAME_CHARS = 256
const MAX_AVATAR_URL_CHARS = 1_000
const FIELD_NAME = /^(?:avatar_url|displayname|[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_-]*)+)$/

function checkFieldName(name: string): void {
  if (name.length > MAX_FIELD_NAME_BYTES) throw new MatrixError(400, 'M_KEY_TOO_LARGE', 'The name of the profile field is too long')
  if (!FIELD_NAME.test(name)) throw invalidParam('That is not a name of a profile field')
}

function checkFieldValue(name: string, value: JsonValue): void {
  if (name === 'displayname') {
    if (typeof value !== 'string') throw new MatrixError(400, 'M_BAD_JSON', 'A display name is a string')
    if (value.length > MAX_DISPLAY_NAME_CHARS) throw invalidParam(`A display name has at most ${MAX_DISPLAY_NAME_CHARS} characters`)
  } else if (name === 'avatar_url') {
    if (typeof value !== 'string') throw new MatrixError(400, 'M_BAD_JSON', 'An avatar URL is a string')
    // An mxc URI as a rule; other servers take any text, and clients ignore what they cannot show.
    if (value.length > MAX_AVATAR_URL_CHARS) throw invalidParam(`An avatar URL has at most ${MAX_AVATAR_URL_CHARS} characters`)
  } else if (name === 'm.tz' && typeof value !== 'string') {
    throw new MatrixError(400, 'M_BAD_JSON', 'A time zone is a string')
  }
}

/** Sets a field of the profile. @throws MatrixError M_INVALID_PARAM, M_BAD_JSON, M_KEY_TOO_LARGE, M_PROFILE_TOO_LARGE. */
export function putProfileField(core: UserCore, name: string, value: JsonValue, requestId: string): void {
  checkFieldName(name)
  checkFieldValue(name, value)
  // An empty display name or avatar is how older clients remove it.
  if ((name === 'displayname' || name === 'avatar_url') && value === '') {
    removeProfileField(core, name, requestId)
    return
  }
  const json = JSON.stringify(value)
  const bytes = rows.profileBytesWithout(core.store, name) + name.length + Buffer.byteLength(json, 'utf8')
  if (bytes > MAX_PROFILE_BYTES) throw new MatrixError(400, 'M_PROFILE_TOO_LARGE', `A profile has at most ${MAX_PROFILE_BYTES} bytes`)
  if (JSON.stringify(rows.readProfileField(core.store, name)) === json) return
  core.store.transaction(requestId, () => {
    rows.writeProfileField(core.store, name, json)
    onProfileChanged(core, [name])
  })
}

/** Removes a field of the profile; one that is not there is no error. @throws MatrixError M_INVALID_PARAM. */
export function removeProfileField(core: UserCore, name: string, requestId: string): void {
  checkFieldName(name)
  if (rows.readProfileField(core.store, name) === undefined) return
  core.store.transaction(requestId, () => {
    rows.deleteProfileField(core.store, name)
    onProfileChanged(core, [name])
  })
}

/** The profile as everybody may see it. @throws MatrixError M_NOT_FOUND where there is no account, or none any more. */
export function publicProfile(core: UserCore): JsonObject {
  if (readAccount(core.store)?.state !== 'active') throw notFound('There is no profile of that user')
  return Object.fromEntries(rows.readProfile(core.store))
}

/** What membership events of this user carry. */
export interface MemberProfile {
  readonly displayname?: string
  readonly avatar_url?: string
}

/** Display name and avatar, for membership events. @throws MatrixError M_FORBIDDEN where the account is gone. */
export function memberProfile(core: UserCore): MemberProfile {
  core.memberProfile ??= readMemberProfile(core)
  return core.memberProfile
}

function readMemberProfile(core: UserCore): MemberProfile {
  if (readAccount(core.store)?.state !== 'active') throw forbidden('The account is not active')
  const displayname = rows.readProfileField(core.store, 'displayname')
  const avatarUrl = rows.readProfileField(core.store, 'avatar_url')
  return {
    ...(typeof displayname === 'string' ? { displayname } : {}),
    ...(typeof avatarUrl === 'string' ? { avatar_url: avatarUrl } : {}),
  }
}
