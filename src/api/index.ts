import type { RequestContext } from '../domain/context.ts'
import type { Endpoint } from '../http/endpoint.ts'
import { adminEndpoints } from './admin/index.ts'
import { accountEndpoints } from './client/account/index.ts'
import { accountDataEndpoints } from './client/account-data/index.ts'
import { accountModerationEndpoints } from './client/admin/index.ts'
import { authEndpoints } from './client/auth/index.ts'
import { capabilityEndpoints } from './client/capabilities/index.ts'
import { dehydratedDeviceEndpoints } from './client/dehydrated-device/index.ts'
import { delayedEventEndpoints } from './client/delayed-events/index.ts'
import { deviceEndpoints } from './client/devices/index.ts'
import { directoryEndpoints } from './client/directory/index.ts'
import { filterEndpoints } from './client/filters/index.ts'
import { keyEndpoints } from './client/keys/index.ts'
import { mediaEndpoints } from './client/media/index.ts'
import { openIdEndpoints } from './client/openid/index.ts'
import { presenceEndpoints } from './client/presence/index.ts'
import { profileEndpoints } from './client/profile/index.ts'
import { pushEndpoints } from './client/push/index.ts'
import { pushRuleEndpoints } from './client/push-rules/index.ts'
import { reportEndpoints } from './client/reports/index.ts'
import { roomKeyEndpoints } from './client/room-keys/index.ts'
import { roomEndpoints } from './client/rooms/index.ts'
import { spaceEndpoints } from './client/spaces/index.ts'
import { syncEndpoints } from './client/sync/index.ts'
import { threadEndpoints } from './client/threads/index.ts'
import { toDeviceEndpoints } from './client/to-device/index.ts'
import { versionEndpoints } from './client/versions/index.ts'
import { voipEndpoints } from './client/voip/index.ts'
import { oauthEndpoints } from './oauth/index.ts'
import { wellKnownEndpoints } from './well-known/index.ts'

/** Every endpoint of this server: what is not listed here does not exist. */
export const ENDPOINTS: readonly Endpoint<RequestContext>[] = [
  ...accountEndpoints,
  ...accountDataEndpoints,
  ...adminEndpoints,
  ...accountModerationEndpoints,
  ...authEndpoints,
  ...capabilityEndpoints,
  ...deviceEndpoints,
  ...directoryEndpoints,
  ...filterEndpoints,
  ...mediaEndpoints,
  ...openIdEndpoints,
  ...presenceEndpoints,
  ...profileEndpoints,
  ...pushEndpoints,
  ...pushRuleEndpoints,
  ...reportEndpoints,
  ...roomEndpoints,
  ...spaceEndpoints,
  ...syncEndpoints,
  ...keyEndpoints,
  ...roomKeyEndpoints,
  ...dehydratedDeviceEndpoints,
  ...delayedEventEndpoints,
  ...threadEndpoints,
  ...toDeviceEndpoints,
  ...versionEndpoints,
  ...voipEndpoints,
  ...oauthEndpoints,
  ...wellKnownEndpoints,
]
