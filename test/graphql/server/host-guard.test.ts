import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { createHostGuard } from '../../../src/graphql/server/host-guard.ts'

interface Case {
  readonly publicUrl?: string
  readonly listensOn: string
  /** The address that the connection came to. */
  readonly cameTo: string
  readonly answered: readonly string[]
  readonly refused: readonly (string | undefined)[]
}

const cases: Readonly<Record<string, Case>> = {
  'on loopback': {
    listensOn: '127.0.0.1',
    cameTo: '127.0.0.1',
    answered: ['localhost', 'LocalHost:4000', 'localhost.', '127.0.0.1:4000', '127.0.0.2', '[::1]:4000'],
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
  'on every address': {
    listensOn: '0.0.0.0',
    cameTo: '10.0.0.5',
    answered: ['10.0.0.5', '10.0.0.5:4000', '0.0.0.0:4000'],
    refused: ['evil.test', 'localhost', '127.0.0.1', '10.0.0.6'],
  },
  'on every address of both families, by one of the older': {
    listensOn: '::',
    cameTo: '::ffff:10.0.0.5',
    answered: ['10.0.0.5:4000', '[::]:4000'],
    refused: ['evil.test', '[::1]'],
  },
  'on every address, by the loopback one': {
    listensOn: '::',
    cameTo: '::1',
    answered: ['[::1]:4000', 'localhost:4000', '127.0.0.1'],
    refused: ['evil.test', '10.0.0.5'],
  },
  'behind a proxy on the same machine': {
    publicUrl: 'https://Reels.example.com/api',
    listensOn: '127.0.0.1',
    cameTo: '127.0.0.1',
    answered: ['reels.example.com', 'REELS.example.com:443', 'localhost:4000'],
    refused: ['example.com', 'reels.example.com.evil.test', 'evil.test'],
  },
  'in a container whose port is published on loopback': {
    publicUrl: 'http://localhost:4000',
    listensOn: '0.0.0.0',
    cameTo: '172.17.0.2',
    answered: ['localhost:4000', '127.0.0.1:4000', '172.17.0.2:4000'],
    refused: ['evil.test', '192.168.0.2'],
  },
  'at a name of its own': {
    listensOn: 'reels.internal',
    cameTo: '10.0.0.5',
    answered: ['reels.internal:4000', '10.0.0.5'],
    refused: ['evil.test', 'localhost'],
  },
}

describe.each(Object.entries(cases))('%s', (_name, { publicUrl, listensOn, cameTo, answered, refused }) => {
  const guard = createHostGuard(publicUrl, listensOn)
  const ask = (host: string | undefined) =>
    guard({ headers: host === undefined ? {} : { host }, socket: { localAddress: cameTo } as Socket })

  it('answers at its own names and addresses', () => {
    expect(answered.filter((host) => ask(host) !== null)).toEqual([])
  })

  it('refuses every other, and names the setting', () => {
    const refusal = { status: 421, code: 'HOST_NOT_ALLOWED', message: expect.stringContaining('PUBLIC_URL') }
    for (const host of refused) expect(ask(host)).toEqual(refusal)
  })
})
