import { forbidden } from '../../../matrix/errors.ts'
import { readEvent } from '../../../matrix/events/read-event.ts'
import { parseUserId } from '../../../matrix/ids/user-id.ts'
import { isJsonObject } from '../../../matrix/json.ts'
import { toMembership } from '../../../matrix/membership.ts'
import type { RoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import { lastStagedImport, type StagedImportRow, stagedImport, stagedImportsByDepth } from '../../../storage/room/import-staging.ts'
import { type ImportedEntry, importedState, writeImportedMembers, writeImportedState } from '../../../storage/room/imported-state.ts'
import { importOutlier } from '../graph/import-outlier.ts'
import type { RoomCore } from '../room-core.ts'
import { IMPORT_SLICE_EVENTS, IMPORT_STATE_ROWS, MAX_IMPORT_PASSES, MAX_TOLD_MEMBERS } from './limits.ts'

/** What an import works with: the room is not yet what it will be, so nothing is read from its head. */
export interface ImportTarget {
  readonly core: RoomCore
  readonly roomId: string
  readonly rules: RoomVersionRules
  /** Where a room that was never here begins: its state is written as of this position while it is brought. `undefined` where it comes back. */
  readonly foundedAtPos: number | undefined
}

/**
 * The checks of everything that was staged for a join, a slice at a time: events by the rules in an order that puts each behind what it rests on, then the state
 * before the join. In memory, because all of it can be done again from the rows: what was kept already is passed over.
 */
export class ImportProgress {
  readonly #target: ImportTarget
  /** The state before the join: event number by key number. */
  readonly #state = new Map<number, number>()
  /** Where the pass in order of depth is; `undefined` once it is over. */
  #byDepth: { readonly depth: number; readonly seq: number } | undefined = { depth: -1, seq: 0 }
  /** Rows whose auth events were not there when it was their turn. */
  #left: number[] = []
  #stillLeft: number[] = []
  #passes = 0
  /** Whether the current pass has kept anything. */
  #helped = false
  #stateSeq = 0
  #lastSeq: number | undefined
  #refused = 0
  #isDone = false

  constructor(target: ImportTarget) {
    this.#target = target
  }

  /** Whether everything has been looked at. */
  get isDone(): boolean {
    return this.#isDone
  }

  /** Events that the rules refuse, or whose auth events nobody has sent. */
  get refused(): number {
    return this.#refused
  }

  /** The state before the join, once everything has been looked at. */
  get state(): ReadonlyMap<number, number> {
    return this.#state
  }

  /** One slice of work. The caller holds the transaction, and throws this away if it fails. @throws MatrixError M_FORBIDDEN. */
  step(): void {
    if (this.#byDepth !== undefined) this.#stepByDepth(this.#byDepth)
    else if (this.#left.length > 0 || this.#stillLeft.length > 0) this.#stepThroughLeft()
    else this.#stepThroughState()
  }

  #stepByDepth(after: { readonly depth: number; readonly seq: number }): void {
    const rows = stagedImportsByDepth(this.#target.core.store, after, IMPORT_SLICE_EVENTS)
    for (const row of rows) if (!this.#keep(row)) this.#left.push(row.seq)
    const last = rows.at(-1)
    this.#byDepth = last === undefined ? undefined : { depth: last.depth, seq: last.seq }
  }

  /** Depths are what servers say they are. What they misplace is gone through again, each time the other way round, as long as that helps. */
  #stepThroughLeft(): void {
    for (let looked = 0; looked < IMPORT_SLICE_EVENTS; looked += 1) {
      const seq = this.#left.pop()
      if (seq === undefined) break
      const row = stagedImport(this.#target.core.store, seq)
      if (row !== undefined && !this.#keep(row)) this.#stillLeft.push(seq)
      else this.#helped = true
    }
    if (this.#left.length > 0) return
    this.#passes += 1
    this.#left = this.#stillLeft
    this.#stillLeft = []
    if (this.#helped && this.#passes < MAX_IMPORT_PASSES) {
      this.#helped = false
      return
    }
    this.#refused += this.#left.length
    this.#left = []
  }

  /** Keeps an event, as an outlier or as rejected; false if what it rests on is not here yet. */
  #keep({ eventId, pdu }: StagedImportRow): boolean {
    const { core, roomId, rules } = this.#target
    if (core.events.findById(eventId) !== undefined) return true
    const parsed: unknown = JSON.parse(pdu)
    if (!isJsonObject(parsed)) throw new Error('a staged event is not an object')
    const verdict = importOutlier(core, readEvent(parsed, eventId, roomId, rules), rules, roomId)
    if (verdict.kind === 'rejected') this.#refused += 1
    return verdict.kind !== 'missing'
  }

  #stepThroughState(): void {
    const { store, keys } = this.#target.core
    this.#lastSeq ??= lastStagedImport(store)
    const upToSeq = this.#stateSeq + IMPORT_STATE_ROWS
    const entries = importedState(store, this.#stateSeq, upToSeq)
    keys.forgetCache()
    for (const { kid, nid } of entries) {
      const known = this.#state.get(kid)
      if (known !== undefined && known !== nid) throw forbidden('The other server names two events for one part of the state')
      this.#state.set(kid, nid)
    }
    this.#found(entries)
    this.#stateSeq = upToSeq
    this.#isDone = upToSeq >= this.#lastSeq
  }

  /** Writes current state and members of a room that was never here. */
  #found(entries: readonly ImportedEntry[]): void {
    const { core, foundedAtPos } = this.#target
    if (foundedAtPos === undefined) return
    // Users of this server are told of their memberships when the join ends.
    const isOwn = ({ member }: ImportedEntry): boolean =>
      member !== undefined && parseUserId(member.userId)?.serverName === core.config.serverName
    const moved = entries.filter((entry) => entry.currentNid !== entry.nid && !isOwn(entry))
    if (moved.length === 0) return
    const members = moved.flatMap(({ nid, member }) => {
      if (member === undefined) return []
      const membership = toMembership(member.membership)
      if (membership === 'join' && core.movedRemoteMembers.size < MAX_TOLD_MEMBERS) core.movedRemoteMembers.add(member.userId)
      return [{ nid, membership }]
    })
    writeImportedState(core.store, moved, foundedAtPos)
    writeImportedMembers(core.store, members, foundedAtPos)
    core.state.forgetCache()
    core.members.forgetCache()
  }
}
