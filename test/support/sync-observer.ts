import {
  type BareEvent,
  type ClientEvent,
  type MatrixClient,
  MatrixRequestError,
  type SyncedRoom,
  type SyncResponse,
} from './matrix-client.ts'

/** How long a poll waits for news, in milliseconds. */
const POLL_TIMEOUT_MS = 10_000
/** Pause after a poll that got no answer, in milliseconds. */
const RETRY_MS = 50
/** Pages that filling one gap may take. */
const MAX_GAP_PAGES = 200

/** A room as one device has been told of it. */
export class ObservedRoom {
  section: 'join' | 'leave' = 'join'
  /** Whether the device was ever told of it as joined. */
  wasJoined = false
  /** How often each event came, by any way. */
  readonly counts = new Map<string, number>()
  /** Events in the order in which timelines of sync brought them for the first time. */
  readonly timeline: ClientEvent[] = []
  /** Events that paging brought where a timeline was limited. */
  readonly filled: ClientEvent[] = []
  /** Current state by type and state key, as the rules of the specification have clients compute it. */
  readonly state = new Map<string, ClientEvent>()
  readonly ephemeral: BareEvent[] = []
  readonly accountData: BareEvent[] = []

  /** Notes an event; answers whether it is the first time. */
  note(event: ClientEvent): boolean {
    const count = this.counts.get(event.event_id) ?? 0
    this.counts.set(event.event_id, count + 1)
    return count === 0
  }

  /** Events that came more than once. */
  get repeated(): string[] {
    return [...this.counts].filter(([, count]) => count > 1).map(([eventId]) => eventId)
  }
}

/** What may differ between observers. */
export interface ObserverOptions {
  /** Query parameter `filter`. */
  readonly filter?: string
  /** Start here instead of with an initial sync. */
  readonly since?: string
  readonly timeoutMs?: number
}

/** Syncs one device as a client does, and keeps everything it is told. Where a timeline is limited it pages backwards to what it knows, or to the start. */
export class SyncObserver {
  readonly client: MatrixClient
  readonly rooms = new Map<string, ObservedRoom>()
  readonly invites = new Map<string, readonly ClientEvent[]>()
  readonly accountData: BareEvent[] = []
  /** Tokens received, oldest first. */
  readonly tokens: string[] = []
  /** What polls were refused with; a broken connection is no refusal. */
  readonly refusals: MatrixRequestError[] = []
  responses = 0
  since: string | undefined
  readonly #options: ObserverOptions
  #running: Promise<void> | undefined
  #stop = new AbortController()
  readonly #waiting = new Set<() => void>()

  constructor(client: MatrixClient, options: ObserverOptions = {}) {
    this.client = client
    this.#options = options
    this.since = options.since
  }

  room(roomId: string): ObservedRoom {
    let room = this.rooms.get(roomId)
    if (room === undefined) {
      room = new ObservedRoom()
      this.rooms.set(roomId, room)
    }
    return room
  }

  hasEvent(roomId: string, eventId: string): boolean {
    return this.rooms.get(roomId)?.counts.has(eventId) === true
  }

  /** One sync request, waited for and taken in. A `filter` here is for this request only. */
  async once(timeoutMs = 0, filter = this.#options.filter): Promise<SyncResponse> {
    const query = { since: this.since, timeout: String(timeoutMs), filter }
    const response = await this.client.sync(query, this.#stop.signal)
    await this.take(response)
    return response
  }

  /** Takes in a response as a client does. */
  async take(response: SyncResponse): Promise<void> {
    for (const [roomId, room] of Object.entries(response.rooms?.join ?? {})) await this.#takeRoom(roomId, 'join', room)
    for (const [roomId, room] of Object.entries(response.rooms?.leave ?? {})) await this.#takeRoom(roomId, 'leave', room)
    for (const [roomId, room] of Object.entries(response.rooms?.invite ?? {})) this.invites.set(roomId, room.invite_state?.events ?? [])
    this.accountData.push(...(response.account_data?.events ?? []))
    this.since = response.next_batch
    this.tokens.push(response.next_batch)
    this.responses += 1
    for (const wake of [...this.#waiting]) wake()
  }

  /** Polls until {@link stop}, also over crashes of the server. */
  start(): this {
    this.#stop = new AbortController()
    this.#running ??= this.#loop(this.#stop.signal)
    return this
  }

  /** Ends polling; the poll under way is given up. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
    this.#running = undefined
    this.#stop = new AbortController()
  }

  /** Waits until a condition holds, looked at after every response. @throws Error naming `what` at the deadline. */
  async until(what: string, condition: () => boolean, deadlineMs: number): Promise<void> {
    if (condition()) return
    await new Promise<void>((resolve, reject) => {
      const done = (): void => {
        if (!condition()) return
        this.#waiting.delete(done)
        clearTimeout(timer)
        resolve()
      }
      const timer = setTimeout(() => {
        this.#waiting.delete(done)
        reject(new Error(`${this.client.userId} ${this.client.deviceId}: ${what} did not happen within ${deadlineMs} ms`))
      }, deadlineMs)
      this.#waiting.add(done)
    })
  }

  async #loop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.once(this.#options.timeoutMs ?? POLL_TIMEOUT_MS)
      } catch (cause) {
        if (cause instanceof MatrixRequestError) this.refusals.push(cause)
        if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      }
    }
  }

  async #takeRoom(roomId: string, section: 'join' | 'leave', synced: SyncedRoom): Promise<void> {
    const events = synced.timeline?.events ?? []
    // Asked before anything is taken in, so that a failure here repeats the whole response.
    const missing = synced.timeline?.limited === true ? await this.#page(roomId, synced.timeline.prev_batch) : []
    const room = this.room(roomId)
    this.invites.delete(roomId)
    room.section = section
    room.wasJoined ||= section === 'join'
    for (const event of missing) if (room.note(event)) room.filled.push(event)
    for (const event of synced.state?.events ?? []) setState(room, event)
    for (const event of events) {
      if (room.note(event)) room.timeline.push(event)
      if (event.state_key !== undefined) setState(room, event)
    }
    for (const event of synced.state_after?.events ?? []) setState(room, event)
    room.ephemeral.push(...(synced.ephemeral?.events ?? []))
    room.accountData.push(...(synced.account_data?.events ?? []))
  }

  /** What lies between a limited timeline and what is known already, oldest first. */
  async #page(roomId: string, prevBatch: string | undefined): Promise<ClientEvent[]> {
    const missing: ClientEvent[] = []
    let from = prevBatch
    for (let page = 0; page < MAX_GAP_PAGES && from !== undefined; page += 1) {
      const answer = await this.client.messages(roomId, { from })
      for (const event of answer.chunk) {
        if (this.hasEvent(roomId, event.event_id)) return missing.reverse()
        missing.push(event)
      }
      from = answer.end
    }
    return missing.reverse()
  }
}

/** The key under which an observer keeps a state event. */
export function stateKeyOf(event: ClientEvent): string {
  return `${event.type} ${event.state_key ?? ''}`
}

function setState(room: ObservedRoom, event: ClientEvent): void {
  room.state.set(stateKeyOf(event), event)
}
