import {
  deleteAccountData,
  deleteRoomAccountData,
  getAccountData,
  getRoomAccountData,
  putAccountData,
  putRoomAccountData,
} from './account-data.ts'

/** What clients keep on the server for their user. */
export const accountDataEndpoints = [
  getAccountData,
  putAccountData,
  getRoomAccountData,
  putRoomAccountData,
  deleteAccountData,
  deleteRoomAccountData,
]
