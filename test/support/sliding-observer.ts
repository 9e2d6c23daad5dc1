import type { ClientEvent, MatrixClient } from './matrix-client.ts'

/*
 * A client of sliding sync that keeps what it is told, as the proposal has clients do it (MSC4186).
 */

/** One room of a response. */
export interface SlidingRoom {
  readonly initial?: boolean
  readonly membership?: string
  readonly name?: string | null
  readonly timeline?: readonly ClientEvent[]
  readonly required_state?: readonly ClientEvent[]
  readonly limited?: boolean
  readonly num_live?: number
  readonly prev_batch?: string
  readonly expanded_timeline?: boolean
  readonly joined_count?: number
  readonly invited_count?: number
  readonly notification_count?: number
  readonly highlight_count?: number
  readonly bump_stamp?: number
  readonly is_dm?: boolean
  readonly heroes?: readonly { readonly user_id: string; readonly displayname?: string }[]
  readonly invite_state?: readonly ClientEvent[]
  readonly stripped_state?: readonly ClientEvent[]
}

/** A response. */
export interface SlidingResponse {
  readonly pos: string
  readonly lists: Readonly<Record<string, { readonly count: number }>>
  readonly rooms: Readonly<Record<string, SlidingRoom>>
  // biome-ignore lint/suspicious/noExplicitAny: tests look into extensions of every shape.
  readonly extensions: any
}

/** What a client holds of one room. */
export class SlidRoom {
  membership: string | undefined
  readonly state = new Map<string, ClientEvent>()
  /** Everything since the latest gap, in order. */
  timeline: string[] = []
  name: string | null | undefined
  joined: number | undefined
  notifications = 0
  /** Account data of the room by type. */
  readonly accountData = new Map<string, unknown>()
  /** The event that each kind of receipt of each user is on, by JSON of kind, user and thread. */
  readonly receipts = new Map<string, string>()
}

/** Follows one connection. */
export class SlidingObserver {
  readonly client: MatrixClient
  readonly rooms = new Map<string, SlidRoom>()
  readonly path: string
  /** Global account data by type. */
  readonly accountData = new Map<string, unknown>()
  pos: string | undefined
  readonly connectionId: string

  constructor(client: MatrixClient, connectionId: string, form: 'unstable' | 'v4' = 'unstable') {
    this.client = client
    this.connectionId = connectionId
    this.path = form === 'v4' ? '/v4/sync' : '/unstable/org.matrix.simplified_msc3575/sync'
  }

  get isV4(): boolean {
    return this.path === '/v4/sync'
  }

  /** One request, not taken in. */
  ask(body: Readonly<Record<string, unknown>>, timeoutMs = 0, pos = this.pos): Promise<SlidingResponse> {
    if (this.isV4) return this.client.call('POST', this.path, { body: { ...body, conn_id: this.connectionId, pos, timeout: timeoutMs } })
    const query = { timeout: String(timeoutMs), ...(pos === undefined ? {} : { pos }) }
    return this.client.call('POST', this.path, { body: { ...body, conn_id: this.connectionId }, query })
  }

  /** One request, taken in. */
  async once(body: Readonly<Record<string, unknown>>, timeoutMs = 0): Promise<SlidingResponse> {
    const response = await this.ask(body, timeoutMs)
    this.take(response)
    return response
  }

  /** Takes in a response. */
  take(response: SlidingResponse): void {
    this.pos = response.pos
    for (const [roomId, told] of Object.entries(response.rooms)) this.#takeRoom(roomId, told)
    const accountData = response.extensions['org.matrix.msc4548.account_data'] ?? response.extensions.account_data
    const receipts = response.extensions['org.matrix.msc4551.receipts'] ?? response.extensions.receipts
    for (const { type, content } of accountData?.global ?? []) this.accountData.set(type, content)
    for (const [roomId, events] of entriesOf<readonly { type: string; content: unknown }[]>(accountData?.rooms)) {
      for (const { type, content } of events) this.rooms.get(roomId)?.accountData.set(type, content)
    }
    for (const [roomId, told] of entriesOf<ReceiptContent & { readonly content: ReceiptContent }>(receipts?.rooms)) {
      for (const [key, eventId] of receiptsIn(this.isV4 ? told : told.content)) this.rooms.get(roomId)?.receipts.set(key, eventId)
    }
  }

  /** The server has forgotten the connection: it starts over. */
  startOver(): void {
    this.pos = undefined
    this.rooms.clear()
    this.accountData.clear()
  }

  #takeRoom(roomId: string, told: SlidingRoom): void {
    let room = this.rooms.get(roomId)
    if (room === undefined || told.initial === true) room = new SlidRoom()
    this.rooms.set(roomId, room)
    const stripped = told.invite_state ?? told.stripped_state
    if (stripped !== undefined) room.membership = 'invite'
    for (const event of [...(told.timeline ?? []), ...(told.required_state ?? [])]) {
      if (event.state_key === undefined) continue
      const key = `${event.type} ${event.state_key}`
      if (event.content === undefined) room.state.delete(key)
      else if ((told.required_state ?? []).includes(event)) room.state.set(key, event)
      if (event.type === 'm.room.member' && event.state_key === this.client.userId && event.content !== undefined) {
        room.membership = String(event.content.membership)
      }
    }
    const shown = (told.timeline ?? []).map(({ event_id }) => event_id)
    if (told.limited === true) room.timeline = shown
    else room.timeline.push(...shown.filter((id) => !room.timeline.includes(id)))
    if (told.name !== undefined || told.initial === true) room.name = told.name
    room.joined = told.joined_count ?? room.joined
    room.notifications = told.notification_count ?? room.notifications
  }
}

/** The content of an `m.receipt` event: kinds, users and their receipts by event. */
export type ReceiptContent = Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, { readonly thread_id?: string }>>>>>>

/** Where each receipt is. */
export function receiptsIn(content: ReceiptContent): [key: string, eventId: string][] {
  return Object.entries(content).flatMap(([eventId, kinds]) =>
    Object.entries(kinds).flatMap(([kind, users]) =>
      Object.entries(users).map(([userId, { thread_id }]): [string, string] => [
        JSON.stringify([kind, userId, thread_id ?? null]),
        eventId,
      ]),
    ),
  )
}

function entriesOf<T>(byRoom: Readonly<Record<string, T>> | undefined): [string, T][] {
  return Object.entries(byRoom ?? {})
}
