import { type Answer, type BenchRequest, Connection } from './connection.ts'

const PASSWORD = 'correct horse battery staple'

/** What creates a room: the body of `POST /createRoom`. */
export type RoomRequest = Readonly<Record<string, unknown>>

function parse(answer: Answer): Record<string, unknown> {
  return JSON.parse(answer.body.toString('utf8')) as Record<string, unknown>
}

function text(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new Error(`the answer has no ${what}`)
  return value
}

let transactions = 0

/** A user of the benchmarked server, on a connection of their own. */
export class MatrixClient {
  readonly userId: string
  readonly #url: string
  readonly #token: string
  #connection: Connection
  /** `next_batch` of the latest sync. */
  since: string | undefined

  constructor(url: string, userId: string, token: string) {
    this.#url = url
    this.userId = userId
    this.#token = token
    this.#connection = new Connection(url)
  }

  /** Registers a user; registration must be open. */
  static async register(url: string, username: string): Promise<MatrixClient> {
    const connection = new Connection(url)
    const body = JSON.stringify({ auth: { type: 'm.login.dummy' }, username, password: PASSWORD, initial_device_display_name: 'bench' })
    const answer = await connection.request({ method: 'POST', path: '/_matrix/client/v3/register', body })
    connection.close()
    if (answer.status !== 200) throw new Error(`register ${username}: ${answer.status} ${answer.body.toString('utf8')}`)
    const { user_id: userId, access_token: token } = parse(answer)
    return new MatrixClient(url, text(userId, 'user_id'), text(token, 'access_token'))
  }

  /** Opens a new connection, after the server was restarted. */
  reconnect(): void {
    this.#connection.close()
    this.#connection = new Connection(this.#url)
  }

  /** The same user and device on another connection, for requests at once. */
  onNewConnection(): MatrixClient {
    return new MatrixClient(this.#url, this.userId, this.#token)
  }

  close(): void {
    this.#connection.close()
  }

  /** A request in this user's name. Throws unless it is answered with 200. */
  async request(request: Omit<BenchRequest, 'token'>): Promise<Answer> {
    const answer = await this.#connection.request({ ...request, token: this.#token })
    if (answer.status !== 200) {
      throw new Error(`${request.method} ${request.path}: ${answer.status} ${answer.body.toString('utf8').slice(0, 500)}`)
    }
    return answer
  }

  post(path: string, body: unknown = {}): Promise<Answer> {
    return this.request({ method: 'POST', path: `/_matrix/client/v3${path}`, body: JSON.stringify(body) })
  }

  get(path: string): Promise<Answer> {
    return this.request({ method: 'GET', path: `/_matrix/client/v3${path}` })
  }

  async createRoom(room: RoomRequest): Promise<string> {
    return text(parse(await this.post('/createRoom', room)).room_id, 'room_id')
  }

  invite(roomId: string, userId: string): Promise<Answer> {
    return this.post(`/rooms/${encodeURIComponent(roomId)}/invite`, { user_id: userId })
  }

  join(roomId: string): Promise<Answer> {
    return this.post(`/join/${encodeURIComponent(roomId)}`)
  }

  /** Sends a text message under a new transaction ID. */
  send(roomId: string, message = 'The quick brown fox jumps over the lazy dog.'): Promise<Answer> {
    transactions += 1
    return this.request({
      method: 'PUT',
      path: `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/send/m.room.message/bench${transactions}`,
      body: JSON.stringify({ msgtype: 'm.text', body: message }),
    })
  }

  /** Syncs from the latest position, or from the beginning, and moves the position. */
  async sync(timeoutMs: number): Promise<Answer> {
    const since = this.since === undefined ? '' : `&since=${encodeURIComponent(this.since)}`
    const answer = await this.get(`/sync?timeout=${timeoutMs}${since}`)
    // Not parsed as a whole: an initial sync has megabytes.
    const found = /"next_batch":"([^"]+)"/.exec(answer.body.toString('latin1'))
    this.since = text(found?.[1], 'next_batch')
    return answer
  }
}
