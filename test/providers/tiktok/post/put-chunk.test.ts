import type { IncomingHttpHeaders } from 'node:http'
import { expect, test } from 'vitest'
import { putChunk } from '../../../../src/providers/tiktok/post/put-chunk.ts'
import { Secret } from '../../../../src/secret.ts'
import { answerWith, chunk, closedPort, startServer } from '../support.ts'

const uploads = { deadlineMs: 5000, fetch }

/** An upload host that answers every request with one status and records the headers. */
async function startHost(status: number, headers: Record<string, string> = {}) {
  const requests: IncomingHttpHeaders[] = []
  const base = await startServer((request, response) => {
    requests.push(request.headers)
    answerWith(status, '', headers)(request, response)
  })
  return { url: new Secret(`${base}/video/?upload_token=t`), requests }
}

test.each([
  [206, [0, 9], { kind: 'stored', uploadedBytes: 10, httpStatus: 206 }],
  [201, [10, 19], { kind: 'complete', httpStatus: 201 }],
  [201, [0, 9], { kind: 'stored', uploadedBytes: 10, httpStatus: 201 }],
  [200, [10, 19], { kind: 'complete', httpStatus: 200 }],
  [400, [0, 9], { kind: 'refused', httpStatus: 400 }],
  [403, [0, 9], { kind: 'expired' }],
  [404, [0, 9], { kind: 'gone' }],
  [416, [0, 9], { kind: 'rangeMismatch', uploadedBytes: 10 }],
  [429, [0, 9], { kind: 'retry', httpStatus: 429, retryAfterSeconds: 3 }],
  [502, [0, 9], { kind: 'retry', httpStatus: 502, retryAfterSeconds: 3 }],
  [302, [0, 9], { kind: 'unknown', cause: 'unreadable', httpStatus: 302 }],
])('status %d for the bytes %j is classified as %j', async (status, [first = 0, last = 0], expected) => {
  const { url, requests } = await startHost(status, {
    'content-range': 'bytes 0-10/20',
    'retry-after': '3',
    location: '/elsewhere',
  })
  expect(await putChunk(uploads, url, chunk(first, last))).toEqual(expected)
  // A followed redirect would be a second request.
  expect(requests).toHaveLength(1)
})

test('a chunk’s request has its range, length and type, and no authorization', async () => {
  const { url, requests } = await startHost(206)
  await putChunk(uploads, url, chunk(10, 19))
  expect(requests[0]).toMatchObject({
    'content-range': 'bytes 10-19/20',
    'content-length': '10',
    'content-type': 'video/mp4',
  })
  expect(requests[0]).not.toHaveProperty('authorization')
  expect(requests[0]).not.toHaveProperty('transfer-encoding')
})

test.each([
  ['fails', RangeError('disk'), 5],
  ['ends too early', RangeError('the chunk has 5 bytes, its range 10'), 5],
  ['goes on too long', RangeError('the chunk has 11 bytes, its range 10'), 11],
])('putChunk throws the error of a body that %s', async (fault, error, size) => {
  async function* body() {
    yield new Uint8Array(size)
    if (fault === 'fails') throw error
  }
  const { url } = await startHost(206)
  await expect(putChunk(uploads, url, chunk(0, 9, body()))).rejects.toThrow(error)
})

test('a chunk is unknown after its deadline or a lost connection, and not sent to a closed port', async () => {
  const url = (base: string) => new Secret(`${base}/video/?upload_token=t`)
  const silent = url(await startServer(() => {}))
  expect(await putChunk({ deadlineMs: 50, fetch }, silent, chunk(0, 9))).toEqual({
    kind: 'unknown',
    cause: 'timeout',
  })
  const cut = url(await startServer((request) => void request.socket.destroy()))
  expect(await putChunk(uploads, cut, chunk(0, 9))).toMatchObject({ cause: 'connectionLost' })
  const gone = url(await closedPort())
  expect(await putChunk(uploads, gone, chunk(0, 9))).toEqual({ kind: 'notSent', code: 'ECONNREFUSED' })
})

test('an unreadable answer of the upload host is kept without the upload URL’s query', async () => {
  const base = await startServer(answerWith(302, 'see https://upload.test/video/?upload_token=t'))
  expect(await putChunk(uploads, new Secret(`${base}/video/?upload_token=t`), chunk(0, 9))).toEqual({
    kind: 'unknown',
    cause: 'unreadable',
    httpStatus: 302,
    raw: 'see https://upload.test/video/?[redacted]',
  })
})
