import type { RoomEvent } from '../../src/matrix/events/room-event.ts'
import { isJsonObject, type JsonObject } from '../../src/matrix/json.ts'
import { findRoomVersionRules, type RoomVersionRules } from '../../src/matrix/room-versions/rules.ts'
import type { EventSigner } from '../../src/matrix/signing.ts'
import { type HttpsServer, serveWith } from './federation-https.ts'
import { honestAnswer } from './hostile-answers.ts'
import { HostileRoom, stateKeyOf } from './hostile-room.ts'
import { bodyOf, type HostileRequest, HostileServer } from './hostile-server.ts'

/** The server under test, as its peers reach it. */
export interface Target {
  readonly name: string
  /** Base URL of its plain listener. */
  readonly url: string
}

/** What the server under test answered. */
export interface PeerAnswer {
  readonly status: number
  readonly body: JsonObject
}

/** How a request may lie. */
export type RequestLies = NonNullable<Parameters<HostileServer['signedRequest']>[3]>

const METHODS = ['GET', 'PUT', 'POST'] as const
let fill = 100

/**
 * A homeserver on the loopback address that shares rooms with the server under test, and is honest until a test says otherwise: `on` takes an
 * answer over, `lie` changes what an honest server would say. What it sends is made by the test ({@link HostileRoom}), and checked by nobody.
 */
export class HostilePeer extends HostileServer {
  readonly rooms = new Map<string, HostileRoom>()
  /** PDUs that the server under test has sent, in order. */
  readonly received: JsonObject[] = []
  readonly #target: Target
  readonly #https: HttpsServer
  #transactions = 0

  private constructor(serverName: string, target: Target, https: HttpsServer) {
    fill += 1
    super(serverName, fill % 256)
    this.#target = target
    this.#https = https
  }

  /** Starts a peer with a certificate that the server under test trusts. */
  static async start(target: Target, tls: { readonly key: string; readonly certificate: string }): Promise<HostilePeer> {
    let peer: HostilePeer | undefined
    const https = await serveWith({ answer: async (request) => (peer === undefined ? Response.error() : peer.answer(request)) }, tls)
    peer = new HostilePeer(`localhost:${https.port}`, target, https)
    for (const method of METHODS) peer.on(method, /^/, (request) => peer.honest(request))
    return peer
  }

  /** A user of this server. */
  user(localpart: string): string {
    return `@${localpart}:${this.serverName}`
  }

  /** The rules of a room version. */
  rulesOf(version: string): RoomVersionRules {
    return rulesOf(version)
  }

  /** What an honest server would answer. */
  honest(request: HostileRequest): Response {
    return honestAnswer(this, request)
  }

  /** Changes what an honest server would answer. */
  lie(method: string, pattern: RegExp, change: (honest: JsonObject, request: HostileRequest) => JsonObject | Promise<JsonObject>): this {
    return this.on(method, pattern, async (request) => {
      const honest: unknown = await this.honest(request).json()
      return Response.json(await change(isJsonObject(honest) ? honest : {}, request))
    })
  }

  /** A signed request to the server under test. `path` is what follows `/_matrix/federation/`. */
  async ask(method: string, path: string, body?: JsonObject, lies: RequestLies = {}): Promise<PeerAnswer> {
    const request = this.signedRequest(method, `${this.#target.url}/_matrix/federation/${path}`, body, {
      destination: this.#target.name,
      ...lies,
    })
    const response = await fetch(request)
    const answer: unknown = await response.json()
    return { status: response.status, body: isJsonObject(answer) ? answer : { answer: Array.isArray(answer) ? answer : null } }
  }

  /** Sends events in one transaction; answers what became of each, by event ID. @throws Error where the transaction is refused. */
  async send(...events: readonly (RoomEvent | JsonObject)[]): Promise<Readonly<Record<string, { readonly error?: string }>>> {
    const { status, body } = await this.transaction(events.map((event) => ('eventId' in event ? event.pdu : event) as JsonObject))
    if (status !== 200 || !isJsonObject(body.pdus)) throw new Error(`the transaction was answered ${status}: ${JSON.stringify(body)}`)
    return body.pdus as Record<string, { error?: string }>
  }

