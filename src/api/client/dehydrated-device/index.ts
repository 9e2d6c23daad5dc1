import {
  deleteDehydratedDevice,
  getDehydratedDevice,
  getDehydratedEvents,
  postDehydratedEvents,
  putDehydratedDevice,
} from './dehydrated-device.ts'

/** A device that receives keys while nobody is logged in on it. */
export const dehydratedDeviceEndpoints = [
  putDehydratedDevice,
  getDehydratedDevice,
  deleteDehydratedDevice,
  getDehydratedEvents,
  postDehydratedEvents,
]
