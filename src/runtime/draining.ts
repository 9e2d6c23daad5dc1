/** Requests that this isolate is answering now, control requests aside. */
let inFlight = 0
let draining = false

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
