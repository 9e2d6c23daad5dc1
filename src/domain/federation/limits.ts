import { USABLE_ROOM_VERSIONS } from '../../runtime/config.ts'

/** Bounds of what this server asks of others and takes from them about rooms, in one place. Times in milliseconds. */

/** Room versions that this server joins and hosts together with others. */
export const FEDERATED_ROOM_VERSIONS: readonly string[] = USABLE_ROOM_VERSIONS
/** Servers asked in turn for one membership. */
export const MAX_CANDIDATE_SERVERS = 8
/** A `make_…` request, or an invitation. */
export const MAKE_TIMEOUT_MS = 20_000
/** A `send_…` request. */
export const SEND_TIMEOUT_MS = 90_000
/** The answer to `send_join`, all of it. */
export const JOIN_ANSWER_TIMEOUT_MS = 10 * 60_000
/** Body of the answer to `send_join`: read as it arrives, never held whole. */
export const MAX_JOIN_ANSWER_BYTES = 512 * 1024 * 1024
/** Events in it. */
export const MAX_JOIN_EVENTS = 400_000
/** One event in it: 64 KiB and what `unsigned` may add. */
export const MAX_JOIN_PDU_BYTES = 128 * 1024
/** Anything else in it. */
export const MAX_JOIN_MEMBER_BYTES = 1024 * 1024
/** Events of it whose signing keys are fetched at once. */
export const JOIN_KEY_BATCH_EVENTS = 2_000
/** Characters of it that are held at once. */
export const JOIN_KEY_BATCH_CHARS = 4 * 1024 * 1024
/** Events of it that are checked, and brought to the room, in one turn: about 10 ms, because whoever else uses the server waits meanwhile. */
export const IMPORT_CHUNK_EVENTS = 64
/** Events of it that are parsed in one turn. */
export const PARSED_PER_TURN = 256
/** Turns in which a room looks at what it was brought. */
export const MAX_IMPORT_TURNS = 100_000
/** How often a join looks whether another join of the same room has ended. */
export const MAX_IMPORT_WAITS = 40
/** How long it waits in between. */
export const IMPORT_WAIT_MS = 500
/** PDUs of one transaction (server-server-api#transactions). */
export const MAX_TRANSACTION_PDUS = 50
/** EDUs of one transaction. */
export const MAX_TRANSACTION_EDUS = 100
/** Stripped state events that an invitation may bring. */
export const MAX_INVITE_STATE_EVENTS = 100
