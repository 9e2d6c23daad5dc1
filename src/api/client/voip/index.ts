import { getTurnServer } from './get-turn-server.ts'

/** What calls need. */
export const voipEndpoints = [getTurnServer]
