import { encodeBase64 } from '../../src/matrix/base64.ts'
import type { RoomEvent } from '../../src/matrix/events/room-event.ts'
import { isServerName } from '../../src/matrix/ids/server-name.ts'
import { isJsonObject, type JsonObject } from '../../src/matrix/json.ts'
import { createSigner, type EventSigner, publicKeyOfSeed, signJson } from '../../src/matrix/signing.ts'
import { rulesOf } from './hostile-peer.ts'
import { HostileRoom, type Line } from './hostile-room.ts'
import { bodyOf, type HostileRequest, HostileServer } from './hostile-server.ts'

/** How large a made-up room is. */
export interface GiantSize {
  readonly members: number
  /** Membership events of each member before the one in force: what the auth chain consists of. */
  readonly earlier: number
  /** Servers that the members are of, each with a key of its own. */
  readonly servers: number
}

/** Bytes of an answer that are handed to the network at once. */
const PIECE_BYTES = 256 * 1024
const KEY_ID = 'ed25519:a_giant'
const DAY_MS = 86_400_000

/**
 * A room with very many members of very many servers, and the one server that has it: it lets anybody join, tells everything it was asked for, and knows the keys
 * of all the others, which cannot be reached.
 */
export class GiantRoom {
  readonly room: HostileRoom
  readonly owner: HostileServer
  /** Events of the answer to a join. */
  readonly events: number
  readonly #seeds = new Map<string, Uint8Array>()
  /** Whether members are left out of the answer to a join that can do without (MSC3706). */
  omitsMembers = false
  /** What questions for the whole state wait for. */
  stateGate: Promise<void> = Promise.resolve()
  readonly #state: readonly Buffer[]
  readonly #chain: readonly Buffer[]
  readonly #founding: readonly RoomEvent[]
  readonly #stateIds: readonly string[]
  readonly #chainIds: readonly string[]
  readonly #signers = new Map<string, EventSigner>()

  constructor(serverName: string, size: GiantSize, nowMs: number) {
    this.owner = new HostileServer(serverName, 77)
    this.room = HostileRoom.found(rulesOf('11'), this.owner.signer, `@creator:${serverName}`, nowMs)
    const founding = [...this.room.line.state.values()]
    const { current, earlier } = this.#members(size, nowMs)
    this.events = founding.length + current.length + earlier.length
    this.#founding = founding
    this.#stateIds = [...current, ...founding].map(({ eventId }) => eventId)
    this.#chainIds = earlier.map(({ eventId }) => eventId)
    // What is in force now comes first and newest first, as far from the order of authority as an honest server may send it.
    this.#state = buffers([...current.reverse(), ...founding])
    this.#chain = buffers(earlier.reverse())
    this.#script()
  }

  #members({ members, earlier: changes, servers }: GiantSize, originServerTs: number): { current: RoomEvent[]; earlier: RoomEvent[] } {
    const signers = Array.from({ length: servers }, (_, index) => this.#signerOf(index))
    const [current, earlier]: [RoomEvent[], RoomEvent[]] = [[], []]
    let { line } = this.room
    for (let index = 0; index < members; index += 1) {
      const signer = signers[index % servers] as EventSigner
      const sender = `@member${index}:${signer.serverName}`
      const founding = { tips: line.tips, state: new Map(this.room.line.state) }
      let own: Line = founding
      for (let change = 0; change <= changes; change += 1) {
        const content = {
          membership: 'join',
          displayname: `Member number ${index}, called ${change}`,
          avatar_url: `mxc://${signer.serverName}/${index}`,
        }
        const next = this.room.next(own, { sender, type: 'm.room.member', stateKey: sender, content, signer, originServerTs })
        own = next.line
        ;(change === changes ? current : earlier).push(next.event)
        // The room forgets it: the test is of the server that joins.
        this.room.events.delete(next.event.eventId)
        this.room.before.delete(next.event.eventId)
      }
      line = { tips: own.tips, state: line.state }
    }
    this.room.line = { tips: line.tips, state: this.room.line.state }
    return { current, earlier }
  }

