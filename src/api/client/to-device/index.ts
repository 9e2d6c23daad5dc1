import { putSendToDevice } from './send-to-device.ts'

/** Messages to devices. */
export const toDeviceEndpoints = [putSendToDevice]
