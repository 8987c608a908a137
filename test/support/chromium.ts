import { accessSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'
import { afterAll } from 'vitest'

const program = '/usr/bin/chromium'

/** A real browser that resolves the given names to this machine, or null, said aloud, where none is installed. */
export async function startChromium(names: readonly string[]): Promise<Browser | null> {
  try {
    accessSync(program)
  } catch {
    console.warn(
      '\n  SKIPPED: no Chromium is installed here; what a page of another origin can do is not tested.\n',
    )
    return null
  }
  const browser = await chromium.launch({
    executablePath: program,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // Otherwise a page that a test makes up is kept from this machine by a prompt, and it is not us who refuse it.
      '--disable-features=LocalNetworkAccessChecks',
      `--host-resolver-rules=${names.map((name) => `MAP ${name} 127.0.0.1`).join(', ')}`,
    ],
  })
  afterAll(() => browser.close())
  return browser
}
