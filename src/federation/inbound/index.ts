import type { RequestContext } from '../../domain/context.ts'
import type { Endpoint } from '../../http/endpoint.ts'
import { getFederationPublicRooms, searchFederationPublicRooms } from './directory/public-rooms.ts'
import { queryDirectory } from './directory/query-directory.ts'
import { queryProfile } from './directory/query-profile.ts'
import { getKeys } from './keys/get-keys.ts'
import { queryKeys, queryServerKeys } from './keys/query-keys.ts'
import { serveMedia } from './media/download.ts'
import { serveThumbnail } from './media/thumbnail.ts'
import { getUserInfo } from './openid/userinfo.ts'
import { federatedRoomEndpoints } from './rooms/index.ts'
import { userKeyEndpoints } from './user-keys/index.ts'
import { getVersion } from './version.ts'

/** Every endpoint that other homeservers call. */
export const FEDERATION_ENDPOINTS: readonly Endpoint<RequestContext>[] = [
  ...federatedRoomEndpoints,
  ...userKeyEndpoints,
  getFederationPublicRooms,
  getKeys,
  getUserInfo,
  getVersion,
  queryDirectory,
  queryKeys,
  queryProfile,
  queryServerKeys,
  searchFederationPublicRooms,
  serveMedia,
  serveThumbnail,
]
