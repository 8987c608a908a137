import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { createHostGuard } from '../../../src/graphql/server/host-guard.ts'

interface Case {
  readonly publicUrl?: string
  readonly listensOn: string
  /** The local address of the connection. */
  readonly localAddress: string
  readonly accepted: readonly string[]
  readonly refused: readonly (string | undefined)[]
}

const cases: Readonly<Record<string, Case>> = {
  'listening on loopback': {
    listensOn: '127.0.0.1',
    localAddress: '127.0.0.1',
    accepted: ['localhost', 'LocalHost:4000', 'localhost.', '127.0.0.1:4000', '127.0.0.2', '[::1]:4000'],
    refused: [
      undefined,
      '',
      'evil.test',
      'evil.test:4000',
      'localhost.evil.test',
      '127.0.0.1.evil.test',
      'evil.test@localhost',
      'localhost/evil.test',
      '10.0.0.5',
      '[',
    ],
  },
  'listening on every address': {
    listensOn: '0.0.0.0',
    localAddress: '10.0.0.5',
    accepted: ['10.0.0.5', '10.0.0.5:4000', '0.0.0.0:4000'],
    refused: ['evil.test', 'localhost', '127.0.0.1', '10.0.0.6'],
  },
  'listening on every address, reached by IPv4': {
    listensOn: '::',
    localAddress: '::ffff:10.0.0.5',
    accepted: ['10.0.0.5:4000', '[::]:4000'],
    refused: ['evil.test', '[::1]'],
  },
  'listening on every address, reached by loopback': {
    listensOn: '::',
    localAddress: '::1',
    accepted: ['[::1]:4000', 'localhost:4000', '127.0.0.1'],
    refused: ['evil.test', '10.0.0.5'],
  },
  'behind a proxy on the same machine': {
    publicUrl: 'https://Reels.example.com/api',
    listensOn: '127.0.0.1',
    localAddress: '127.0.0.1',
    accepted: ['reels.example.com', 'REELS.example.com:443', 'localhost:4000'],
    refused: ['example.com', 'reels.example.com.evil.test', 'evil.test'],
  },
  'in a container whose port is published on loopback': {
    publicUrl: 'http://localhost:4000',
    listensOn: '0.0.0.0',
    localAddress: '172.17.0.2',
    accepted: ['localhost:4000', '127.0.0.1:4000', '172.17.0.2:4000'],
    refused: ['evil.test', '192.168.0.2'],
  },
  'listening on a name': {
    listensOn: 'reels.internal',
    localAddress: '10.0.0.5',
    accepted: ['reels.internal:4000', '10.0.0.5'],
    refused: ['evil.test', 'localhost'],
  },
}

describe.each(Object.entries(cases))(
  'a server %s',
  (_name, { publicUrl, listensOn, localAddress, accepted, refused }) => {
    const guard = createHostGuard(publicUrl, listensOn)
    const check = (host: string | undefined) =>
      guard({ headers: host === undefined ? {} : { host }, socket: { localAddress } as Socket })

    it('accepts its own names and addresses', () => {
      expect(accepted.filter((host) => check(host) !== null)).toEqual([])
    })

    it('refuses every other host and names PUBLIC_URL', () => {
      const refusal = {
        status: 421,
        code: 'HOST_NOT_ALLOWED',
        message: expect.stringContaining('PUBLIC_URL'),
      }
      for (const host of refused) expect(check(host)).toEqual(refusal)
    })
  },
)