  /** Sends a transaction as it is. */
  transaction(pdus: readonly JsonObject[], edus: readonly JsonObject[] = [], txnId = this.nextTxnId()): Promise<PeerAnswer> {
    const body = { origin: this.serverName, origin_server_ts: this.now(), pdus: [...pdus], edus: [...edus] }
    return this.ask('PUT', `v1/send/${encodeURIComponent(txnId)}`, body)
  }

  /** An ID that no transaction of this peer has had. */
  nextTxnId(): string {
    this.#transactions += 1
    return `t${this.#transactions}`
  }

  /** Founds a public room on this server; `content` is added to that of its create event. */
  found(version: string, creator: string, content: JsonObject = {}): HostileRoom {
    const room = HostileRoom.found(rulesOf(version), this.signer, creator, this.now(), content)
    this.rooms.set(room.roomId, room)
    return room
  }

  /** Joins a room of the server under test, honestly; answers the room as this server then holds it. */
  async join(roomId: string, userId: string): Promise<HostileRoom> {
    const { room, join } = await this.prepareJoin(roomId, userId)
    const { status, body } = await this.ask(
      'PUT',
      `v2/send_join/${encodeURIComponent(roomId)}/${encodeURIComponent(join.eventId)}`,
      join.pdu,
    )
    if (status !== 200) throw new Error(`send_join was answered ${status}: ${JSON.stringify(body)}`)
    for (const pdu of pdusOf(body.auth_chain)) room.keep(pdu)
    const state = new Map(
      pdusOf(body.state).map((pdu) => {
        const event = room.keep(pdu)
        return [stateKeyOf(event.type, event.stateKey), event]
      }),
    )
    room.events.set(join.eventId, join)
    room.before.set(join.eventId, new Map(state))
    room.line = { tips: [join], state: new Map([...state, [stateKeyOf('m.room.member', userId), join]]) }
    this.rooms.set(roomId, room)
    return room
  }

  /** A join made from the template of the server under test, not sent yet. */
  async prepareJoin(roomId: string, userId: string, signer: EventSigner = this.signer): Promise<{ room: HostileRoom; join: RoomEvent }> {
    const versions = Array.from({ length: 12 }, (_, n) => `ver=${n + 1}`).join('&')
    const path = `v1/make_join/${encodeURIComponent(roomId)}/${encodeURIComponent(userId)}?${versions}`
    const { status, body } = await this.ask('GET', path)
    if (status !== 200 || !isJsonObject(body.event)) throw new Error(`make_join was answered ${status}: ${JSON.stringify(body)}`)
    const room = new HostileRoom(roomId, rulesOf(String(body.room_version)), this.signer, this.now())
    const { event: template } = body
    const join = room.draft({
      sender: userId,
      type: 'm.room.member',
      stateKey: userId,
      content: isJsonObject(template.content) ? template.content : {},
      prevEvents: idsOf(template.prev_events),
      authEvents: idsOf(template.auth_events),
      depth: Number(template.depth),
      originServerTs: this.now(),
      signer,
    })
    return { room, join }
  }

  /** PDUs of one room that the server under test has sent, of one type. */
  receivedOf(roomId: string, type = 'm.room.message'): JsonObject[] {
    return this.received.filter((pdu) => pdu.room_id === roomId && pdu.type === type)
  }

  /** Notes a transaction of the server under test, and takes its events into the rooms. */
  takeTransaction(request: HostileRequest): void {
    for (const pdu of pdusOf(bodyOf(request).pdus)) {
      this.received.push(pdu)
      const room = typeof pdu.room_id === 'string' ? this.rooms.get(pdu.room_id) : undefined
      room?.take(pdu)
    }
  }

  async stop(): Promise<void> {
    await this.#https.close()
  }
}

/** JSON objects of a list. */
export function pdusOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

/** IDs of a list of references, which room versions 1 and 2 write as pairs of ID and hashes. */
function idsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map((reference) => String(Array.isArray(reference) ? reference[0] : reference)) : []
}

/** The rules of a version that exists. */
export function rulesOf(version: string): RoomVersionRules {
  const rules = findRoomVersionRules(version)
  if (rules === undefined) throw new Error(`no room version ${version}`)
  return rules
}
