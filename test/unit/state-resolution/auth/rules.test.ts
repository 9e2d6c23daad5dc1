import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { AUTH_EVENTS_CASES } from './cases/auth-events.ts'
import { castRoom, type RuleCase } from './cases/case.ts'
import { ALIASES_CASES, CREATE_CASES, FEDERATE_CASES } from './cases/create.ts'
import { INVITE_CASES } from './cases/member-invite.ts'
import { JOIN_CASES } from './cases/member-join.ts'
import { BAN_CASES, KNOCK_CASES, LEAVE_CASES } from './cases/member-removal.ts'
import { POWER_LEVELS_CHANGE_CASES, POWER_LEVELS_SHAPE_CASES } from './cases/power-levels.ts'
import { SENDING_CASES } from './cases/sending.ts'

/*
 * Every authorization rule of every room version, as the specification numbers and words it (test/vectors/event-auth/spec-rules.json), with
 * events that pass it and events that it stops.
 */

interface SpecRules {
  readonly lists: readonly { readonly versions: readonly string[]; readonly rules: Readonly<Record<string, string>> }[]
}

const SPEC: SpecRules = JSON.parse(readFileSync(new URL('../../../vectors/event-auth/spec-rules.json', import.meta.url), 'utf8'))

const CASES: readonly RuleCase[] = [
  ...CREATE_CASES,
  ...AUTH_EVENTS_CASES,
  ...FEDERATE_CASES,
  ...ALIASES_CASES,
  ...JOIN_CASES,
  ...INVITE_CASES,
  ...LEAVE_CASES,
  ...BAN_CASES,
  ...KNOCK_CASES,
  ...SENDING_CASES,
  ...POWER_LEVELS_SHAPE_CASES,
  ...POWER_LEVELS_CHANGE_CASES,
]

/** The security checks that a case shows. */
function idsOf(shown: RuleCase): string {
  if (CREATE_CASES.includes(shown)) return 'E11, E19'
  if (AUTH_EVENTS_CASES.includes(shown)) return 'E11, E5'
  return POWER_LEVELS_SHAPE_CASES.includes(shown) ? 'E11, E20' : 'E11'
}

/** Numbers of the rules that stand below each other and have these words. */
function find(rules: Readonly<Record<string, string>>, words: readonly RegExp[]): string | undefined {
  let found = ''
  for (const pattern of words) {
    const depth = found === '' ? 1 : found.split('.').length + 1
    const matches = Object.entries(rules).filter(
      ([number, text]) => number.split('.').length === depth && (found === '' || number.startsWith(`${found}.`)) && pattern.test(text),
    )
    if (matches.length > 1) throw new Error(`${words.join(' > ')} is ambiguous: ${matches.map(([number]) => number).join(', ')}`)
    const match = matches[0]
    if (match === undefined) return undefined
    found = match[0]
  }
  return found
}

describe.each(SPEC.lists.flatMap(({ versions, rules }) => versions.map((version) => [version, rules] as const)))(
  'room version %s',
  (version, rules) => {
    const covered = new Set<string>()
    for (const shown of CASES) {
      const { rule, reason, passes, fails, stoppedBy, versions } = shown
      const number = find(rules, rule)
      if (number === undefined || versions?.(Number(version)) === false) continue
      covered.add(number)
      const stop = stoppedBy === undefined ? number : find(rules, stoppedBy)
      test.each(Object.entries(passes))(`${idsOf(shown)}: rule ${number} lets pass: %s`, (_, trial) => {
        expect(trial(castRoom(version))).toEqual({ allowed: true })
      })
      test.each(Object.entries(fails))(`${idsOf(shown)}: rule ${number} stops: %s`, (_, trial) => {
        expect(trial(castRoom(version))).toMatchObject({ allowed: false, rule: stop, reason })
      })
    }

    test('E11: every rule that decides has a passing and a failing case', () => {
      const deciding = Object.entries(rules).filter(([, text]) => /\b(reject|allow)\b/i.test(text) && !/^Otherwise, allow/.test(text))
      expect(deciding.filter(([number]) => !covered.has(number))).toEqual([])
    })
  },
)

test('every case applies to some version', () => {
  const unused = CASES.filter(({ rule }) => !SPEC.lists.some(({ rules }) => find(rules, rule) !== undefined))
  expect(unused.map(({ rule }) => rule.join(' > '))).toEqual([])
})
