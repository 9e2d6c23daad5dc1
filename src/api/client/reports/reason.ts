import * as z from 'zod'

/** What somebody has to say about what they report. May be blank. */
export const reasonText = z.string().max(2_000)
