/** The proposal's unstable prefix. */
export const DELAYED_PREFIX = '/_matrix/client/unstable/org.matrix.msc4140'
/** Where delayed events are listed and managed. */
export const DELAYED_EVENTS_PATH = `${DELAYED_PREFIX}/delayed_events`
