import { getPublicRooms, searchPublicRooms } from './public-rooms.ts'
import { deleteRoomAlias, getRoomAlias, putRoomAlias } from './room-alias.ts'
import { getRoomAliases } from './room-aliases.ts'
import { getDirectoryVisibility, putDirectoryVisibility } from './visibility.ts'

/** Names of rooms, and the public directory. */
export const directoryEndpoints = [
  getRoomAlias,
  putRoomAlias,
  deleteRoomAlias,
  getRoomAliases,
  getPublicRooms,
  searchPublicRooms,
  getDirectoryVisibility,
  putDirectoryVisibility,
]
