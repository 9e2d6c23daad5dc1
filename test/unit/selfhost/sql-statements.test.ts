import { expect, it } from 'vitest'
import { sqlStatements } from '../../../selfhost/sql-statements.ts'

it('splits at semicolons outside strings, names and comments', () => {
  const source = `-- a comment; with a semicolon\nCREATE TABLE "a;b" (x TEXT DEFAULT 'it''s; fine'); /* ; */\n\nSELECT 1 - 2;;SELECT 3`
  expect(sqlStatements(source)).toEqual([`CREATE TABLE "a;b" (x TEXT DEFAULT 'it''s; fine')`, 'SELECT 1 - 2', 'SELECT 3'])
})

it('refuses triggers, whose bodies it would cut apart', () => {
  expect(() => sqlStatements('CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END;')).toThrow('trigger')
})
