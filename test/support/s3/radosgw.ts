import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { inject } from 'vitest'
import { freePort } from '../free-port.ts'
import { waitUntil } from '../wait.ts'
import { type Programs, type S3Server, shareServer } from './shared-server.ts'

const clusterId = '3f2b9c60-54a1-4c0e-9d33-0a5d4be1c9a7'
const diskId = '6a0f7f1e-0f5b-4b7f-8a8e-5f8a0d7c2b11'

/** A Ceph cluster of one monitor and one disk in memory, behind its S3 gateway. It has a user besides, whose quota is one object. */
export interface Radosgw extends S3Server {
  readonly limited: Pick<S3Server, 'accessKeyId' | 'secretAccessKey'>
}

export async function useRadosgw(): Promise<Radosgw | null> {
  const server = await shareServer(inject('runDirectory'), {
    name: 'radosgw',
    programs: ['radosgw', 'radosgw-admin', 'ceph', 'ceph-mon', 'ceph-osd', 'monmaptool', 'ceph-authtool'],
    start,
  })
  return server && { ...server, limited }
}

const user = { accessKeyId: 'tester', secretAccessKey: 'a/secret+of=the tester' }
const limited = { accessKeyId: 'limited', secretAccessKey: 'secret-of-the-limited' }

async function start({ directory, ...programs }: Programs): Promise<S3Server> {
  const [gateway, monitor] = [await freePort(), await freePort()]
  for (const folder of ['mon', 'osd', 'rgw', 'run']) await mkdir(path.join(directory, folder))
  const conf = path.join(directory, 'ceph.conf')
  await writeFile(conf, configuration(directory, gateway, monitor))
  const run = (program: string, ...args: string[]) => programs.run(program, ['--conf', conf, ...args])

  const keyring = path.join(directory, 'keyring')
  const monKeyring = path.join(directory, 'mon.keyring')
  const monMap = path.join(directory, 'monmap')
  await run(
    'ceph-authtool',
    '--create-keyring',
    monKeyring,
    '--gen-key',
    '-n',
    'mon.',
    '--cap',
    'mon',
    'allow *',
  )
  for (const [index, name] of ['client.admin', 'client.rgw'].entries())
    await run(
      'ceph-authtool',
      ...(index === 0 ? ['--create-keyring'] : []),
      keyring,
      ...['--gen-key', '-n', name, '--cap', 'mon', 'allow *', '--cap', 'osd', 'allow *'],
    )
  const address = `[v2:127.0.0.1:${monitor}]`
  await run('monmaptool', '--create', '--clobber', '--fsid', clusterId, '--addv', 'a', address, monMap)
  await run('ceph-mon', '--mkfs', '-i', 'a', '--monmap', monMap, '--keyring', monKeyring)
  await programs.start('ceph-mon', ['--conf', conf, '-i', 'a', '-f'])
  const ask = (...words: string[]) => run('ceph', '--connect-timeout', '5', ...words).catch(() => '')
  await waitUntil(() => ask('mon', 'stat'), Boolean, 120_000, 100)
  const disk = (await run('ceph', 'osd', 'new', diskId)).trim()
  await run('ceph-osd', '-i', disk, '--mkfs', '--osd-uuid', diskId)
  await programs.start('ceph-osd', ['--conf', conf, '-i', disk, '-f'])
  await waitUntil(
    () => ask('osd', 'stat'),
    (state) => state.includes('1 up'),
    120_000,
    100,
  )
  await programs.start('radosgw', ['--conf', conf, '-n', 'client.rgw', '-f'])
  const endpoint = `http://127.0.0.1:${gateway}`
  const answers = () =>
    fetch(endpoint).then(
      () => true,
      () => false,
    )
  await waitUntil(answers, Boolean, 120_000, 100)
  for (const { accessKeyId, secretAccessKey } of [user, limited])
    await run(
      'radosgw-admin',
      ...['user', 'create', '--uid', accessKeyId, '--display-name', accessKeyId],
      ...['--access-key', accessKeyId, '--secret-key', secretAccessKey],
    )
  const quota = ['--uid', limited.accessKeyId, '--quota-scope', 'user']
  await run('radosgw-admin', 'quota', 'set', ...quota, '--max-objects', '1')
  await run('radosgw-admin', 'quota', 'enable', ...quota)
  return { endpoint, ...user }
}

const configuration = (directory: string, gateway: number, monitor: number) => `
[global]
fsid = ${clusterId}
mon host = v2:127.0.0.1:${monitor}
mon initial members = a
# Without authentication, the gateway still asks its monitor for a mode that none of them offers.
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc secure
ms bind msgr1 = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
run dir = ${directory}/run
admin socket = ${directory}/run/$name.sock
pid file = ${directory}/run/$name.pid
log file = ${directory}/$name.log
crash dir = ${directory}
keyring = ${directory}/keyring
mon data = ${directory}/mon
mon data avail warn = 1
mon data avail crit = 1
mon allow pool size one = true
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
[osd]
osd data = ${directory}/osd
osd objectstore = memstore
memstore device bytes = 1073741824
osd memory target = 939524096
osd op num shards = 2
osd op num threads per shard = 1
osd max pg per osd hard ratio = 30
[client.rgw]
rgw data = ${directory}/rgw
rgw frontends = beast endpoint=127.0.0.1:${gateway}
rgw thread pool size = 16
rgw dns name = localhost
`
