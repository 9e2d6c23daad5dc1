import { getHierarchy } from './hierarchy.ts'
import { getRoomSummary } from './room-summary.ts'

/** What rooms look like to those who are not in them, and the rooms of spaces. */
export const spaceEndpoints = [getHierarchy, getRoomSummary]
