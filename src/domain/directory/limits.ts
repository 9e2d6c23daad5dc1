/** Bounds of aliases and directories, in one place. Times in milliseconds. */

/** Servers named for an alias. */
export const MAX_ALIAS_SERVERS = 50
/** Aliases shown of one room. */
export const MAX_LISTED_ALIASES = 1_000
/** A question to another server's directory. */
export const DIRECTORY_TIMEOUT_MS = 20_000
/** Alternative aliases that a canonical alias event may add at once: each is looked up. */
export const MAX_ADDED_ALIASES = 20
/** Rooms in one page of the public directory, unless less is asked for. */
export const MAX_DIRECTORY_PAGE = 500
/** Rooms in one page where nothing is said. */
export const DEFAULT_DIRECTORY_PAGE = 100
/** Characters of a search term; more are cut off. */
export const MAX_SEARCH_TERM_CHARS = 256
/** Body of another server's directory. */
export const MAX_DIRECTORY_ANSWER_BYTES = 4 * 1024 * 1024
