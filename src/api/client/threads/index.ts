import { deleteThreadSubscription, getThreadSubscription, putThreadSubscription } from './subscription.ts'
import { getThreadSubscriptions } from './subscriptions.ts'

/** Subscriptions to threads. */
export const threadEndpoints = [getThreadSubscription, putThreadSubscription, deleteThreadSubscription, getThreadSubscriptions]
