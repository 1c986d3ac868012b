import { expect, test } from 'vitest'
import { addressOf } from '@/servers/address'

test.each([
  ['https://example.com/mcp', 'https://example.com/mcp'],
  [' http://10.0.0.1:8000/mcp ', 'http://10.0.0.1:8000/mcp'],
  ['example.com/mcp', 'https://example.com/mcp'],
  ['example.com:8443/mcp', 'https://example.com:8443/mcp'],
  ['localhost:8000/mcp', 'http://localhost:8000/mcp'],
  ['127.0.0.1:8000', 'http://127.0.0.1:8000'],
  ['[::1]:8000/mcp', 'http://[::1]:8000/mcp'],
  ['localhost.example.com/mcp', 'https://localhost.example.com/mcp'],
])('%s is meant as %s', (typed, url) => expect(addressOf(typed)).toEqual({ url }))

test.each(['ws://example.com/mcp', 'file:///etc/passwd', 'two words', 'https://example.com:x/'])('%s is none', (typed) =>
  expect(addressOf(typed).problem).toBeTruthy(),
)

test.each(['  ', 'https://'])('%j is no mistake yet', (typed) => expect(addressOf(typed)).toEqual({}))
