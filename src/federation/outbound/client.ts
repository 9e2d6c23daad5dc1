import { canonicalJson } from '../../matrix/canonical-json.ts'
import { isJsonObject, type JsonObject } from '../../matrix/json.ts'
import type { EventSigner } from '../../matrix/signing.ts'
import { parseStrictJson, type StrictJsonOptions } from '../../matrix/strict-json.ts'
import { signRequest } from '../../matrix/x-matrix.ts'
import type { BoundedBody } from './bounded-body.ts'
import type { Destination, ServerDiscovery } from './discovery/discovery.ts'
import { type Guard, type GuardedResponse, guardedFetch } from './guarded-fetch.ts'
import { DEFAULT_MAX_BYTES, DEFAULT_TIMEOUT_MS, MAX_ERROR_BYTES, MAX_ERROR_WORDS } from './limits.ts'
import { OutboundError, RemoteRefusal } from './outbound-error.ts'

/** A request to another homeserver. */
export interface FederationRequest {
  readonly method: 'GET' | 'POST' | 'PUT'
  /** Path from `/_matrix/` on, its parameters percent-encoded, with its query. */
  readonly path: string
  /** Body as canonical JSON text: what is signed is then what is sent. See {@link jsonBody}. */
  readonly canonicalBody?: string | undefined
  /** Default true. Keys are asked for without a signature. */
  readonly signed?: boolean
  readonly timeoutMs?: number
  readonly maxBytes?: number
  /** What kind of answer is wanted; JSON unless said otherwise. */
  readonly accept?: string
  /** Redirects of a GET that are followed; default none. */
  readonly maxRedirects?: number
}

/** A body as {@link FederationRequest} wants it. @throws MatrixError M_BAD_JSON if it has no canonical form. */
export function jsonBody(body: JsonObject): string {
  return canonicalJson(body)
}

/** Asks other homeservers, and signs what it asks. */
export class FederationClient {
  readonly #guard: Guard
  readonly #discovery: ServerDiscovery
  readonly #signer: EventSigner

  constructor(guard: Guard, discovery: ServerDiscovery, signer: EventSigner) {
    this.#guard = guard
    this.#discovery = discovery
    this.#signer = signer
  }

  /**
   * The body of a successful answer, to be read as a stream or cancelled. Redirects are not followed.
   * @throws OutboundError; RemoteRefusal for any status but 200.
   */
  async open(serverName: string, request: FederationRequest): Promise<BoundedBody> {
    return (await this.answer(serverName, request)).body
  }

  /** {@link open}, with the headers of the answer. */
  async answer(serverName: string, request: FederationRequest): Promise<GuardedResponse> {
    if (serverName === this.#signer.serverName) throw new OutboundError('blocked', 'a server does not ask itself')
    const response = await this.#send(serverName, await this.#discovery.find(serverName), request)
    if (response.status === 200) return response
    throw await refusalOf(response)
  }

  /** The JSON object of a successful answer, whatever its content type. @throws OutboundError. */
  async json(serverName: string, request: FederationRequest, numbers: StrictJsonOptions['numbers'] = 'integers'): Promise<JsonObject> {
    const body = await this.open(serverName, request)
    const parsed = parseStrictJson(await body.text(), { numbers })
    if (!parsed.ok || !isJsonObject(parsed.value)) throw new OutboundError('invalid', 'the answer is not a JSON object')
    return parsed.value
  }

  async #send(serverName: string, { baseUrl, connectTo }: Destination, request: FederationRequest): Promise<GuardedResponse> {
    const { method, canonicalBody, timeoutMs = DEFAULT_TIMEOUT_MS, maxBytes = DEFAULT_MAX_BYTES } = request
    const url = URL.parse(request.path, baseUrl)
    if (url === null) throw new OutboundError('blocked', 'not a path')
    const headers: Record<string, string> = canonicalBody === undefined ? {} : { 'content-type': 'application/json' }
    if (request.signed !== false) {
      const uri = `${url.pathname}${url.search}`
      headers.authorization = signRequest({ method, uri, destination: serverName, canonicalContent: canonicalBody }, this.#signer)
    }
    if (request.accept !== undefined) headers.accept = request.accept
    const { maxRedirects = 0 } = request
    const guarded = { url: url.href, method, headers, body: canonicalBody, timeoutMs, maxBytes, maxRedirects }
    if (connectTo.length === 0) return await guardedFetch(this.#guard, guarded)
    let failure: unknown
    for (const target of connectTo) {
      try {
        return await guardedFetch(this.#guard, { ...guarded, connectTo: target })
      } catch (cause) {
        // Only a target that cannot be connected to leaves it to the next; a slow one may have acted on the request.
        if (!(cause instanceof OutboundError) || !['unreachable', 'blocked'].includes(cause.failure)) throw cause
        failure = cause
      }
    }
    throw failure
  }
}

async function refusalOf({ status, body }: GuardedResponse): Promise<RemoteRefusal> {
  let text = ''
  try {
    for await (const chunk of body.chunks()) {
      text += new TextDecoder().decode(chunk.subarray(0, MAX_ERROR_BYTES - text.length))
      if (text.length >= MAX_ERROR_BYTES) break
    }
  } catch (cause) {
    if (!(cause instanceof OutboundError)) throw cause
  }
  const parsed = parseStrictJson(text, { numbers: 'any' })
  const { errcode, error } = parsed.ok && isJsonObject(parsed.value) ? parsed.value : {}
  return new RemoteRefusal(
    status,
    typeof errcode === 'string' && /^[A-Z0-9._a-z]{1,64}$/.test(errcode) ? errcode : undefined,
    `status ${status}`,
    typeof error === 'string' ? error.slice(0, MAX_ERROR_WORDS) : undefined,
  )
}
