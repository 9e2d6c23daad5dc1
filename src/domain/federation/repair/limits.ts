/** Bounds of what is fetched to complete rooms, in one place. Times in milliseconds. */

const MIB = 1024 * 1024

/** Rounds of one attempt at completing staged events, of whatever kind. */
export const MAX_ATTACH_ROUNDS = 40
/** Rounds among them that ask for the events between; after that the state before the oldest of them is asked for. */
export const MAX_MISSING_ROUNDS = 10
/** Events asked for in one such round; others answer no more. */
export const MISSING_EVENTS_PER_ROUND = 20
/** Rounds of giving up events that cannot be completed, each with what waited for those of the round before. */
export const MAX_GIVE_UP_ROUNDS = 100
/** Failed attempts after which a state is taken although some of its events cannot be had from anybody. */
export const INCOMPLETE_AFTER_FAILURES = 3
/** Servers asked for one thing. */
export const MAX_SERVERS_ASKED = 5
/** Events of history asked for at a time. */
export const BACKFILL_EVENTS = 100
/** How often one batch of history is tried, each time after bringing what it lacked. */
export const MAX_BACKFILL_TRIES = 8
/** An answer with a page of events. */
export const MAX_PAGE_BYTES = 16 * MIB
/** An answer with IDs of a state and of its auth chain. */
export const MAX_IDS_BYTES = 32 * MIB
/** IDs in it. */
export const MAX_STATE_IDS = 650_000
/** One ID in it, with its escapes. */
export const MAX_ID_BYTES = 2_048
/** Anything else in it. */
export const MAX_IDS_MEMBER_BYTES = 64 * 1024
/** An answer with a whole state. */
export const MAX_STATE_BYTES = 32 * MIB
/** An answer with one event. */
export const MAX_EVENT_BYTES = 128 * 1024
/** Missing events of a state above which the whole state is asked for instead of each. */
export const WHOLE_STATE_ABOVE = 40
/** Events asked for one by one for one purpose. */
export const MAX_SINGLE_EVENTS = 1_000
/** Single events asked for at once. */
export const EVENTS_PARALLEL = 8
/** Rounds of asking for auth events, each bringing those of the round before. */
export const MAX_AUTH_ROUNDS = 20
/** One request. */
export const ASK_TIMEOUT_MS = 20_000
/** One request that another server may have to work for. */
export const ASK_STATE_TIMEOUT_MS = 60_000
/** Events verified at a time. */
export const VERIFY_CHUNK = 200
/** Events brought to a room in one call. */
export const OUTLIERS_PER_CALL = 200
/** IDs in one question to a room. */
export const IDS_PER_QUESTION = 10_000
/** States fetched in one attempt at completing a room. */
export const MAX_STATES_PER_COMPLETION = 64
/** Failed attempts at completing a room after which events of its state that nobody has are left out of it. */
export const LACKING_AFTER_FAILURES = 6
/** Events of a state whose keys are numbered in one turn of the room: some milliseconds. */
export const KEYS_PER_CALL = 500
/** Resolutions that one attempt at completing a room waits for. */
export const MAX_RESOLUTIONS = 200
