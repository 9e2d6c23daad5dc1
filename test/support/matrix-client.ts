/** A small Matrix client over plain requests, for tests that want to see exactly what the server answers. Runs in Node and in workerd. */

/** An event as clients see it. */
export interface ClientEvent {
  readonly event_id: string
  readonly type: string
  readonly sender: string
  readonly state_key?: string
  readonly content: Readonly<Record<string, unknown>>
  readonly origin_server_ts?: number
  readonly unsigned?: Readonly<Record<string, unknown>>
}

/** Events of a sync response that have no ID. */
export interface BareEvent {
  readonly type: string
  readonly content: Readonly<Record<string, unknown>>
}

interface EventList<T = ClientEvent> {
  readonly events?: readonly T[]
}

/** A room of `rooms.join` or `rooms.leave` of a sync response. */
export interface SyncedRoom {
  readonly timeline?: EventList & { readonly limited?: boolean; readonly prev_batch?: string }
  readonly state?: EventList
  readonly state_after?: EventList
  readonly ephemeral?: EventList<BareEvent>
  readonly account_data?: EventList<BareEvent>
}

/** The parts of a sync response that tests look at. */
export interface SyncResponse {
  readonly next_batch: string
  readonly rooms?: {
    readonly join?: Readonly<Record<string, SyncedRoom>>
    readonly leave?: Readonly<Record<string, SyncedRoom>>
    readonly invite?: Readonly<Record<string, { readonly invite_state?: EventList<ClientEvent> }>>
    readonly knock?: Readonly<Record<string, { readonly knock_state?: EventList<ClientEvent> }>>
  }
  readonly account_data?: EventList<BareEvent>
}

/** A page of `GET /rooms/{roomId}/messages`. */
export interface MessagesPage {
  readonly chunk: readonly ClientEvent[]
  readonly start: string
  readonly end?: string
}

/** Who is logged in on which device. */
export interface Login {
  readonly userId: string
  readonly deviceId: string
  readonly accessToken: string
}

/** Where requests go: a base URL and a `fetch`, which workerd tests replace. */
export interface Homeserver {
  readonly url: string
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>
}

/** A refusal. Anything that is no answer at all, such as a broken connection, is thrown as `fetch` throws it. */
export class MatrixRequestError extends Error {
  readonly status: number
  readonly errcode: string

  constructor(request: string, status: number, errcode: string, message: string) {
    super(`${request}: ${status} ${errcode} ${message}`)
    this.name = 'MatrixRequestError'
    this.status = status
    this.errcode = errcode
  }
}

/** What a request may carry. */
export interface RequestOptions {
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly body?: unknown
  readonly accessToken?: string
  readonly signal?: AbortSignal
}

/** Pages that {@link MatrixClient.history} reads at most. */
const MAX_HISTORY_PAGES = 1000
const HISTORY_PAGE_EVENTS = '100'

