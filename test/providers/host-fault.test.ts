import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { HostFault, hostFaultOf } from '../../src/providers/host-fault.ts'

const systemError = (code: string, more: object) => Object.assign(new Error('x'), { code, ...more })

it.each([
  ['ENOSPC', { syscall: 'write' }, 'DISK_FULL'],
  ['EDQUOT', { syscall: 'write' }, 'DISK_FULL'],
  ['EFBIG', { syscall: 'write' }, 'DISK_FULL'],
  ['EROFS', { syscall: 'open', path: '/data/x' }, 'DISK_UNUSABLE'],
  ['EACCES', { syscall: 'mkdir', path: '/data/x' }, 'DISK_UNUSABLE'],
  ['EIO', { syscall: 'read' }, 'DISK_UNUSABLE'],
  ['ENOENT', { syscall: 'open', path: '/data/x' }, 'DISK_UNUSABLE'],
  ['EMFILE', { syscall: 'open', path: '/data/x' }, 'HOST_EXHAUSTED'],
  ['ENOMEM', { syscall: 'spawn node' }, 'HOST_EXHAUSTED'],
  ['EAGAIN', { syscall: 'spawn node', path: 'node' }, 'HOST_EXHAUSTED'],
  // Network errors and unknown errors are no faults of this machine.
  ['ECONNREFUSED', { syscall: 'connect', address: '127.0.0.1' }, null],
  ['EACCES', { syscall: 'connect', address: '10.0.0.1' }, null],
  ['ECONNRESET', { syscall: 'read' }, null],
  ['53100', {}, null],
])('the system error %s %j is the host fault %s', (code, more, fault) => {
  const error = systemError(code, more)
  expect(hostFaultOf(error)).toBe(fault)
  expect(hostFaultOf(new Error('outer', { cause: new Error('middle', { cause: error }) }))).toBe(fault)
})

it('a HostFault and real system errors are recognised', async () => {
  expect(hostFaultOf(new HostFault('FFMPEG_MISSING', 'x'))).toBe('FFMPEG_MISSING')
  expect(hostFaultOf(await readFile('/no/such/file').catch((error) => error))).toBe('DISK_UNUSABLE')
  const full = await open('/dev/full', 'w')
  expect(hostFaultOf(await full.write('x').catch((error) => error))).toBe('DISK_FULL')
  await full.close()
  const [refused] = await once(connect('/no/such/socket'), 'error').then(
    (found) => found,
    (error) => [error],
  )
  expect(hostFaultOf(refused)).toBeNull()
  expect(hostFaultOf('text')).toBeNull()
})

it('a file size limit counts as a full disk', async () => {
  const module = fileURLToPath(new URL('../../src/providers/disk-check.ts', import.meta.url))
  const script = `import(${JSON.stringify(module)}).then(({ probeWriting }) => probeWriting('/tmp'))
    .catch((error) => console.log(error.fault))`
  const child = spawn('sh', ['-c', 'ulimit -f 100; exec "$0" -e "$1"', process.execPath, script])
  let printed = ''
  child.stdout.on('data', (text) => {
    printed += text
  })
  await once(child, 'close')
  expect(printed.trim()).toBe('DISK_FULL')
})
