import { createFilter, getFilter } from './filters.ts'

/** Stored filters. */
export const filterEndpoints = [createFilter, getFilter]
