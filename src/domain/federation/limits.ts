import { SUPPORTED_ROOM_VERSIONS } from '../../runtime/config.ts'

/** Bounds of what this server asks of others and takes from them about rooms, in one place. Times in milliseconds. */

/** Room versions that this server joins and hosts together with others. */
export const FEDERATED_ROOM_VERSIONS: readonly string[] = SUPPORTED_ROOM_VERSIONS
/** Servers asked in turn for one membership. */
export const MAX_CANDIDATE_SERVERS = 8
/** A `make_…` request, or an invitation. */
export const MAKE_TIMEOUT_MS = 20_000
/** A `send_…` request. */
export const SEND_TIMEOUT_MS = 90_000
/** Body of the answer to `send_join`. */
export const MAX_JOIN_ANSWER_BYTES = 64 * 1024 * 1024
/** Events in the answer to `send_join`. */
export const MAX_JOIN_EVENTS = 250_000
/** Events brought to a room in one call. */
export const IMPORT_CHUNK_EVENTS = 400
/** Characters brought to a room in one call. */
export const IMPORT_CHUNK_CHARS = 4 * 1024 * 1024
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
