import { describe, expect, test } from 'vitest'
import { AnswerParser, type ParsedAnswer } from '../../../bench/client/answer-parser.ts'

const withLength = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{"a":12}'
const inChunks = 'HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{"a"\r\n4\r\n:12}\r\n0\r\n\r\n'

function parseInPieces(text: string, size: number): ParsedAnswer[] {
  const parser = new AnswerParser()
  const answers: ParsedAnswer[] = []
  const bytes = Buffer.from(text)
  for (let start = 0; start < bytes.length; start += size) {
    const answer = parser.push(bytes.subarray(start, start + size))
    if (answer !== undefined) answers.push(answer)
  }
  return answers
}

describe('answers as the benchmark reads them', () => {
  test.each([1, 2, 3, 7, 40, 1000])('are complete however they arrive (%i bytes at once)', (size) => {
    expect(parseInPieces(withLength, size).map(({ status, body }) => [status, body.toString()])).toEqual([[200, '{"a":12}']])
    expect(parseInPieces(inChunks, size).map(({ status, body }) => [status, body.toString()])).toEqual([[404, '{"a":12}']])
  })

  test('follow one another on a connection', () => {
    const parser = new AnswerParser()
    for (let round = 0; round < 3; round += 1) {
      expect(parser.push(Buffer.from(withLength))?.status).toBe(200)
      expect(parser.push(Buffer.from(inChunks))?.status).toBe(404)
    }
  })

  test('may have no body', () => {
    expect(new AnswerParser().push(Buffer.from('HTTP/1.1 204 No Content\r\n\r\n'))).toEqual({ status: 204, body: Buffer.alloc(0) })
  })
})
