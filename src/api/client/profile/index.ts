import { deleteProfileField, getProfile, getProfileField, putProfileField } from './profile.ts'

/** Profiles of users. */
export const profileEndpoints = [getProfile, getProfileField, putProfileField, deleteProfileField]
