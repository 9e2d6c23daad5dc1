import { MAX_DELAY_MS, MAX_SCHEDULED } from '../../../durable/user/delayed/limits.ts'
import { clientPaths } from '../../../http/path.ts'
import { findRoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import { USABLE_ROOM_VERSIONS } from '../../../runtime/config.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'

/** `GET /capabilities` (client-server-api#get_matrixclientv3capabilities). */
const capabilities = endpoint({ method: 'GET', path: clientPaths('capabilities'), auth: 'user', rateLimit: 'read' }, async ({ ctx }) => {
  const [admin, password] = await Promise.all([ctx.session.isAdmin(), ctx.session.changesPassword()])
  const isAdmin = unwrap(admin)
  const available = Object.fromEntries(
    USABLE_ROOM_VERSIONS.map((version) => [version, findRoomVersionRules(version)?.stable === true ? 'stable' : 'unstable']),
  )
  return {
    capabilities: {
      'm.change_password': { enabled: unwrap(password) },
      'm.room_versions': { default: ctx.config.defaultRoomVersion, available },
      'm.set_displayname': { enabled: true },
      'm.set_avatar_url': { enabled: true },
      'm.profile_fields': { enabled: true },
      'm.3pid_changes': { enabled: false },
      'm.get_login_token': { enabled: false },
      'org.matrix.msc4140.delayed_events': { max_delay_ms: MAX_DELAY_MS, max_scheduled: MAX_SCHEDULED },
      ...(isAdmin && { 'm.account_moderation': { lock: true, suspend: true } }),
    },
  }
})

/** What the server can do for its users. */
export const capabilityEndpoints = [capabilities]
