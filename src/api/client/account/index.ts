import { deactivate } from './deactivate.ts'
import { changePassword } from './password.ts'
import { threepids } from './threepids.ts'
import { whoami } from './whoami.ts'

/** The account of whoever asks. */
export const accountEndpoints = [whoami, changePassword, deactivate, threepids]
