import { type Objects, objectsOf, type SessionStub, type UserStub } from '../durable/objects.ts'
import type { Credential } from '../durable/user/tokens.ts'
import type { DisposableContext, RequestFacts } from '../http/context.ts'
import { missingToken } from '../matrix/errors.ts'
import type { Env } from '../runtime/bindings.ts'
import type { Config } from '../runtime/config.ts'
import { countCost } from '../runtime/metrics.ts'
import { openRegistry, type Registry } from '../storage/d1/open.ts'
import { SessionHolder } from './session-holder.ts'

/** What every handler and use case receives: configuration, the objects, and the session of whoever asks. */
export class RequestContext implements DisposableContext {
  readonly env: Env
  readonly config: Config
  readonly requestId: string
  readonly clientAddress: string
  /** The objects; every access is counted as a round trip of this request. */
  readonly objects: Objects
  /** Lets work outlive the answer, within the platform's limits. */
  readonly waitUntil: (work: Promise<unknown>) => void
  readonly #facts: RequestFacts
  #session: SessionHolder | undefined
  /** The account has admitted this request, and counted it against its limits. */
  #isCounted = false
  #registry: Registry | undefined

  constructor(facts: RequestFacts) {
    this.env = facts.env
    this.config = facts.config
    this.requestId = facts.requestId
    this.clientAddress = facts.clientAddress
    this.waitUntil = facts.waitUntil
    this.objects = objectsOf(facts.env, facts.requestId)
    this.#facts = facts
  }

  /** The registry in D1; every statement is counted for this request. */
  get registry(): Registry {
    this.#registry ??= openRegistry(this.env, this.requestId)
    return this.#registry
  }

  /** The account that the request's token names. Only the answer of a session method proves that the token is still valid. */
  get claimedUserId(): string | undefined {
    return this.#facts.token?.userId
  }

  /** Its localpart. */
  get claimedLocalpart(): string | undefined {
    return this.#facts.token?.localpart
  }

  /**
   * The session of the presented access token: `unwrap(await ctx.session.whoami())`. Opened together with the first method called on it, in
   * one round trip; every access counts as one. A refused token is the outcome of each method.
   * @throws MatrixError M_MISSING_TOKEN where a token is optional and there is none.
   */
  get session(): SessionStub {
    if (this.#session !== undefined) {
      countCost('rpc', this.requestId)
      return this.#session.stub
    }
    const { userId, credential } = this.#presented()
    this.#isCounted = true
    this.#session = new SessionHolder(this.objects.user(userId).open(credential))
    return this.#session.stub
  }

  /** What the account of the presented token says about a room: a session's first question in one call, as most requests ask no other. */
  roomAccess(roomId: string): ReturnType<SessionStub['roomAccess']> {
    if (this.#session !== undefined) return this.session.roomAccess(roomId)
    const { userId, credential } = this.#presented()
    this.#isCounted = true
    return this.objects.user(userId).roomAccess(credential, roomId)
  }

  /**
   * The account of the presented token, and how the token is shown to it where no session is: for polls that wait (`domain/sync/waiting.ts`). Only the
   * first of several calls counts against the limit on requests.
   */
  presentTo(isFirst: boolean): { readonly account: UserStub; readonly userId: string; readonly credential: Credential } {
    const { userId, credential } = this.#presented()
    return { account: this.objects.user(userId), userId, credential: isFirst ? credential : { ...credential, rateLimit: 'none' } }
  }

  #presented(): { readonly userId: string; readonly credential: Credential } {
    const { token, requestId, rateLimit, standing, clientAddress } = this.#facts
    if (token === undefined) throw missingToken()
    const counted = this.#isCounted ? 'none' : rateLimit
    return {
      userId: token.userId,
      credential: { kind: 'access_token', token: token.text, requestId, rateLimit: counted, standing, clientAddress },
    }
  }

  /** Lets go of the session, e.g. before parking; the next access opens it anew. */
  close(): void {
    this.#session?.release()
    this.#session = undefined
  }
}
