/**
 * Events without meaning that join the ends of a room's graph. Not specified; other servers use the same type. No client is shown them.
 */
export const DUMMY_EVENT_TYPE = 'org.matrix.dummy_event'
