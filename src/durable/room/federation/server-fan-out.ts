import { parseUserId } from '../../../matrix/ids/user-id.ts'
import { whileOutgoing } from '../../../runtime/draining.ts'
import { log } from '../../../runtime/log.ts'
import { countCost } from '../../../runtime/metrics.ts'
import { inTurns } from '../../../runtime/turns.ts'
import type { DueResult } from '../../../storage/due-table.ts'
import type { StoredEvent } from '../../../storage/room/events.ts'
import type { Draft } from '../append/draft.ts'
import type { RoomCore } from '../room-core.ts'
import { removesUserOf } from './events-for-server.ts'
import { SERVERS_PARALLEL } from './limits.ts'
import type { OtherServers } from './other-servers.ts'

/** `due` kind of the work of telling other servers' queues. */
export const FEDERATION_DUE = 'federation'
/** When the alarm looks whether they were told; the first attempt does not wait for it. */
export const FEDERATION_RETRY_MS = 25_000
/** Servers read from storage at a time. */
const SERVERS_PAGE = 1000

/** Room → remote server's queue: there is something for the server. Durable when answered; repeating it changes nothing. */
export interface RoomNews {
  readonly roomId: string
  /** A queue that does not know the room yet starts behind this position; one that does goes on where it is. */
  readonly fromPos: number
  /** The room's newest position: the queue asks `eventsForServer` until it is there. */
  readonly headPos: number
}

/** What the queue of another server offers rooms. */
export interface RemoteQueue {
  roomNews(news: RoomNews): Promise<unknown>
}

/**
 * Tells the queues of other servers what was committed. `federation_pos` says up to where all of them know; it is written with a later commit, and the
 * `due` row of the event's commit makes the alarm repeat what a crash cut off. A room of one server does nothing of this.
 */
export class ServerFanOut implements OtherServers {
  readonly #core: RoomCore
  readonly #queueOf: (serverName: string) => RemoteQueue
  /** Up to where everybody was told, as far as this life of the object knows. */
  #toldPos: number | undefined
  #telling: Promise<boolean> | undefined
  #again = false

  constructor(core: RoomCore, queueOf: (serverName: string) => RemoteQueue) {
    this.#core = core
    this.#queueOf = queueOf
  }

  /** Position that the next commit writes as `federation_pos`. */
  get toldPos(): number {
    return Math.max(this.#toldPos ?? 0, this.#core.findHead()?.federationPos ?? 0)
  }

  /** Plans the work in the commit that makes it necessary. The caller holds the transaction. */
  plan(draft: Draft): void {
    draft.tellsServers = draft.outgoing && this.#concerns(draft)
    if (draft.tellsServers) this.#core.due.ensure(FEDERATION_DUE, '', this.#core.nowMs() + FEDERATION_RETRY_MS)
  }

  /** Something was committed. */
  committed(draft: Draft): void {
    if (draft.tellsServers) this.#core.ctx.waitUntil(this.#tell())
  }

  /** Due work of kind {@link FEDERATION_DUE}. */
  async run(): Promise<DueResult> {
    if (this.#core.head.headPos <= this.toldPos) return 'settled'
    return (await this.#tell()) ? 'settled' : { again: this.#core.nowMs() + FEDERATION_RETRY_MS }
  }

  /** Whether a commit holds something that another server may have to hear of. */
  #concerns(draft: Draft): boolean {
    const { serverName } = this.#core.config
    const isOfOthers = (userId: string): boolean => parseUserId(userId)?.serverName !== serverName
    const removed = draft.appended.some(
      (event) => event.stateKey !== undefined && isOfOthers(event.stateKey) && removesAnybody(this.#core, event),
    )
    return removed || this.#core.members.hasRemoteJoined()
  }

  #tell(): Promise<boolean> {
    if (this.#telling !== undefined) {
      this.#again = true
      return this.#telling
    }
    this.#telling = whileOutgoing(this.#tellAll()).finally(() => {
      this.#telling = undefined
      if (!this.#again) return
      this.#again = false
      this.#core.ctx.waitUntil(this.#tell())
    })
    return this.#telling
  }

  async #tellAll(): Promise<boolean> {
    const { roomId, headPos } = this.#core.head
    const fromPos = this.toldPos
    if (headPos <= fromPos) return true
    const servers = [...this.#servers(fromPos)]
    let all = true
    await inTurns(servers, SERVERS_PARALLEL, async (serverName) => {
      const isTold = await this.#tellOne(serverName, { roomId, fromPos, headPos })
      all &&= isTold
    })
    if (all) this.#toldPos = headPos
    return all
  }

  async #tellOne(serverName: string, news: RoomNews): Promise<boolean> {
    countCost('rpc')
    try {
      await this.#queueOf(serverName).roomNews(news)
      return true
    } catch (cause) {
      log.warn('the queue of another server will be told again', cause)
      return false
    }
  }

  /** Servers in the room, and those whose users were removed since a position. */
  #servers(fromPos: number): Set<string> {
    const core = this.#core
    const servers = new Set<string>()
    for (let after = ''; ; ) {
      const page = core.members.joinedServers(after, SERVERS_PAGE)
      for (const serverName of page) servers.add(serverName)
      const last = page.at(-1)
      if (last === undefined || page.length < SERVERS_PAGE) break
      after = last
    }
    for (const { newNid, oldNid } of core.state.changes(fromPos, core.head.headPos)) {
      const event = core.events.get(newNid !== 0 ? newNid : oldNid)
      if (event.type !== 'm.room.member') continue
      const serverName = parseUserId(event.stateKey ?? '')?.serverName
      if (serverName !== undefined && removesUserOf(core, event, serverName)) servers.add(serverName)
    }
    servers.delete(core.config.serverName)
    return servers
  }
}

function removesAnybody(core: RoomCore, event: StoredEvent): boolean {
  const serverName = parseUserId(event.stateKey ?? '')?.serverName
  return serverName !== undefined && removesUserOf(core, event, serverName)
}
