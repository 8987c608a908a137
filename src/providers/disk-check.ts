import { rm, statfs } from 'node:fs/promises'
import path from 'node:path'
import { HostFault, hostFaultOf } from './host-fault.ts'
import { temporaryName, writeDurably } from './storage/durable-file.ts'

/** Less than this is a full disk: a video, its scenes and its parts need some tens of megabytes at once. */
export const minFreeBytes = 64 * 1024 * 1024
const probe = Buffer.alloc(1024 * 1024)

/** Throws a HostFault if nothing can be written to the directory: some writing is the only sure way to know. */
export async function probeWriting(directory: string): Promise<void> {
  const file = path.join(directory, temporaryName())
  try {
    await writeDurably(file, [probe])
  } catch (cause) {
    throw new HostFault(hostFaultOf(cause) ?? 'DISK_UNUSABLE', 'the disk takes no more bytes', { cause })
  } finally {
    await rm(file, { force: true }).catch(() => undefined)
  }
}

/** The same, and also when so little is free that the next video would not fit. */
export async function checkDisk(directory: string): Promise<void> {
  const { bavail, bsize } = await statfs(directory).catch((cause) => {
    throw new HostFault(hostFaultOf(cause) ?? 'DISK_UNUSABLE', 'the directory cannot be looked at', { cause })
  })
  const free = bavail * bsize
  if (free < minFreeBytes)
    throw new HostFault('DISK_FULL', `${Math.floor(free / 1024 / 1024)} MB are free on the disk`)
  await probeWriting(directory)
}
