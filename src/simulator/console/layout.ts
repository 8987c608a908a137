import { readFileSync } from 'node:fs'
import type { Reply } from '../http/reply.ts'
import { type Markup, markup } from './markup.ts'

/** A page of ours, all alike. */
export function htmlPage(status: number, title: string, body: Markup, head: Markup = markup``): Reply {
  const { html } = markup`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${title}</title>
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,"><link rel="stylesheet" href="/__local/page/style.css">${head}
</head><body>${body}</body></html>`
  return { status, text: { type: 'text/html', body: html } }
}

/** What is above every page but the one where a person decides. */
export function masthead(here: 'profiles' | 'desk'): Markup {
  const link = (name: typeof here, href: string, text: string) =>
    markup`<a href="${href}"${name === here && markup` aria-current="page"`}>${text}</a>`
  return markup`<header><h1>Local TikTok</h1>
<nav>${link('profiles', '/', 'Profiles')} ${link('desk', '/__local/', 'Desk')}</nav></header>`
}

const files = {
  'style.css': { type: 'text/css', body: read('style.css') },
  'console.js': { type: 'text/javascript', body: read('console.js') },
} as const

/** `/__local/page/<name>`: what the pages are made with. */
export function pageFile(name: string | undefined): Reply {
  return name === 'style.css' || name === 'console.js'
    ? { status: 200, text: files[name] }
    : { status: 404, json: { error: 'no such file' } }
}

function read(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8')
}
