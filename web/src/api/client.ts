import type {
  AddServer,
  Answer,
  CallView,
  Complete,
  Completion,
  ErrorBody,
  ExchangeList,
  LoginStarted,
  PromptList,
  ResourceList,
  ServerView,
  StartCall,
  StartLogin,
  State,
  TemplateList,
  ToolList,
} from './types'

/** The host said no, or did not answer; `status` 0 is the latter. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly whatNext: string | null,
    readonly code?: ErrorBody['code'],
  ) {
    super(message)
  }
}

async function send(method: string, path: string, body?: unknown): Promise<Response> {
  let response: Response
  try {
    response = await fetch(`/api${path}`, {
      method,
      // The header cannot be set by another origin without this one's consent, which makes it the proof of origin.
      headers: method === 'GET' ? {} : { 'X-Barewire': '1', 'Content-Type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    })
  } catch {
    throw new ApiError(0, 'The host does not answer.', 'Start it again with `barewire demo` or `barewire host`.')
  }
  if (response.ok) return response
  const failure = (await response.json().catch(() => null)) as ErrorBody | null
  throw new ApiError(
    response.status,
    failure?.message ?? `The host answered ${response.status}.`,
    failure?.what_next ?? null,
    failure?.code,
  )
}

async function json<T>(method: string, path: string, body?: unknown): Promise<T> {
  return (await send(method, path, body)).json() as Promise<T>
}

const id = encodeURIComponent

/** The host's API, a function a path; see `crates/host/src/api.rs`. Every one throws `ApiError`. */
export const api = {
  state: () => json<State>('GET', '/state'),
  addServer: (body: AddServer) => json<ServerView>('POST', '/servers', body),
  removeServer: (server: string) => send('DELETE', `/servers/${id(server)}`),
  connect: (server: string) => json<ServerView>('POST', `/servers/${id(server)}/connect`),
  login: (server: string, body: StartLogin) => json<LoginStarted>('POST', `/servers/${id(server)}/login`, body),
  logout: (server: string) => json<ServerView>('POST', `/servers/${id(server)}/logout`),
  tools: (server: string) => json<ToolList>('GET', `/servers/${id(server)}/tools`),
  resources: (server: string) => json<ResourceList>('GET', `/servers/${id(server)}/resources`),
  templates: (server: string) => json<TemplateList>('GET', `/servers/${id(server)}/templates`),
  prompts: (server: string) => json<PromptList>('GET', `/servers/${id(server)}/prompts`),
  complete: (server: string, body: Complete) => json<Completion>('POST', `/servers/${id(server)}/complete`, body),
  call: (server: string, body: StartCall) => json<CallView>('POST', `/servers/${id(server)}/calls`, body),
  cancel: (call: string) => json<CallView>('POST', `/calls/${id(call)}/cancel`),
  answer: (call: string, body: Answer) => json<CallView>('POST', `/calls/${id(call)}/answer`, body),
  forgetCall: (call: string) => send('DELETE', `/calls/${id(call)}`),
  exchanges: (server: string) => json<ExchangeList>('GET', `/exchanges?server=${id(server)}`),
  forgetExchanges: (server: string) => send('DELETE', `/exchanges?server=${id(server)}`),
  curl: async (exchange: string) => (await send('GET', `/exchanges/${id(exchange)}/curl`)).text(),
  harPath: (server: string) => `/api/servers/${id(server)}/export.har`,
}
