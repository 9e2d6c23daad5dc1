import { decodeBase64, encodeBase64 } from './base64.ts'
import { canonicalJson } from './canonical-json.ts'
import { ed25519Verify } from './crypto.ts'
import { isServerName } from './ids/server-name.ts'
import type { EventSigner } from './signing.ts'

/*
 * Request authentication between servers (server-server-api#request-authentication): the `Authorization: X-Matrix …` header in the grammar of
 * RFC 9110 section 11.4, and what its signature covers.
 */

/** The parameters of an `X-Matrix` header. */
export interface XMatrix {
  readonly origin: string
  /** Absent only in requests of very old servers. */
  readonly destination: string | undefined
  /** Key identifier with its algorithm, e.g. `ed25519:a1b2`. */
  readonly keyId: string
  /** Base64. */
  readonly signature: string
}

/** The signed facts of a request. */
export interface SignedRequest {
  readonly method: string
  /** Path and query exactly as on the request line, from `/_matrix/` on. */
  readonly uri: string
  readonly origin: string
  readonly destination: string
  /** Canonical JSON of the body, absent if the request has none. */
  readonly canonicalContent?: string | undefined
}

/** Longest header that is looked at, in characters. */
export const MAX_X_MATRIX_LENGTH = 4_096

const SCHEME = /^x-matrix +/i
/** One parameter, or nothing between two commas; colons in unquoted values for the sake of older servers. */
const PARAMETER = /[ \t]*(?:([!#$%&'*+.^_`|~0-9a-z-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+.^_`|~0-9a-z:-]+))[ \t]*)?(?:,|$)/iy

/**
 * Reads an `Authorization` header. `undefined` for another scheme and for anything malformed: a parameter given twice or missing,
 * names that are not server names, a key that is not `ed25519`. Unknown parameters are ignored.
 */
export function parseXMatrix(header: string): XMatrix | undefined {
  const scheme = header.length <= MAX_X_MATRIX_LENGTH ? SCHEME.exec(header)?.[0] : undefined
  const parameters = scheme === undefined ? undefined : parseParameters(header.slice(scheme.length))
  if (parameters === undefined) return undefined
  const origin = parameters.get('origin')
  const destination = parameters.get('destination')
  const keyId = parameters.get('key')
  const signature = parameters.get('sig')
  if (origin === undefined || !isServerName(origin) || keyId === undefined || signature === undefined) return undefined
  if (destination !== undefined && !isServerName(destination)) return undefined
  return keyId.startsWith('ed25519:') ? { origin, destination, keyId, signature } : undefined
}

function parseParameters(text: string): ReadonlyMap<string, string> | undefined {
  const parameters = new Map<string, string>()
  PARAMETER.lastIndex = 0
  while (PARAMETER.lastIndex < text.length) {
    const match = PARAMETER.exec(text)
    if (match === null) return undefined
    const [, name, quoted, plain = ''] = match
    if (name === undefined) continue
    const key = name.toLowerCase()
    if (parameters.has(key)) return undefined
    parameters.set(key, quoted === undefined ? plain : quoted.replace(/\\(.)/g, '$1'))
  }
  return parameters
}

/** Writes the header in the form that every server understands. */
export function buildXMatrix({ origin, destination, keyId, signature }: XMatrix): string {
  const target = destination === undefined ? '' : `destination=${quote(destination)},`
  return `X-Matrix origin=${quote(origin)},${target}key=${quote(keyId)},sig=${quote(signature)}`
}

function quote(value: string): string {
  return `"${value.replace(/["\\]/g, '\\$&')}"`
}

/** What the signature of a request covers: the canonical JSON of its facts. */
export function requestPayload({ method, uri, origin, destination, canonicalContent }: SignedRequest): string {
  const rest = canonicalJson({ destination, method, origin, uri })
  return canonicalContent === undefined ? rest : `{"content":${canonicalContent},${rest.slice(1)}`
}

/** The `Authorization` header for a request of ours. */
export function signRequest(request: Omit<SignedRequest, 'origin'>, signer: EventSigner): string {
  const signed = { ...request, origin: signer.serverName }
  const signature = encodeBase64(signer.sign(requestPayload(signed)))
  return buildXMatrix({ origin: signer.serverName, destination: request.destination, keyId: signer.keyId, signature })
}

/**
 * Whether a header's signature is that of the request it came with, by the public key (32 bytes) that its origin has under `keyId`.
 * The signed destination is us, even where very old servers leave it out of the header. Never throws.
 */
export function verifyRequest(
  header: XMatrix,
  request: Omit<SignedRequest, 'origin' | 'destination'>,
  serverName: string,
  publicKey: Uint8Array,
): boolean {
  if (header.destination !== undefined && header.destination !== serverName) return false
  const signature = decodeBase64(header.signature)
  if (signature === undefined || !request.uri.isWellFormed() || !request.method.isWellFormed()) return false
  return ed25519Verify(publicKey, requestPayload({ ...request, origin: header.origin, destination: serverName }), signature)
}
