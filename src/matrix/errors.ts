import type { JsonObject } from './json.ts'

/** Errcodes this server answers with (client-server-api#api-standards and the endpoints that name them). */
export type Errcode =
  | 'M_FORBIDDEN'
  | 'M_UNKNOWN_TOKEN'
  | 'M_MISSING_TOKEN'
  | 'M_BAD_JSON'
  | 'M_NOT_JSON'
  | 'M_NOT_FOUND'
  | 'M_LIMIT_EXCEEDED'
  | 'M_UNRECOGNIZED'
  | 'M_UNKNOWN'
  | 'M_UNAUTHORIZED'
  | 'M_USER_DEACTIVATED'
  | 'M_USER_IN_USE'
  | 'M_USER_LOCKED'
  | 'M_USER_SUSPENDED'
  | 'M_INVALID_USERNAME'
  | 'M_EXCLUSIVE'
  | 'M_ROOM_IN_USE'
  | 'M_INVALID_ROOM_STATE'
  | 'M_UNSUPPORTED_ROOM_VERSION'
  | 'M_INCOMPATIBLE_ROOM_VERSION'
  | 'M_BAD_STATE'
  | 'M_GUEST_ACCESS_FORBIDDEN'
  | 'M_MISSING_PARAM'
  | 'M_INVALID_PARAM'
  | 'M_TOO_LARGE'
  | 'M_WEAK_PASSWORD'
  | 'M_UNABLE_TO_AUTHORISE_JOIN'
  | 'M_UNABLE_TO_GRANT_JOIN'
  | 'M_RESOURCE_LIMIT_EXCEEDED'
  | 'M_CANNOT_LEAVE_SERVER_NOTICE_ROOM'
  | 'M_WRONG_ROOM_KEYS_VERSION'
  | 'M_UNKNOWN_POS'
  | 'M_DUPLICATE_ANNOTATION'
  | 'M_INVALID_SIGNATURE'
  | 'M_NOT_JOINED'
  | 'M_BAD_ALIAS'
  | 'M_INVITE_BLOCKED'
  | 'M_KEY_TOO_LARGE'
  | 'M_PROFILE_TOO_LARGE'
  | 'M_NOT_YET_UPLOADED'
  | 'M_CANNOT_OVERWRITE_MEDIA'
  | 'IO.ELEMENT.MSC4306.M_NOT_IN_THREAD'
  | 'IO.ELEMENT.MSC4306.M_CONFLICTING_UNSUBSCRIPTION'

/** What crosses an object's RPC boundary when a call is refused: plain data, because classes do not survive it. */
export interface ErrorShape {
  readonly status: number
  readonly errcode: Errcode
  readonly error: string
  readonly fields?: JsonObject
}

/** A refusal with its HTTP status and errcode. Anything else thrown is a defect and becomes M_UNKNOWN 500. */
export class MatrixError extends Error {
  readonly status: number
  readonly errcode: Errcode
  /** Further keys of the response body, e.g. `soft_logout`, `retry_after_ms`, `room_version`. */
  readonly fields: JsonObject

  constructor(status: number, errcode: Errcode, message: string, fields: JsonObject = {}) {
    super(message)
    this.name = 'MatrixError'
    this.status = status
    this.errcode = errcode
    this.fields = fields
  }

  /** The body every client receives. */
  toBody(): JsonObject {
    return { ...this.fields, errcode: this.errcode, error: this.message }
  }

  toShape(): ErrorShape {
    return { status: this.status, errcode: this.errcode, error: this.message, fields: this.fields }
  }

  static fromShape(shape: ErrorShape): MatrixError {
    return new MatrixError(shape.status, shape.errcode, shape.error, shape.fields ?? {})
  }
}

type Constructor = (message?: string, fields?: JsonObject) => MatrixError
const make =
  (status: number, errcode: Errcode, fallback: string): Constructor =>
  (message = fallback, fields = {}) =>
    new MatrixError(status, errcode, message, fields)

