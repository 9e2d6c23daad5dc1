import { whoami } from './whoami.ts'

/** The account of whoever asks. */
export const accountEndpoints = [whoami]
