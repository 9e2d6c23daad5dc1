/** Every bound of what this server asks of others, in one place. Times in milliseconds. */

const KIB = 1_024
const MIB = 1_024 * KIB
const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS

/** A whole request, its answer's body included, unless the caller says otherwise. */
export const DEFAULT_TIMEOUT_MS = 30 * SECOND_MS
/** Body of an answer unless the caller says otherwise. */
export const DEFAULT_MAX_BYTES = MIB
/** Head of an answer that arrives over a connection of our own. */
export const MAX_HEAD_BYTES = 32 * KIB
/** Body of a refusal that is looked at for its errcode. */
export const MAX_ERROR_BYTES = 16 * KIB
/** Characters of what a refusal says to people. */
export const MAX_ERROR_WORDS = 500

/** Time for `/.well-known/matrix/server`, redirects included. */
export const WELL_KNOWN_TIMEOUT_MS = 10 * SECOND_MS
/** Its size. */
export const WELL_KNOWN_MAX_BYTES = 50 * KIB
/** Redirects followed for it. */
export const WELL_KNOWN_MAX_REDIRECTS = 5
/** How long delegation is believed if the server does not say (server-server-api#resolving-server-names). */
export const WELL_KNOWN_DEFAULT_MS = 24 * HOUR_MS
/** The longest that delegation is believed, whatever the server says. */
export const WELL_KNOWN_MAX_MS = 48 * HOUR_MS
/** The shortest. */
export const WELL_KNOWN_MIN_MS = 5 * MINUTE_MS
/** How long a failure is believed: doubled with each one that follows, up to an hour. */
export const WELL_KNOWN_ERROR_MS = MINUTE_MS
/** The longest that a failure is believed. */
export const WELL_KNOWN_ERROR_MAX_MS = HOUR_MS

/** One question to the DNS. */
export const SRV_TIMEOUT_MS = 5 * SECOND_MS
/** How long an answer is believed. */
export const SRV_CACHE_MS = 10 * MINUTE_MS
/** How long it is believed that the DNS cannot answer. */
export const SRV_ERROR_CACHE_MS = MINUTE_MS
/** Records that are tried. */
export const MAX_SRV_TARGETS = 4

/** Servers whose place is remembered per isolate; the one asked for longest ago is forgotten first. */
export const MAX_CACHED_SERVERS = 2_000

/** Servers whose keys are remembered per isolate; the one asked for longest ago is forgotten first. */
export const MAX_CACHED_KEY_SERVERS = 10_000
/** One request for signing keys. */
export const KEY_FETCH_TIMEOUT_MS = 15 * SECOND_MS
/** One request to a notary, which may have to ask others. */
export const NOTARY_TIMEOUT_MS = 30 * SECOND_MS
/** Size of one answer about keys. */
export const KEY_RESPONSE_MAX_BYTES = 128 * KIB
/** Keys in it, current ones and old ones each. */
export const MAX_KEYS_PER_RESPONSE = 64
/** A key counts as valid for at most this long after it was fetched (server-server-api#publishing-keys). */
export const MAX_KEY_VALIDITY_MS = 7 * 24 * HOUR_MS
/** A server that has just been asked is not asked again for this long, whatever key somebody names. */
export const KEY_REFETCH_MS = MINUTE_MS
/** The registry is asked again about a server's keys after this long, in case another isolate has learnt them. */
export const KEY_RELOAD_MS = 10 * SECOND_MS
/** A server that could not be asked is left alone for this long, doubled with each failure up to the maximum. */
export const KEY_FAILURE_MS = MINUTE_MS
/** The longest that a failing server is left alone. */
export const KEY_FAILURE_MAX_MS = HOUR_MS
/** Servers for which it is remembered how asking them went; the one longest ago is forgotten first. */
export const MAX_REMEMBERED_FETCHES = 20_000
/** Key requests of one isolate to all servers together for the sake of requests, at once (SECURITY F19). */
export const KEY_FETCH_BURST = 500
/** The same per second, in the long run. */
export const KEY_FETCH_PER_SECOND = 10
/** Key requests of one isolate for the sake of events, at once: a large room is of thousands of servers. */
export const EVENT_KEY_FETCH_BURST = 10_000
/** The same per second, in the long run. */
export const EVENT_KEY_FETCH_PER_SECOND = 20
/** Key requests under way at once for one batch of questions. */
export const KEY_FETCH_PARALLEL = 32
/** Servers looked up, and asked, at a time for one batch of questions. */
export const SERVERS_PER_KEY_ROUND = 500
/** From so many servers on, notaries are asked before the servers themselves: one request for many instead of one each. */
export const NOTARY_FIRST_SERVERS = 20
/** Servers in one question to a notary. */
export const SERVERS_PER_NOTARY_QUERY = 100
/** Size of a notary's answer. */
export const NOTARY_RESPONSE_MAX_BYTES = 4 * MIB

/** A file of another server, from the first byte to the last, besides the time that it may wait for its upload. */
export const MEDIA_TIMEOUT_MS = 120 * SECOND_MS
/** Redirects to where a file lies. */
export const MEDIA_MAX_REDIRECTS = 3
/** Headers of one part of an answer with a file. */
export const MEDIA_PART_HEAD_BYTES = 16 * KIB
/** What an answer with a file says about it, and anything before that. */
export const MEDIA_METADATA_BYTES = 64 * KIB

/** One request to a push gateway. */
export const PUSH_TIMEOUT_MS = 15 * SECOND_MS
/** Size of its answer. */
export const PUSH_MAX_ANSWER_BYTES = 64 * KIB
/** How long a notification waits for others that say the same. */
export const PUSH_GATHER_MS = 20
/** Devices in one request. */
export const MAX_DEVICES_PER_PUSH = 100
/** Requests to one gateway at once, per isolate. */
export const MAX_PUSHES_PER_GATEWAY = 8
/** Notifications that wait for one gateway, per isolate; a further one fails, and is tried again later. */
export const MAX_WAITING_PUSHES = 10_000
/** After this long without a verdict a notification counts as failed, and a request as over. */
export const PUSH_LEASE_MS = 60 * SECOND_MS