/** 403: the requester may not do this. */
export const forbidden = make(403, 'M_FORBIDDEN', 'You may not do that')
/** 401: the access token is unknown, revoked or expired. `soft_logout` says whether the device still exists. */
export const unknownToken = (softLogout = false): MatrixError =>
  new MatrixError(401, 'M_UNKNOWN_TOKEN', 'Unknown or expired access token', { soft_logout: softLogout })
/** 401: an administrator has locked the account (client-server-api#account-locking). Its sessions live on, and work again once it is unlocked. */
export const userLocked = (): MatrixError => new MatrixError(401, 'M_USER_LOCKED', 'This account has been locked', { soft_logout: true })
/** 401: no access token was given. */
export const missingToken = make(401, 'M_MISSING_TOKEN', 'Missing access token')
/** 400: valid JSON of the wrong shape. */
export const badJson = make(400, 'M_BAD_JSON', 'The request body has the wrong shape')
/** 400: not JSON at all. */
export const notJson = make(400, 'M_NOT_JSON', 'The request body is not JSON')
/** 404: no such thing, or not for the requester to know. */
export const notFound = make(404, 'M_NOT_FOUND', 'Not found')
/** 429: slow down. */
export const limitExceeded = (retryAfterMs: number): MatrixError =>
  new MatrixError(429, 'M_LIMIT_EXCEEDED', 'Too many requests', { retry_after_ms: retryAfterMs })
/** 404: the server does not know this endpoint. */
export const unrecognized = make(404, 'M_UNRECOGNIZED', 'Unrecognized request')
/** 405: the endpoint exists, the method does not. */
export const methodNotAllowed = make(405, 'M_UNRECOGNIZED', 'Unrecognized method')
/** 500: a defect or a failure inside the server. */
export const unknownError = make(500, 'M_UNKNOWN', 'Internal server error')
/** 400: a parameter is missing. */
export const missingParam = make(400, 'M_MISSING_PARAM', 'A parameter is missing')
/** 400: a parameter has an impossible value. */
export const invalidParam = make(400, 'M_INVALID_PARAM', 'A parameter is invalid')
/** 400: a signature is missing or wrong. */
export const invalidSignature = make(400, 'M_INVALID_SIGNATURE', 'Invalid signature')
/** 413: body or event over its limit. */
export const tooLarge = make(413, 'M_TOO_LARGE', 'Too large')
/** 504: the file has not been uploaded yet (client-server-api#content-repository). */
export const notYetUploaded = make(504, 'M_NOT_YET_UPLOADED', 'That media has not been uploaded yet')
/** 409: the file has been uploaded already. */
export const cannotOverwriteMedia = make(409, 'M_CANNOT_OVERWRITE_MEDIA', 'That media has been uploaded already')
/** 400: the user ID exists already. */
export const userInUse = make(400, 'M_USER_IN_USE', 'That user ID is taken')
/** 400: the localpart does not fit the grammar. */
export const invalidUsername = make(400, 'M_INVALID_USERNAME', 'That user ID is invalid')
/** 403: the account has been deactivated. */
export const userDeactivated = make(403, 'M_USER_DEACTIVATED', 'This account has been deactivated')
/** 403: not while an administrator has suspended the account (client-server-api#account-suspension). */
export const userSuspended = make(403, 'M_USER_SUSPENDED', 'You cannot do this while your account is suspended')
/** 400: the requested state of a new room is not allowed by its own rules. */
export const invalidRoomState = make(400, 'M_INVALID_ROOM_STATE', 'The initial state is invalid')
/** 400: unknown room version in createRoom or upgrade. */
export const unsupportedRoomVersion = make(400, 'M_UNSUPPORTED_ROOM_VERSION', 'That room version is not supported')
/** 403: the state of the target forbids this now (e.g. unbanning a user who is not banned). */
export const badState = make(403, 'M_BAD_STATE', 'The room or user is in the wrong state for this')
/** 400: the password is too weak. */
export const weakPassword = make(400, 'M_WEAK_PASSWORD', 'That password is too weak')
/** 400: a sync position that this server never issued or cannot use. */
export const unknownPos = make(400, 'M_UNKNOWN_POS', 'Unknown position')
