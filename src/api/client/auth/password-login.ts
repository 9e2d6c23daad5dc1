import { unrecognized } from '../../../matrix/errors.ts'
import type { Config } from '../../../runtime/config.ts'

/**
 * Refuses where clients log in through OAuth only (client-server-api#authentication-api-discovery). @throws MatrixError M_UNRECOGNIZED.
 */
export function requirePasswordLogin(config: Config): void {
  if (!config.passwordLogin) throw unrecognized('This server is logged in to through OAuth 2.0')
}
