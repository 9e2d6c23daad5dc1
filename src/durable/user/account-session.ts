import type { JsonObject, JsonValue } from '../../matrix/json.ts'
import type { AnyPushRuleKind, PushRule, PushRuleKind, PushRuleset } from '../../matrix/push-rules/ruleset.ts'
import { changePushRule, deletePushRule, putPushRule, type RulePlacement } from '../../matrix/push-rules/settings.ts'
import type { Outcome } from '../../runtime/outcome.ts'
import { readOAuthGrant } from '../../storage/user/oauth-grants.ts'
import { type AccountDataKey, getAccountData, putAccountData } from './account-data.ts'
import { changePassword, deactivateAccount, logOut, logOutEverywhere } from './accounts.ts'
import { type UiaRequest, type UiaResult, withUserConfirmation } from './accounts-uia.ts'
import { describeDevice, describeDevices, removeDevices, renameDevice } from './devices.ts'
import { createFilter, getFilter } from './filters.ts'
import { putProfileField, removeProfileField } from './profile.ts'
import { changePushSettings, type PushRuleChange, pushRulesetOf } from './push-rules.ts'
import { type Requester, run, runAsync, SessionBase } from './session-base.ts'
import { isAdmin } from './standing.ts'
import type { UserCore } from './user-core.ts'

/** Devices, password, profile, account data, filters and push rules of the account that a credential has opened. */
export abstract class AccountSession extends SessionBase {
  /** Who this session belongs to (client-server-api `GET /account/whoami`). */
  whoami(): Outcome<Requester> {
    return run(this.core, this.admission, (_core, requester) => requester)
  }

  /** Whether the account is an administrator's. */
  isAdmin(): Outcome<boolean> {
    return run(this.core, this.admission, (core) => isAdmin(core))
  }

  /** Whether this session's client may change the password: those that logged in through OAuth leave that to the account page. */
  changesPassword(): Outcome<boolean> {
    return run(this.core, this.admission, (core, { deviceId }) => readOAuthGrant(core.store, deviceId) === undefined)
  }

  /** Ends this session: its device, tokens and whatever hangs on them. */
  logout(): Outcome<void> {
    return run(this.core, this.admission, (core, requester) => logOut(core, requester))
  }

  /** Ends every session of the account. */
  logoutAll(): Outcome<void> {
    return run(this.core, this.admission, (core, requester) => logOutEverywhere(core, requester))
  }

  /** Every device as its owner sees it. */
  devices(): Outcome<JsonObject[]> {
    return run(this.core, this.admission, (core) => describeDevices(core))
  }

  /** One device as its owner sees it. */
  device(deviceId: string): Outcome<JsonObject> {
    return run(this.core, this.admission, (core) => describeDevice(core, deviceId))
  }

  /** Renames a device. */
  renameDevice(deviceId: string, displayName: string | undefined): Outcome<void> {
    return run(this.core, this.admission, (core, { requestId }) => renameDevice(core, deviceId, displayName, requestId))
  }

  /** Removes devices, confirmed by the user. */
  deleteDevices(deviceIds: readonly string[], uia: UiaRequest): Promise<Outcome<UiaResult<void>>> {
    return this.#confirmed(uia, (core, { requestId }) => core.store.transaction(requestId, () => removeDevices(core, deviceIds)))
  }

  /** Sets a new password, confirmed by the user. */
  changePassword(password: string, logOutDevices: boolean, uia: UiaRequest): Promise<Outcome<UiaResult<void>>> {
    return this.#confirmed(uia, (core, requester) => changePassword(core, requester, password, logOutDevices))
  }

  /** Ends the account for good, confirmed by the user. */
  deactivate(erase: boolean, uia: UiaRequest): Promise<Outcome<UiaResult<void>>> {
    return this.#confirmed(uia, (core, requester) => deactivateAccount(core, requester, erase))
  }

  /** Sets a field of the user's own profile. */
  putProfileField(name: string, value: JsonValue): Outcome<void> {
    return run(this.core, this.admission, (core, { requestId }) => putProfileField(core, name, value, requestId))
  }

  /** Removes a field of the user's own profile. */
  deleteProfileField(name: string): Outcome<void> {
    return run(this.core, this.admission, (core, { requestId }) => removeProfileField(core, name, requestId))
  }

  /** Sets account data; types that the server controls are refused. */
  putAccountData(key: AccountDataKey, content: JsonObject): Outcome<void> {
    return run(this.core, this.admission, (core, { requestId }) => putAccountData(core, key, content, requestId))
  }

  /** Account data of one type, as JSON text. */
  accountData(key: AccountDataKey): Outcome<string> {
    return run(this.core, this.admission, (core) => getAccountData(core, key))
  }

  /** Stores a filter; answers its ID. */
  createFilter(definition: JsonObject): Outcome<string> {
    return run(this.core, this.admission, (core, { requestId }) => createFilter(core, definition, requestId))
  }

  /** The definition of a filter, as JSON text. */
  filter(filterId: string): Outcome<string> {
    return run(this.core, this.admission, (core) => getFilter(core, filterId))
  }

  /** The push rules that apply to the user. */
  pushRules(): Outcome<PushRuleset> {
    return run(this.core, this.admission, (core) => pushRulesetOf(core))
  }

  /** Adds or replaces one of the user's push rules. */
  putPushRule(kind: PushRuleKind, rule: PushRule, placement: RulePlacement): Outcome<void> {
    return run(this.core, this.admission, (core, { requestId }) =>
      changePushSettings(core, requestId, (settings) => putPushRule(settings, kind, rule, placement)),
    )
  }

  /** Removes one of the user's push rules. */
  deletePushRule(kind: PushRuleKind, ruleId: string): Outcome<void> {
    return run(this.core, this.admission, (core, { requestId }) =>
      changePushSettings(core, requestId, (settings) => deletePushRule(settings, kind, ruleId)),
    )
  }

  /** Changes what a push rule does, or whether it does anything. */
  changePushRule(kind: AnyPushRuleKind, ruleId: string, change: PushRuleChange): Outcome<void> {
    return run(this.core, this.admission, (core, { requestId }) =>
      changePushSettings(core, requestId, (settings) => changePushRule(settings, kind, ruleId, change)),
    )
  }

  /** Runs an operation that the user must confirm with their password. */
  #confirmed<T>(uia: UiaRequest, body: (core: UserCore, requester: Requester) => T | Promise<T>): Promise<Outcome<UiaResult<T>>> {
    return runAsync(this.core, this.admission, (core, requester) => withUserConfirmation(core, requester, uia, () => body(core, requester)))
  }
}
