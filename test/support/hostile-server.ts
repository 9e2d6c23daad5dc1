import { encodeBase64 } from '../../src/matrix/base64.ts'
import { canonicalJson } from '../../src/matrix/canonical-json.ts'
import { isJsonObject, type JsonObject } from '../../src/matrix/json.ts'
import { createSigner, type EventSigner, publicKeyOfSeed, signJson } from '../../src/matrix/signing.ts'
import { signRequest } from '../../src/matrix/x-matrix.ts'

/** A request that a scripted server has received. */
export interface HostileRequest {
  readonly method: string
  /** Path and query as on the request line. */
  readonly uri: string
  readonly path: string
  readonly headers: Headers
  /** The body as it came. */
  readonly text: string
}

/** Answers a request; what it returns is what the peer sees. */
export type HostileHandler = (request: HostileRequest) => Response | Promise<Response>

/** What a document about keys says, where it differs from an honest one. */
export interface KeyDocumentLies {
  readonly serverName?: string
  readonly validUntilTs?: number
  readonly verifyKeys?: JsonObject
  readonly oldVerifyKeys?: JsonObject
  /** Who signs it; `null`: nobody. */
  readonly signer?: EventSigner | null
  readonly extra?: JsonObject
}

const DAY_MS = 86_400_000

/**
 * A homeserver whose every answer can be scripted. By itself it is honest: it publishes its key, and refuses everything else with 404. Runs
 * anywhere: {@link HostileInternet} puts it into workerd, `federation-https.ts` behind TLS in Node.
 */
export class HostileServer {
  readonly serverName: string
  readonly seed: Uint8Array
  readonly signer: EventSigner
  /** Everything that was asked, in order. */
  readonly requests: HostileRequest[] = []
  /** The time that its key document counts from. */
  now: () => number
  readonly #handlers: { readonly method: string; readonly pattern: RegExp; readonly handler: HostileHandler }[] = []

  /** @param fill byte that the seed of its signing key is made of, so that servers differ. */
  constructor(serverName: string, fill: number, now: () => number = () => Date.now()) {
    this.serverName = serverName
    this.seed = new Uint8Array(32).fill(fill)
    this.signer = createSigner(serverName, 'ed25519:a_hostile', this.seed)
    this.now = now
  }

  /** Public half of its key. */
  get publicKey(): Uint8Array {
    return publicKeyOfSeed(this.seed)
  }

  /** Answers requests whose path fits. What was scripted last is asked first. */
  on(method: string, pattern: RegExp, handler: HostileHandler): this {
    this.#handlers.unshift({ method, pattern, handler })
    return this
  }

  /** How often a path was asked. */
  asked(pattern: RegExp): number {
    return this.requests.filter(({ path }) => pattern.test(path)).length
  }

  /** Its answer to one request. */
  async answer(request: Request): Promise<Response> {
    const start = request.url.indexOf('/', request.url.indexOf('://') + 3)
    const uri = start < 0 ? '/' : request.url.slice(start)
    const received = { method: request.method, uri, path: uri.split('?')[0] ?? '', headers: request.headers, text: await request.text() }
    this.requests.push(received)
    const found = this.#handlers.find(({ method, pattern }) => method === received.method && pattern.test(received.path))
    if (found !== undefined) return await found.handler(received)
    if (received.path === '/_matrix/key/v2/server') return Response.json(this.keyDocument())
    return Response.json({ errcode: 'M_UNRECOGNIZED', error: 'not scripted' }, { status: 404 })
  }

  /** Its signed word about its keys, honest or not. */
  keyDocument(lies: KeyDocumentLies = {}): JsonObject {
    const document = {
      server_name: lies.serverName ?? this.serverName,
      valid_until_ts: lies.validUntilTs ?? this.now() + DAY_MS,
      verify_keys: lies.verifyKeys ?? { [this.signer.keyId]: { key: encodeBase64(this.publicKey) } },
      old_verify_keys: lies.oldVerifyKeys ?? {},
      ...lies.extra,
    }
    return lies.signer === null ? document : signJson(document, lies.signer ?? this.signer)
  }

  /** A request to another server as it would sign it. `signer` and `destination` may be somebody else's. */
  signedRequest(
    method: string,
    url: string,
    body?: JsonObject,
    lies: {
      readonly signer?: EventSigner
      readonly destination?: string
      readonly signedUri?: string
      readonly signedBody?: JsonObject
    } = {},
  ): Request {
    const parsed = new URL(url)
    const signedBody = lies.signedBody ?? body
    const authorization = signRequest(
      {
        method,
        uri: lies.signedUri ?? `${parsed.pathname}${parsed.search}`,
        destination: lies.destination ?? parsed.hostname,
        canonicalContent: signedBody === undefined ? undefined : canonicalJson(signedBody),
      },
      lies.signer ?? this.signer,
    )
    const init = body === undefined ? {} : { body: JSON.stringify(body) }
    return new Request(url, { method, headers: { authorization, 'content-type': 'application/json' }, ...init })
  }
}

/** JSON objects of a request's body. */
export function bodyOf(request: HostileRequest): JsonObject {
  const value: unknown = JSON.parse(request.text)
  return isJsonObject(value) ? value : {}
}

/** An answer whose body never ends. */
export function flood(status = 200): Response {
  const piece = new Uint8Array(64 * 1024).fill(0x20)
  return new Response(new ReadableStream({ pull: (controller) => controller.enqueue(piece) }), { status })
}
