import type { PushAction, PushRuleset } from '../../matrix/push-rules/ruleset.ts'
import { EMPTY_PUSH_SETTINGS, type PushSettings, rulesetOf } from '../../matrix/push-rules/settings.ts'
import { readAccountData, writeAccountData } from '../../storage/user/account-data.ts'
import { onAccountDataChanged } from './hooks.ts'
import type { UserCore } from './user-core.ts'

/*
 * What is stored under the type `m.push_rules` is the user's settings (own rules and changes to defaults), not the ruleset that clients see:
 * so new default rules reach old accounts. `rulesetOf` makes one from the other.
 */

/** A change to a push rule. */
export interface PushRuleChange {
  readonly enabled?: boolean
  readonly actions?: readonly PushAction[]
}

const TYPE = 'm.push_rules'

/** What the user has set; in memory once read, because every event is evaluated against it. */
function settingsOf(core: UserCore): PushSettings {
  if (core.pushSettings === undefined) {
    const stored = readAccountData(core.store, '', TYPE)
    core.pushSettings = stored === undefined ? EMPTY_PUSH_SETTINGS : JSON.parse(stored)
    core.pushRuleset = undefined
  }
  return core.pushSettings ?? EMPTY_PUSH_SETTINGS
}

/** The rules that apply to this user. The same object until they change. */
export function pushRulesetOf(core: UserCore): PushRuleset {
  const settings = settingsOf(core)
  core.pushRuleset ??= rulesetOf(settings, core.userId, core.config.threadSubscriptions)
  return core.pushRuleset
}

/** Content of `m.push_rules` as clients see it (client-server-api#push-rules-events). */
export function pushRulesContent(core: UserCore): { readonly global: PushRuleset } {
  return { global: pushRulesetOf(core) }
}

/** Changes the user's settings. @throws whatever `change` throws; then nothing has changed. */
export function changePushSettings(core: UserCore, requestId: string, change: (settings: PushSettings) => PushSettings): void {
  const settings = change(settingsOf(core))
  core.store.transaction(requestId, () => {
    const streamId = writeAccountData(core.store, '', TYPE, JSON.stringify(settings))
    onAccountDataChanged(core, { roomId: '', type: TYPE, streamId })
  })
  core.pushSettings = settings
  core.pushRuleset = undefined
}
