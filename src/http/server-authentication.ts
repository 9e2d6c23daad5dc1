import { canonicalJson } from '../matrix/canonical-json.ts'
import { MatrixError } from '../matrix/errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../matrix/json.ts'
import { parseLosslessJson } from '../matrix/lossless-json.ts'
import { parseStrictJson } from '../matrix/strict-json.ts'
import { parseXMatrix, verifyRequest, type XMatrix } from '../matrix/x-matrix.ts'
import type { Env } from '../runtime/bindings.ts'
import type { Config } from '../runtime/config.ts'
import { readText } from './body-reader.ts'

/** The server that a request comes from, its signature checked. */
export interface AuthenticatedServer {
  readonly serverName: string
  /** The body as it was signed; absent if there was none. */
  readonly body: JsonObject | undefined
  /** Parts of the body with numbers that are not what was sent (`parseLosslessJson`): an event among them must be dropped. */
  readonly inexact: ReadonlySet<JsonValue>
}

/**
 * Finds the public key (32 bytes) by which a server signs requests at present, asking that server if need be. `undefined`: no such key, or it
 * cannot be had; the request is then refused.
 */
export type FindRequestKey = (env: Env, requestId: string, serverName: string, keyId: string) => Promise<Uint8Array | undefined>

/** Values in one body; an endpoint for large bodies must not fail on many small ones. */
const MAX_BODY_VALUES = 2_000_000
const NOTHING_INEXACT: ReadonlySet<JsonValue> = new Set()

/** 401: a request that no server has proved to be its own. */
export function unauthenticated(reason: string): MatrixError {
  return new MatrixError(401, 'M_UNAUTHORIZED', reason)
}

/** Path and query exactly as they came on the request line: what the signature covers (SECURITY F3). */
export function rawUriOf(request: Request): string {
  const { url } = request
  const start = url.indexOf('/', url.indexOf('://') + 3)
  return start < 0 ? '/' : url.slice(start)
}

/**
 * Reads a request's `Authorization` header (server-server-api#request-authentication). Several headers arrive as one that does not parse.
 * @throws MatrixError M_UNAUTHORIZED: none, malformed, for another server, or without saying for which.
 */
export function readServerCredential(request: Request, config: Config): XMatrix {
  const header = request.headers.get('authorization')
  if (header === null) throw unauthenticated('The request is not signed')
  const credential = parseXMatrix(header)
  if (credential === undefined) throw unauthenticated('The Authorization header is not that of a signed request')
  if (credential.destination !== config.serverName) throw unauthenticated('The request is signed for another server')
  if (credential.origin === config.serverName) throw unauthenticated('This server does not ask itself')
  return credential
}

/**
 * Checks who sent a request. The body is read and parsed here, once: what is verified is what the handler receives.
 * @param expectsBody whether the endpoint takes one; a body that it does not expect is refused.
 * @throws MatrixError M_UNAUTHORIZED, M_TOO_LARGE.
 */
export async function authenticateServer(
  request: Request,
  credential: XMatrix,
  publicKey: Uint8Array,
  serverName: string,
  maxBodyBytes: number,
  expectsBody: boolean,
): Promise<AuthenticatedServer> {
  const text = await readText(request, maxBodyBytes).catch((cause: unknown) => {
    throw cause instanceof MatrixError && cause.errcode === 'M_NOT_JSON' ? unauthenticated('The body is not UTF-8') : cause
  })
  if (text !== '' && !expectsBody) throw unauthenticated('A request of this kind has no body')
  const parsed = text === '' ? undefined : parseBody(text)
  const signed = { method: request.method, uri: rawUriOf(request), canonicalContent: parsed?.canonical }
  if (!verifyRequest(credential, signed, serverName, publicKey)) throw unauthenticated('The signature does not fit the request')
  return { serverName: credential.origin, body: parsed?.value, inexact: parsed?.inexact ?? NOTHING_INEXACT }
}

interface ParsedBody {
  readonly value: JsonObject
  readonly canonical: string
  readonly inexact: ReadonlySet<JsonValue>
}

function parseBody(text: string): ParsedBody {
  const strict = parseStrictJson(text, { maxValues: MAX_BODY_VALUES, allowNul: true })
  if (strict.ok && isJsonObject(strict.value))
    return { value: strict.value, canonical: canonicalJson(strict.value), inexact: NOTHING_INEXACT }
  // Events of old rooms may hold other numbers; one such event must not cost the others their signature.
  const exact =
    !strict.ok && strict.reason === 'bad_number' ? parseLosslessJson(text, { maxValues: MAX_BODY_VALUES, allowNul: true }) : undefined
  if (exact?.ok === true && isJsonObject(exact.value)) return { value: exact.value, canonical: exact.canonical, inexact: exact.inexact }
  throw unauthenticated('The body is not JSON that can be verified')
}
