import * as z from 'zod'
import type { RequestContext } from '../../../domain/context.ts'
import { rawJson } from '../../../http/json-response.ts'
import { clientPaths } from '../../../http/path.ts'
import { jsonObject } from '../../../http/schema/json.ts'
import { notFound } from '../../../matrix/errors.ts'
import { parseAnyPushRuleKind, parsePushActions, parsePushRule, parsePushRuleKind } from '../../../matrix/push-rules/parse-rule.ts'
import type { AnyPushRuleKind, PushRule, PushRuleset } from '../../../matrix/push-rules/ruleset.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'

const RuleParams = z.object({ kind: z.string(), ruleId: z.string() })
const RULE_PATH = clientPaths('pushrules/global/:kind/:ruleId')

async function rulesOf(ctx: RequestContext): Promise<PushRuleset> {
  return unwrap(await ctx.session.pushRules())
}

function anyKind(ctx: RequestContext, text: string): AnyPushRuleKind {
  return parseAnyPushRuleKind(text, ctx.config.threadSubscriptions)
}

async function ruleOf(ctx: RequestContext, params: z.output<typeof RuleParams>): Promise<PushRule> {
  const rule = (await rulesOf(ctx))[anyKind(ctx, params.kind)]?.find(({ rule_id }) => rule_id === params.ruleId)
  if (rule === undefined) throw notFound('There is no such push rule')
  return rule
}

/** `GET /pushrules/` (client-server-api#get_matrixclientv3pushrules). */
export const getPushRules = endpoint(
  { method: 'GET', path: [...clientPaths('pushrules/'), ...clientPaths('pushrules')], auth: 'user', rateLimit: 'read' },
  async ({ ctx }) => rawJson(JSON.stringify({ global: await rulesOf(ctx) })),
)

/** `GET /pushrules/global/` (client-server-api#get_matrixclientv3pushrulesglobal). */
export const getGlobalPushRules = endpoint(
  { method: 'GET', path: [...clientPaths('pushrules/global/'), ...clientPaths('pushrules/global')], auth: 'user', rateLimit: 'read' },
  async ({ ctx }) => rawJson(JSON.stringify(await rulesOf(ctx))),
)

/** `GET /pushrules/global/{kind}/{ruleId}` (client-server-api#get_matrixclientv3pushrulesglobalkindruleid). */
export const getPushRule = endpoint(
  { method: 'GET', path: RULE_PATH, auth: 'user', rateLimit: 'read', params: RuleParams },
  async ({ params, ctx }) => rawJson(JSON.stringify(await ruleOf(ctx, params))),
)

/** `PUT /pushrules/global/{kind}/{ruleId}` (client-server-api#put_matrixclientv3pushrulesglobalkindruleid). */
export const putPushRule = endpoint(
  {
    method: 'PUT',
    path: RULE_PATH,
    auth: 'user',
    standing: 'unlocked',
    rateLimit: 'write',
    params: RuleParams,
    query: z.object({ before: z.string().optional(), after: z.string().optional() }),
    body: jsonObject,
  },
  async ({ params, query, body, ctx }) => {
    const kind = parsePushRuleKind(params.kind)
    unwrap(await ctx.session.putPushRule(kind, parsePushRule(kind, params.ruleId, body), query))
    return {}
  },
)

/** `DELETE /pushrules/global/{kind}/{ruleId}` (client-server-api#delete_matrixclientv3pushrulesglobalkindruleid). */
export const deletePushRule = endpoint(
  { method: 'DELETE', path: RULE_PATH, auth: 'user', standing: 'unlocked', rateLimit: 'write', params: RuleParams },
  async ({ params, ctx }) => {
    unwrap(await ctx.session.deletePushRule(parsePushRuleKind(params.kind), params.ruleId))
    return {}
  },
)

/** `GET /pushrules/global/{kind}/{ruleId}/enabled` (client-server-api#get_matrixclientv3pushrulesglobalkindruleidenabled). */
export const getPushRuleEnabled = endpoint(
  { method: 'GET', path: RULE_PATH.map((path) => `${path}/enabled`), auth: 'user', rateLimit: 'read', params: RuleParams },
  async ({ params, ctx }) => ({ enabled: (await ruleOf(ctx, params)).enabled }),
)

/** `PUT /pushrules/global/{kind}/{ruleId}/enabled` (client-server-api#put_matrixclientv3pushrulesglobalkindruleidenabled). */
export const putPushRuleEnabled = endpoint(
  {
    method: 'PUT',
    path: RULE_PATH.map((path) => `${path}/enabled`),
    auth: 'user',
    standing: 'unlocked',
    rateLimit: 'write',
    params: RuleParams,
    body: z.object({ enabled: z.boolean() }),
  },
  async ({ params, body, ctx }) => {
    unwrap(await ctx.session.changePushRule(anyKind(ctx, params.kind), params.ruleId, { enabled: body.enabled }))
    return {}
  },
)

/** `GET /pushrules/global/{kind}/{ruleId}/actions` (client-server-api#get_matrixclientv3pushrulesglobalkindruleidactions). */
export const getPushRuleActions = endpoint(
  { method: 'GET', path: RULE_PATH.map((path) => `${path}/actions`), auth: 'user', rateLimit: 'read', params: RuleParams },
  async ({ params, ctx }) => rawJson(JSON.stringify({ actions: (await ruleOf(ctx, params)).actions })),
)

/** `PUT /pushrules/global/{kind}/{ruleId}/actions` (client-server-api#put_matrixclientv3pushrulesglobalkindruleidactions). */
export const putPushRuleActions = endpoint(
  {
    method: 'PUT',
    path: RULE_PATH.map((path) => `${path}/actions`),
    auth: 'user',
    standing: 'unlocked',
    rateLimit: 'write',
    params: RuleParams,
    body: jsonObject,
  },
  async ({ params, body, ctx }) => {
    const actions = parsePushActions(body.actions)
    unwrap(await ctx.session.changePushRule(anyKind(ctx, params.kind), params.ruleId, { actions }))
    return {}
  },
)
