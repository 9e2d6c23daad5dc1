import { manageDelayed, manageDelayedByBody } from './manage.ts'
import { getDelayedEvent, getDelayedEvents } from './read.ts'
import { scheduleDelayedEvent } from './schedule.ts'

/** Events that are sent later. */
export const delayedEventEndpoints = [scheduleDelayedEvent, getDelayedEvents, getDelayedEvent, manageDelayed, manageDelayedByBody]
