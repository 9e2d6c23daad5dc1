import { deleteDevice, deleteDevices, getDevice, listDevices, putDevice } from './devices.ts'

/** The devices of whoever asks. */
export const deviceEndpoints = [listDevices, getDevice, putDevice, deleteDevice, deleteDevices]
