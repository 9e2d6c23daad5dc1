import { deleteAllKeys, deleteRoomKeys, deleteSessionKeys } from './delete-keys.ts'
import { getAllKeys, getRoomKeys, getSessionKeys } from './get-keys.ts'
import { putAllKeys, putRoomKeys, putSessionKeys } from './put-keys.ts'
import { deleteVersion, getCurrentVersion, getVersion, postVersion, putVersion } from './versions.ts'

/** Backups of room keys. */
export const roomKeyEndpoints = [
  postVersion,
  getCurrentVersion,
  getVersion,
  putVersion,
  deleteVersion,
  putAllKeys,
  putRoomKeys,
  putSessionKeys,
  getAllKeys,
  getRoomKeys,
  getSessionKeys,
  deleteAllKeys,
  deleteRoomKeys,
  deleteSessionKeys,
]