  #signerOf(index: number): EventSigner {
    const serverName = `server${index}.example`
    const seed = new Uint8Array(32)
    new DataView(seed.buffer).setUint32(0, index + 1)
    this.#seeds.set(serverName, seed)
    const signer = createSigner(serverName, KEY_ID, seed)
    this.#signers.set(serverName, signer)
    return signer
  }

  #script(): void {
    const { owner, room } = this
    owner.on('GET', /\/v1\/make_join\//, ({ path }) => {
      const userId = decodeURIComponent(path.split('/').at(-1) ?? '')
      const template = room.draft({ sender: userId, type: 'm.room.member', stateKey: userId, content: { membership: 'join' } })
      return Response.json({ room_version: room.rules.version, event: template.pdu })
    })
    owner.on('PUT', /\/v2\/send_join\//, (request) => this.answer(request))
    owner.on('GET', /\/v1\/state_ids\//, async () => {
      await this.stateGate
      return Response.json({ pdu_ids: this.#stateIds, auth_chain_ids: this.#chainIds })
    })
    owner.on('GET', /\/v1\/state\//, () => streamed('{"pdus":[', this.#state, this.#chain))
    owner.on('PUT', /\/v1\/send\//, () => Response.json({ pdus: {} }))
    owner.on('POST', /\/_matrix\/key\/v2\/query$/, (request) => {
      const { server_keys: wanted } = bodyOf(request)
      const names = isJsonObject(wanted) ? Object.keys(wanted).filter(isServerName) : []
      return Response.json({ server_keys: names.flatMap((name) => this.#keysOf(name) ?? []) })
    })
  }

  #keysOf(serverName: string): JsonObject | undefined {
    const seed = this.#seeds.get(serverName)
    if (seed === undefined) return undefined
    const verifyKeys = { [KEY_ID]: { key: encodeBase64(publicKeyOfSeed(seed)) } }
    const document = { server_name: serverName, valid_until_ts: this.owner.now() + DAY_MS, verify_keys: verifyKeys, old_verify_keys: {} }
    return signJson(signJson(document, createSigner(serverName, KEY_ID, seed)), this.owner.signer)
  }

  /** The answer to `send_join`. */
  answer(request: HostileRequest): Response {
    const omits = this.omitsMembers && request.uri.includes('omit_members=true')
    const head = { origin: this.owner.serverName, event: bodyOf(request), members_omitted: omits }
    if (!omits) return streamed(`${JSON.stringify(head).slice(0, -1)},"state":[`, this.#state, this.#chain)
    const isMember = ({ type }: RoomEvent): boolean => type === 'm.room.member'
    const pdus = (events: readonly RoomEvent[]): JsonObject[] => events.map(({ pdu }) => pdu)
    return Response.json({
      ...head,
      servers_in_room: [this.owner.serverName, ...this.#signers.keys()],
      state: pdus(this.#founding.filter((event) => !isMember(event))),
      auth_chain: pdus(this.#founding.filter(isMember)),
    })
  }
}

/** A state and its auth chain as a server of a large room sends them. */
function streamed(head: string, state: readonly Buffer[], chain: readonly Buffer[]): Response {
  const pieces = function* () {
    yield Buffer.from(head)
    yield* state
    yield Buffer.from('],"auth_chain":[')
    yield* chain
    yield Buffer.from(']}')
  }
  const iterator = pieces()
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      const { done, value } = iterator.next()
      if (done === true) controller.close()
      else controller.enqueue(value)
    },
  })
  return new Response(body, { headers: { 'content-type': 'application/json' } })
}

/** Events as JSON joined by commas, in pieces. */
function buffers(events: readonly RoomEvent[]): Buffer[] {
  const pieces: Buffer[] = []
  let texts: string[] = []
  let chars = 0
  const flush = (isLast: boolean): void => {
    if (texts.length > 0) pieces.push(Buffer.from(texts.join(',') + (isLast ? '' : ',')))
    texts = []
    chars = 0
  }
  for (const [index, { pdu }] of events.entries()) {
    const text = JSON.stringify(pdu)
    texts.push(text)
    chars += text.length
    const isLast = index === events.length - 1
    if (isLast || chars > PIECE_BYTES) flush(isLast)
  }
  return pieces
}
