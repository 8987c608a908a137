import { readFileSync } from 'node:fs'
import type { Reply } from '../http/reply.ts'
import { type Markup, markup } from './markup.ts'

/** An HTML page with the common layout. */
export function htmlPage(status: number, title: string, body: Markup, head: Markup = markup``): Reply {
  const { html } = markup`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${title}</title>
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,"><link rel="stylesheet" href="/__local/page/style.css">${head}
</head><body>${body}</body></html>`
  return { status, text: { type: 'text/html', body: html } }
}

/** The header of every page except the consent page. */
export function pageHeader(current: 'profiles' | 'console'): Markup {
  const link = (name: typeof current, href: string, text: string) =>
    markup`<a href="${href}"${name === current && markup` aria-current="page"`}>${text}</a>`
  return markup`<header><h1>Local TikTok</h1>
<nav>${link('profiles', '/', 'Profiles')} ${link('console', '/__local/', 'Console')}</nav></header>`
}

const files = {
  'style.css': { type: 'text/css', body: read('style.css') },
  'console.js': { type: 'text/javascript', body: read('console.js') },
} as const

/** `/__local/page/<name>`: the style sheet and the script. */
export function pageFile(name: string | undefined): Reply {
  return name === 'style.css' || name === 'console.js'
    ? { status: 200, text: files[name] }
    : { status: 404, json: { error: 'no such file' } }
}

function read(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8')
}
