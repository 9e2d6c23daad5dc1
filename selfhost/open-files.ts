import { execFileSync } from 'node:child_process'

/** Every live room or user object holds about three descriptors. */
const WANTED = 4096

/** A warning when the process may open too few files for its databases, with how to raise the limit; `undefined` when all is well. */
export function openFilesWarning(limit: number | undefined = openFilesLimit()): string | undefined {
  if (limit === undefined || limit >= WANTED) return undefined
  return (
    `only ${limit} files may be open at once; every active room and user needs about three. ` +
    `Raise it to ${WANTED} or more: "ulimit -n 65536" in the shell that starts Myelin, LimitNOFILE=65536 in a systemd unit, --ulimit nofile=65536 for a container`
  )
}

/** The limit that this process hands to its children: Node raises its own to the hard limit when it starts. */
function openFilesLimit(): number | undefined {
  try {
    const text = execFileSync('/bin/sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim()
    return text === 'unlimited' ? undefined : Number(text)
  } catch {
    return undefined
  }
}
