import { accessSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'
import { afterFile } from './after-file.ts'

const executablePath = '/usr/bin/chromium'

/** Starts a real browser that resolves the given names to this machine. Prints a warning and returns null if none is installed. */
export async function startChromium(names: readonly string[]): Promise<Browser | null> {
  try {
    accessSync(executablePath)
  } catch {
    console.warn(
      '\n  SKIPPED: Chromium is not installed; requests from pages of another origin are not tested.\n',
    )
    return null
  }
  const browser = await chromium.launch({
    executablePath,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // Otherwise a prompt of the browser blocks requests to this machine before the server can refuse them.
      '--disable-features=LocalNetworkAccessChecks',
      `--host-resolver-rules=${names.map((name) => `MAP ${name} 127.0.0.1`).join(', ')}`,
    ],
  })
  afterFile(() => browser.close())
  return browser
}
