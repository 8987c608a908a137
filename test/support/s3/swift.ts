import { mkdir, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import path from 'node:path'
import { inject } from 'vitest'
import { freePort } from '../free-port.ts'
import { waitUntil } from '../wait.ts'
import { type Programs, type S3Server, shareServer } from './shared-server.ts'

const services = ['account', 'container', 'object'] as const

/** OpenStack Swift with its S3 interface, on one folder. It has no conditional PUT. */
export async function useSwift(): Promise<S3Server | null> {
  return await shareServer(inject('runDirectory'), {
    name: 'swift',
    programs: [
      'swift-ring-builder',
      'swift-proxy-server',
      ...services.map((service) => `swift-${service}-server`),
    ],
    start,
  })
}

async function start({ directory, ...programs }: Programs): Promise<S3Server> {
  const common = `[DEFAULT]
bind_ip = 127.0.0.1
workers = 0
user = ${userInfo().username}
swift_dir = ${directory}
log_address = ${directory}/no-log
`
  await mkdir(path.join(directory, 'devices', 'd1'), { recursive: true })
  await writeFile(
    path.join(directory, 'swift.conf'),
    '[swift-hash]\nswift_hash_path_prefix = a\nswift_hash_path_suffix = b\n',
  )
  for (const service of services) {
    const port = await freePort()
    const builder = `${service}.builder`
    await programs.run('swift-ring-builder', [builder, 'create', '4', '1', '1'])
    await programs.run('swift-ring-builder', [builder, 'add', `r1z1-127.0.0.1:${port}/d1`, '1'])
    await programs.run('swift-ring-builder', [builder, 'rebalance'])
    const file = path.join(directory, `${service}.conf`)
    await writeFile(
      file,
      `${common}bind_port = ${port}
devices = ${directory}/devices
mount_check = false
disable_fallocate = true
[pipeline:main]
pipeline = ${service}-server
[app:${service}-server]
use = egg:swift#${service}
`,
    )
    await programs.start(`swift-${service}-server`, [file])
  }
  const port = await freePort()
  const filters = ['catch_errors', 'cache', 'listing_formats', 's3api', 'tempauth', 'slo', 'versioned_writes']
  const settings: Readonly<Record<string, string>> = {
    cache: `memcache_servers = 127.0.0.1:${await freePort()}`,
    s3api: 's3_acl = false\ncheck_bucket_owner = false\nlocation = us-east-1',
    tempauth: 'user_test_tester = secret-of-the-tester .admin',
  }
  const eggs: Readonly<Record<string, string>> = { cache: 'memcache' }
  const file = path.join(directory, 'proxy.conf')
  await writeFile(
    file,
    `${common}bind_port = ${port}
[pipeline:main]
pipeline = ${filters.join(' ')} proxy-server
[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true
${filters.map((name) => `[filter:${name}]\nuse = egg:swift#${eggs[name] ?? name}\n${settings[name] ?? ''}\n`).join('')}`,
  )
  await programs.start('swift-proxy-server', [file])
  const endpoint = `http://127.0.0.1:${port}`
  const answers = () =>
    fetch(endpoint).then(
      () => true,
      () => false,
    )
  await waitUntil(answers, Boolean, 100_000, 100)
  return { endpoint, accessKeyId: 'test:tester', secretAccessKey: 'secret-of-the-tester' }
}
