import { isJsonObject, type JsonValue } from '../json.ts'
import type { PushAction } from './ruleset.ts'

/** What actions say about how to notify (client-server-api#actions). */
export interface PushTweaks {
  /** By name. A tweak without a value is true. */
  readonly tweaks: Readonly<Record<string, JsonValue>>
  /** Whether somebody wants to be woken: with a sound, or because they are meant. */
  readonly isLoud: boolean
}

const KNOWN = new WeakMap<readonly PushAction[], PushTweaks>()

/** The tweaks of a rule's actions, which must not be changed afterwards; the last of a name counts. */
export function tweaksOf(actions: readonly PushAction[]): PushTweaks {
  let known = KNOWN.get(actions)
  if (known === undefined) {
    known = readTweaks(actions)
    KNOWN.set(actions, known)
  }
  return known
}

function readTweaks(actions: readonly PushAction[]): PushTweaks {
  const tweaks: [string, JsonValue][] = actions.flatMap((action): [string, JsonValue][] =>
    isJsonObject(action) && typeof action.set_tweak === 'string' ? [[action.set_tweak, action.value ?? true]] : [],
  )
  const byName = new Map(tweaks)
  return { tweaks: Object.fromEntries(byName), isLoud: byName.has('sound') || byName.get('highlight') === true }
}
