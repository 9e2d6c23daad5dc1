import type { PusherWish } from '../../durable/user/push/pushers.ts'
import { checkOutboundUrl } from '../../federation/outbound/address-policy.ts'
import { OutboundError } from '../../federation/outbound/outbound-error.ts'
import { invalidParam, missingParam } from '../../matrix/errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../matrix/json.ts'
import type { Config } from '../../runtime/config.ts'

const MAX_APP_ID_CHARS = 64
const MAX_PUSHKEY_BYTES = 512
const MAX_NAME_CHARS = 1_000
const MAX_DATA_CHARS = 8_192
/** The one path that push gateways have. */
const GATEWAY_PATH = '/_matrix/push/v1/notify'
const REQUIRED = ['app_display_name', 'device_display_name', 'lang', 'data'] as const

/** What a client asks for: a pusher, or that there be none. */
export type PusherRequest =
  | { readonly kind: 'set'; readonly wish: PusherWish; readonly append: boolean }
  | { readonly kind: 'remove'; readonly appId: string; readonly pushkey: string }

/**
 * The body of `POST /pushers/set` (client-server-api#post_matrixclientv3pushersset).
 * @throws MatrixError M_MISSING_PARAM, M_INVALID_PARAM.
 */
export function parsePusherRequest(body: JsonObject, config: Config): PusherRequest {
  const absent = ['kind', 'app_id', 'pushkey'].filter((name) => body[name] === undefined)
  if (absent.length > 0) throw missing(absent)
  const appId = text(body.app_id, 'app_id', MAX_APP_ID_CHARS)
  const pushkey = text(body.pushkey, 'pushkey', MAX_PUSHKEY_BYTES)
  if (new TextEncoder().encode(pushkey).length > MAX_PUSHKEY_BYTES) throw invalidParam(`pushkey is longer than ${MAX_PUSHKEY_BYTES} bytes`)
  if (body.kind === null) return { kind: 'remove', appId, pushkey }
  if (body.kind === 'email') throw invalidParam('This server sends no notifications by email')
  if (body.kind !== 'http') throw invalidParam('Unknown kind of pusher')
  const lacking = REQUIRED.filter((name) => body[name] === undefined)
  if (lacking.length > 0) throw missing(lacking)
  const { data, append, profile_tag: profileTag } = body
  if (append !== undefined && typeof append !== 'boolean') throw invalidParam('append is neither true nor false')
  return {
    kind: 'set',
    append: append ?? false,
    wish: {
      appId,
      pushkey,
      kind: 'http',
      appDisplayName: text(body.app_display_name, 'app_display_name', MAX_NAME_CHARS),
      deviceDisplayName: text(body.device_display_name, 'device_display_name', MAX_NAME_CHARS),
      profileTag: profileTag === undefined || profileTag === null ? undefined : text(profileTag, 'profile_tag', MAX_NAME_CHARS),
      lang: text(body.lang, 'lang', MAX_NAME_CHARS),
      data: JSON.stringify(checkedData(data, config)),
    },
  }
}

function checkedData(data: JsonValue | undefined, config: Config): JsonObject {
  if (!isJsonObject(data)) throw invalidParam('data is not an object')
  if (JSON.stringify(data).length > MAX_DATA_CHARS) throw invalidParam(`data is longer than ${MAX_DATA_CHARS} characters`)
  if (data.url === undefined) throw missing(['data.url'])
  const url = checkedUrl(text(data.url, 'data.url', MAX_DATA_CHARS), config)
  if (url.pathname !== GATEWAY_PATH || url.hash !== '') throw invalidParam(`data.url must have the path ${GATEWAY_PATH}`)
  return data
}

/** The same rules as when it is connected to (SECURITY M8), so that a pusher that cannot work is refused at once. */
function checkedUrl(url: string, config: Config): URL {
  try {
    return checkOutboundUrl(url, config)
  } catch (cause) {
    if (cause instanceof OutboundError) throw invalidParam('data.url is not an HTTPS URL that this server may connect to')
    throw cause
  }
}

function text(value: JsonValue | undefined, name: string, maxChars: number): string {
  if (typeof value !== 'string') throw invalidParam(`${name} is not a string`)
  if (value.length > maxChars) throw invalidParam(`${name} is too long`)
  return value
}

function missing(names: readonly string[]) {
  return missingParam(`Missing parameters: ${names.join(', ')}`)
}
