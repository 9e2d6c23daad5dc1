import { getSync } from './sync.ts'

/** Receiving what happens. */
export const syncEndpoints = [getSync]
