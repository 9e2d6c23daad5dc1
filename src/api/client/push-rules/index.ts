import {
  deletePushRule,
  getGlobalPushRules,
  getPushRule,
  getPushRuleActions,
  getPushRuleEnabled,
  getPushRules,
  putPushRule,
  putPushRuleActions,
  putPushRuleEnabled,
} from './push-rules.ts'

/** Which events notify whom, and how. */
export const pushRuleEndpoints = [
  getPushRules,
  getGlobalPushRules,
  getPushRule,
  putPushRule,
  deletePushRule,
  getPushRuleEnabled,
  putPushRuleEnabled,
  getPushRuleActions,
  putPushRuleActions,
]
