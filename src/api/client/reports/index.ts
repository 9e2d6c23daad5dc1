import { reportEventEndpoint } from './report-event.ts'
import { reportRoomEndpoint } from './report-room.ts'
import { reportUserEndpoint } from './report-user.ts'

/** Telling the administrators of what should not be there. */
export const reportEndpoints = [reportEventEndpoint, reportRoomEndpoint, reportUserEndpoint]
