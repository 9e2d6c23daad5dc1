import { deleteAccountData, getAccountData, putAccountData } from './account-data.ts'

/** What clients keep on the server for their user. */
export const accountDataEndpoints = [getAccountData, putAccountData, deleteAccountData]
