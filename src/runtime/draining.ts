/** Requests that this isolate is answering now, control requests aside. */
let inFlight = 0
let draining = false
/** Work for other servers that this isolate is doing now: telling their queues, emptying those. */
let outgoing = 0

/** Counts a request as being answered, until the returned function is called (again and again does no harm). */
export function requestStarted(): () => void {
  inFlight += 1
  let finished = false
  return () => {
    if (finished) return
    finished = true
    inFlight -= 1
  }
}

/** Counts work for other servers as under way, until it has ended. */
export async function whileOutgoing<T>(work: Promise<T>): Promise<T> {
  outgoing += 1
  try {
    return await work
  } finally {
    outgoing -= 1
  }
}

/** How much work for other servers is under way. */
export function outgoingUnderWay(): number {
  return outgoing
}

/** How many requests are being answered. */
export function requestsInFlight(): number {
  return inFlight
}

/** Whether this isolate is about to be stopped and should take on nothing that lasts. */
export function isDraining(): boolean {
  return draining
}

/** From now on this isolate takes on nothing that lasts. There is no way back: the process ends next. */
export function startDraining(): void {
  draining = true
}