/** One request of the client-server API. @throws MatrixRequestError when it is refused. */
export async function request<T>(server: Homeserver, method: string, path: string, options: RequestOptions = {}): Promise<T> {
  const query = new URLSearchParams(
    Object.entries(options.query ?? {}).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
  const url = `${server.url}/_matrix/client${path}${query.size > 0 ? `?${query}` : ''}`
  const response = await server.fetch(url, {
    method,
    headers: {
      ...(options.accessToken === undefined ? {} : { authorization: `Bearer ${options.accessToken}` }),
      ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
  const text = await response.text()
  if (response.status === 200) return JSON.parse(text) as T
  let refusal: { errcode?: string; error?: string } = {}
  try {
    refusal = JSON.parse(text) as typeof refusal
  } catch {
    refusal = { error: text.slice(0, 200) }
  }
  throw new MatrixRequestError(`${method} ${path}`, response.status, refusal.errcode ?? '', refusal.error ?? '')
}

/** `@alice:example.org` etc. as a path segment. */
function segment(value: string): string {
  return encodeURIComponent(value)
}

/** One logged-in device. */
export class MatrixClient implements Login {
  readonly server: Homeserver
  readonly userId: string
  readonly deviceId: string
  readonly accessToken: string
  #transactions = 0

  constructor(server: Homeserver, login: Login) {
    this.server = server
    this.userId = login.userId
    this.deviceId = login.deviceId
    this.accessToken = login.accessToken
  }

  /** Registers an account (open registration, dummy stage) and logs in. */
  static async register(server: Homeserver, localpart: string, password = 'a password of nobody'): Promise<MatrixClient> {
    const body = { username: localpart, password, auth: { type: 'm.login.dummy' } }
    const answer = await request<LoginAnswer>(server, 'POST', '/v3/register', { body })
    return new MatrixClient(server, loginOf(answer))
  }

  /** Another device of an account. */
  static async logIn(server: Homeserver, localpart: string, password = 'a password of nobody'): Promise<MatrixClient> {
    const body = { type: 'm.login.password', identifier: { type: 'm.id.user', user: localpart }, password }
    const answer = await request<LoginAnswer>(server, 'POST', '/v3/login', { body })
    return new MatrixClient(server, loginOf(answer))
  }

  call<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    return request<T>(this.server, method, path, { accessToken: this.accessToken, ...options })
  }

  async createRoom(body: Readonly<Record<string, unknown>> = { preset: 'public_chat' }): Promise<string> {
    return (await this.call<{ room_id: string }>('POST', '/v3/createRoom', { body })).room_id
  }

  async join(roomId: string): Promise<void> {
    await this.call('POST', `/v3/rooms/${segment(roomId)}/join`, { body: {} })
  }

  async leave(roomId: string): Promise<void> {
    await this.call('POST', `/v3/rooms/${segment(roomId)}/leave`, { body: {} })
  }

  async forget(roomId: string): Promise<void> {
    await this.call('POST', `/v3/rooms/${segment(roomId)}/forget`, { body: {} })
  }

  /** `invite`, `kick`, `ban` or `unban` of somebody else. */
  async moderate(action: 'invite' | 'kick' | 'ban' | 'unban', roomId: string, userId: string): Promise<void> {
    await this.call('POST', `/v3/rooms/${segment(roomId)}/${action}`, { body: { user_id: userId } })
  }

  /** Sends a message event; answers its ID. */
  async send(roomId: string, content: string | Readonly<Record<string, unknown>>, txnId = this.nextTransaction()): Promise<string> {
    const body = typeof content === 'string' ? { msgtype: 'm.text', body: content } : content
    const path = `/v3/rooms/${segment(roomId)}/send/m.room.message/${segment(txnId)}`
    return (await this.call<{ event_id: string }>('PUT', path, { body })).event_id
  }

  async sendState(roomId: string, type: string, stateKey: string, content: Readonly<Record<string, unknown>>): Promise<string> {
    const path = `/v3/rooms/${segment(roomId)}/state/${segment(type)}/${segment(stateKey)}`
    return (await this.call<{ event_id: string }>('PUT', path, { body: content })).event_id
  }

  async redact(roomId: string, eventId: string, txnId = this.nextTransaction()): Promise<string> {
    const path = `/v3/rooms/${segment(roomId)}/redact/${segment(eventId)}/${segment(txnId)}`
    return (await this.call<{ event_id: string }>('PUT', path, { body: {} })).event_id
  }

  sync(query: Readonly<Record<string, string | undefined>> = {}, signal?: AbortSignal): Promise<SyncResponse> {
    return this.call('GET', '/v3/sync', { query, ...(signal === undefined ? {} : { signal }) })
  }

  messages(roomId: string, query: Readonly<Record<string, string | undefined>> = {}): Promise<MessagesPage> {
    return this.call('GET', `/v3/rooms/${segment(roomId)}/messages`, { query: { dir: 'b', limit: HISTORY_PAGE_EVENTS, ...query } })
  }

  /** Everything that this user may read of a room, oldest first, by paging backwards from the end. */
  async history(roomId: string, limit = HISTORY_PAGE_EVENTS): Promise<ClientEvent[]> {
    const events: ClientEvent[] = []
    let from: string | undefined
    for (let page = 0; page < MAX_HISTORY_PAGES; page += 1) {
      const answer = await this.messages(roomId, { from, limit })
      events.push(...answer.chunk)
      if (answer.end === undefined) return events.reverse()
      from = answer.end
    }
    throw new Error(`${roomId} does not end after ${MAX_HISTORY_PAGES} pages`)
  }

  state(roomId: string): Promise<ClientEvent[]> {
    return this.call('GET', `/v3/rooms/${segment(roomId)}/state`)
  }

  async joinedMembers(roomId: string): Promise<string[]> {
    const { joined } = await this.call<{ joined: Record<string, unknown> }>('GET', `/v3/rooms/${segment(roomId)}/joined_members`)
    return Object.keys(joined).sort()
  }

  async joinedRooms(): Promise<string[]> {
    return (await this.call<{ joined_rooms: string[] }>('GET', '/v3/joined_rooms')).joined_rooms.sort()
  }

  async logOut(): Promise<void> {
    await this.call('POST', '/v3/logout', { body: {} })
  }

  /** A transaction ID that this object has not used. */
  nextTransaction(): string {
    this.#transactions += 1
    return `t${this.#transactions}-${this.deviceId}`
  }
}

interface LoginAnswer {
  readonly user_id: string
  readonly device_id: string
  readonly access_token: string
}

function loginOf(answer: LoginAnswer): Login {
  return { userId: answer.user_id, deviceId: answer.device_id, accessToken: answer.access_token }
}
